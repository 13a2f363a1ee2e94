use std::path::PathBuf;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::Result;
use crate::run::lineage::Lineage;

/// Draw who came from whom, and which copies still hold something of the records that a run forgot
///
/// Runs are looked for where parents lie, beside them and in their folders; exports are those that `export` wrote,
/// whose copies nobody knows. `*` marks the run. A copy `holds` the records, is `derived` from one that did, or is
/// `free`.
#[derive(clap::Args, Debug)]
pub struct ShowLineage {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
}

impl Run for ShowLineage {
    fn run(self, cx: &Context) -> Result<()> {
        let lineage = Lineage::of(&self.run)?;
        match cx.json {
            true => emit_json(&lineage),
            false => emit(&lineage.tree()),
        }
    }
}
