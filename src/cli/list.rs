use super::output::{Table, emit, emit_json};
use super::{Context, Run, commands, markdown, registries};
use crate::base::did_you_mean;
use crate::engine::{Kernel, composed};
use crate::error::{Error, Result};
use crate::kernels;

/// List a registry: what this build knows
#[derive(clap::Args, Debug)]
pub struct List {
    /// Which registry; all of them if absent
    registry: Option<String>,

    /// One row of it; `unlearn list methods NAME` has the settings of one method
    #[arg(value_name = "NAME", requires = "registry")]
    row: Option<String>,

    /// Print a page of Markdown, as docs/reference holds it
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

/// A list that `unlearn list` can print.
pub struct Registry {
    /// The word after `unlearn list`.
    pub name: &'static str,
    /// What the list is and where its names are used, as Markdown.
    pub about: &'static str,
    /// Makes the table that the command prints.
    pub table: fn() -> Result<Table>,
    /// What a page says of each row below the table, as Markdown.
    pub details: Option<fn() -> Result<String>>,
    /// What belongs to each row.
    pub parts: Option<Parts>,
}

/// A table that belongs to a row.
pub struct Parts {
    /// What it holds.
    pub name: &'static str,
    /// The table of the row of this name.
    pub of: fn(&str) -> Result<Table>,
}

/// The registries, in the order of printing.
pub static REGISTRIES: &[Registry] = &[
    Registry {
        name: "commands",
        about: "What the program does, a command each. `unlearn COMMAND --help` prints the same.",
        table: commands::table,
        details: Some(commands::details),
        parts: None,
    },
    Registry {
        name: "keys",
        about: "Every key of a configuration. `--set KEY=VALUE` sets one from outside; a layer's keys stand by its \
                `type`. `unlearn schema config` prints the same for editors, `unlearn template` a file to start \
                from. A key of `[data]` is refused where the loader does not read it ([datasets](datasets.md)).",
        table: registries::keys,
        details: None,
        parts: None,
    },
    Registry {
        name: "layers",
        about: "Values of `type` in `[[model.layers]]`. Inputs are inferred; pictures are `[channels, height, width]`.",
        table: registries::layers,
        details: Some(registries::layer_keys),
        parts: None,
    },
    Registry {
        name: "models",
        about: "Values of `model.zoo`: networks that come with the program. `model.hidden` sets their widths.",
        table: registries::models,
        details: None,
        parts: None,
    },
    Registry {
        name: "optimizers",
        about: "Values of `train.optimizer` and of `train.schedule`.",
        table: registries::optimizers,
        details: None,
        parts: None,
    },
    Registry {
        name: "objectives",
        about: "Values of `train.objective`: what training minimises. Without the key the records choose.",
        table: registries::objectives,
        details: None,
        parts: None,
    },
    Registry {
        name: "methods",
        about: "Values of `unlearn forget --method` and of `forget.methods`. The tier says how strong a result is: \
                *exact*, *certified* (ε and δ under assumptions that the program checks) or *approximate* (to be \
                measured against retrained models).",
        table: registries::methods,
        details: Some(registries::method_settings),
        parts: Some(Parts { name: "settings", of: registries::settings }),
    },
    Registry {
        name: "statistics",
        about: "Values of `unlearn gradients --kind`. All are exact per record, without weight decay and dropout.",
        table: registries::statistics,
        details: None,
        parts: None,
    },
    Registry {
        name: "metrics",
        about: "What `unlearn eval`, `run` and `demo` compute. The keys are those of `eval --json`.",
        table: registries::metrics,
        details: None,
        parts: None,
    },
    Registry {
        name: "datasets",
        about: "Values of `data.loader`. Relative paths start at the configuration's folder.",
        table: registries::datasets,
        details: Some(registries::loader_keys),
        parts: None,
    },
    Registry {
        name: "experiments",
        about: "Configurations that come with the program, in `assets/experiments/NAME.toml`, for `unlearn run` and \
                `unlearn train`. `unlearn demo` runs those marked so.",
        table: registries::experiments,
        details: None,
        parts: None,
    },
    Registry {
        name: "kernels",
        about: "The WGSL kernels, in `shaders/FAMILY/NAME.wgsl`. A binding with a star is written. Overrides stand \
            with \
                their defaults. `unlearn check --coverage` counts the cases that hold each to its CPU twin.",
        table: kernel_table,
        details: None,
        parts: None,
    },
];

impl Run for List {
    fn run(self, cx: &Context) -> Result<()> {
        let chosen: Vec<&Registry> = match &self.registry {
            None => REGISTRIES.iter().collect(),
            Some(name) => vec![named(name)?],
        };
        if self.markdown {
            let pages: Vec<String> = chosen.iter().map(|registry| markdown::page(registry)).collect::<Result<_>>()?;
            return emit(&pages.join("\n"));
        }
        let mut document = serde_json::json!({ "schema": 1, "version": env!("CARGO_PKG_VERSION") });
        let mut text = String::new();
        for registry in &chosen {
            let mut table = (registry.table)()?;
            if let Some(name) = &self.row {
                let names: Vec<String> = table.rows.iter().map(|row| row[0].clone()).collect();
                if !names.contains(name) {
                    let near = did_you_mean(name, names.iter().map(String::as_str));
                    return Err(Error::input(format!("{} has no `{name}`{near}", registry.name)));
                }
                table.rows.retain(|row| row[0] == *name);
            }
            if chosen.len() > 1 {
                text += &format!("{}\n", registry.name);
            }
            text += &table.to_string();
            let (entries, parts) = rows(registry, &table)?;
            document[registry.name] = entries;
            text += &parts;
        }
        if cx.json { emit_json(&document) } else { emit(&text) }
    }
}

fn named(name: &str) -> Result<&'static Registry> {
    REGISTRIES.iter().find(|r| r.name == name).ok_or_else(|| {
        let near = REGISTRIES.iter().map(|r| r.name).max_by(|a, b| {
            let near = |r: &str| strsim::jaro_winkler(name, r);
            near(a).total_cmp(&near(b))
        });
        let all: Vec<_> = REGISTRIES.iter().map(|r| r.name).collect();
        let (near, all) = (near.unwrap_or_default(), all.join(", "));
        Error::input(format!("there is no registry `{name}`; did you mean `{near}`? There are {all}"))
    })
}

