use super::output::{Table, emit, emit_json};
use super::{Context, Run, commands, markdown, registries};
use crate::engine::{Kernel, composed};
use crate::error::{Error, Result};
use crate::kernels;

/// List a registry: what this build knows
#[derive(clap::Args, Debug)]
pub struct List {
    /// Which registry; all of them if absent
    registry: Option<String>,

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
}

/// The registries, in the order of printing.
pub static REGISTRIES: &[Registry] = &[
    Registry {
        name: "commands",
        about: "What the program does, a command each. `unlearn COMMAND --help` prints the same.",
        table: commands::table,
        details: Some(commands::details),
    },
    Registry {
        name: "layers",
        about: "Values of `type` in `[[model.layers]]`. Inputs are inferred; pictures are `[channels, height, width]`.",
        table: registries::layers,
        details: Some(registries::layer_keys),
    },
    Registry {
        name: "models",
        about: "Values of `model.zoo`: networks that come with the program. `model.hidden` sets their widths.",
        table: registries::models,
        details: None,
    },
    Registry {
        name: "optimizers",
        about: "Values of `train.optimizer` and of `train.schedule`.",
        table: registries::optimizers,
        details: None,
    },
    Registry {
        name: "methods",
        about: "Values of `unlearn forget --method` and of `forget.methods`. The tier says how strong a result is: \
                *exact*, *certified* (ε and δ under assumptions that the program checks) or *approximate* (to be \
                measured against retrained models).",
        table: registries::methods,
        details: Some(registries::method_settings),
    },
    Registry {
        name: "statistics",
        about: "Values of `unlearn gradients --kind`. All are exact per record, without weight decay and dropout.",
        table: registries::statistics,
        details: None,
    },
    Registry {
        name: "metrics",
        about: "What `unlearn eval`, `run` and `demo` compute. The keys are those of `eval --json`.",
        table: registries::metrics,
        details: None,
    },
    Registry {
        name: "datasets",
        about: "Values of `data.loader`. Relative paths start at the configuration's folder.",
        table: registries::datasets,
        details: Some(registries::loader_keys),
    },
    Registry {
        name: "experiments",
        about: "Configurations that come with the program, in `assets/experiments/NAME.toml`, for `unlearn run` and \
                `unlearn train`. `unlearn demo` runs those marked so.",
        table: registries::experiments,
        details: None,
    },
    Registry {
        name: "kernels",
        about: "The WGSL kernels, in `shaders/FAMILY/NAME.wgsl`. A binding with a star is written. Overrides stand with \
                their defaults. `unlearn check --coverage` counts the cases that hold each to its CPU twin.",
        table: kernel_table,
        details: None,
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
            let table = (registry.table)()?;
            document[registry.name] = table.rows.iter().map(|row| entry(&table.columns, row)).collect();
            if chosen.len() > 1 {
                text += &format!("{}\n", registry.name);
            }
            text += &table.to_string();
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
