use super::output::{Table, emit, emit_json};
use super::{Context, Run, registries};
use crate::engine::{Kernel, composed};
use crate::error::{Error, Result};
use crate::harness::check::kernels_of;
use crate::kernels;

/// List a registry: what this build knows
#[derive(clap::Args, Debug)]
pub struct List {
    /// Which registry; all of them if absent
    registry: Option<String>,
}

/// A list that `unlearn list` can print.
pub struct Registry {
    pub name: &'static str,
    pub table: fn() -> Result<Table>,
}

/// The registries, in the order of printing.
pub static REGISTRIES: &[Registry] = &[
    Registry { name: "layers", table: registries::layers },
    Registry { name: "models", table: registries::models },
    Registry { name: "optimizers", table: registries::optimizers },
    Registry { name: "methods", table: registries::methods },
    Registry { name: "statistics", table: registries::statistics },
    Registry { name: "metrics", table: registries::metrics },
    Registry { name: "datasets", table: registries::datasets },
    Registry { name: "experiments", table: registries::experiments },
    Registry { name: "kernels", table: kernel_table },
];

impl Run for List {
    fn run(self, cx: &Context) -> Result<()> {
        let chosen: Vec<&Registry> = match &self.registry {
            None => REGISTRIES.iter().collect(),
            Some(name) => vec![named(name)?],
        };
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
    let mut table = Table::new(&["name", "bindings", "overrides", "requires", "cases"]);
    // A family at a time: the inputs of all cases together are hundreds of megabytes.
    let used: Vec<Vec<&str>> =
        kernels::FAMILIES.iter().flat_map(|family| family.cases().iter().map(kernels_of).collect::<Vec<_>>()).collect();
    for kernel in kernels::kernels() {
        let count = used.iter().filter(|names| names.contains(&kernel.name)).count();
        table.row(kernel_cells(kernel, count)?);
    }
    Ok(table)
}

fn kernel_cells(kernel: &'static Kernel, cases: usize) -> Result<[String; 5]> {
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
    Ok([kernel.name.to_owned(), join(&mut { bindings }), join(&mut { overrides }), requires, cases.to_string()])
}