/// The rows as JSON, each with its parts, and the parts as text.
fn rows(registry: &Registry, table: &Table) -> Result<(serde_json::Value, String)> {
    let (mut entries, mut text) = (Vec::new(), String::new());
    for row in &table.rows {
        let mut json = entry(&table.columns, row);
        if let Some(Parts { name: what, of }) = &registry.parts {
            let parts = of(&row[0])?;
            json[*what] = parts.rows.iter().map(|row| entry(&parts.columns, row)).collect();
            text += &format!("\n{what} of {}{}\n", row[0], if parts.rows.is_empty() { ": none" } else { "" });
            if !parts.rows.is_empty() {
                text += &parts.to_string();
            }
        }
        entries.push(json);
    }
    Ok((entries.into(), text))
}

/// One row as a JSON object keyed by the column heads.
fn entry(columns: &[String], row: &[String]) -> serde_json::Value {
    columns.iter().cloned().zip(row.iter().map(|cell| serde_json::Value::from(cell.as_str()))).collect()
}

fn kernel_table() -> Result<Table> {
    let mut table = Table::new(&["name", "bindings", "overrides", "requires"]);
    for kernel in kernels::kernels() {
        table.row(kernel_cells(kernel)?);
    }
    Ok(table)
}

fn kernel_cells(kernel: &'static Kernel) -> Result<[String; 4]> {
    let shader = composed(kernel)?.reflection;
    let bindings = shader.storage.iter().map(|(name, written, _)| format!("{name}{}", if *written { "*" } else { "" }));
    let overrides = shader.overrides.iter().map(|(name, default)| match default.is_nan() {
        true => name.clone(),
        false => format!("{name}={default}"),
    });
    let requires = match kernel.requires {
        crate::engine::Requires::Nothing => "-".to_owned(),
        other => format!("{other:?}"),
    };
    let join = |words: &mut dyn Iterator<Item = String>| words.collect::<Vec<_>>().join(" ");
    Ok([kernel.name.to_owned(), join(&mut { bindings }), join(&mut { overrides }), requires])
}
