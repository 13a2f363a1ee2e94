use super::output::{Table, emit, emit_json};
use super::{Context, Run};
use crate::engine::{self, AdapterReport};
use crate::error::Result;

/// List the adapters, best first, with what they can do
#[derive(clap::Args, Debug)]
pub struct Adapters {}

impl Run for Adapters {
    fn run(self, cx: &Context) -> Result<()> {
        let mut all = engine::adapters();
        if let Some(backend) = &cx.backend {
            all.retain(|a| a.backend == *backend);
        }
        if all.is_empty() {
            cx.note(
                "no adapter was found; install a Vulkan driver (on Debian: mesa-vulkan-drivers gives a software one)",
            );
        }
        if cx.json {
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({ "schema": 1, "version": version, "adapters": all }));
        }
        let mut table =
            Table::new(&["#", "name", "type", "backend", "driver", "lanes", "features", "buffer", "binding"]);
        all.iter().for_each(|a| table.row(cells(a)));
        emit(&table.to_string())
    }
}

fn cells(a: &AdapterReport) -> Vec<String> {
    let lanes = match (a.subgroup_min, a.subgroup_max) {
        (0, _) => "-".to_owned(),
        (min, max) if min == max => min.to_string(),
        (min, max) => format!("{min}-{max}"),
    };
    vec![
        a.index.to_string(),
        a.name.clone(),
        a.kind.clone(),
        a.backend.clone(),
        format!("{} {}", a.driver, a.driver_info).trim().to_owned(),
        lanes,
        a.features.join(" "),
        mebibytes(a.limits.max_buffer_bytes),
        mebibytes(a.limits.max_storage_buffer_binding_bytes),
    ]
}

fn mebibytes(bytes: u64) -> String {
    match bytes >> 20 {
        // Some drivers state "no limit" as the largest number.
        mib if mib >= 1 << 30 => "no limit".to_owned(),
        mib => format!("{mib} MiB"),
    }
}
