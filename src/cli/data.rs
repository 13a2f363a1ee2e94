use std::path::PathBuf;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::Result;
use crate::run::config::Loaded;
use crate::run::describe::Description;

/// Show what a configuration loads: records by split and class, ids, columns, what is fitted on what
#[derive(clap::Args, Debug)]
pub struct Data {
    /// Configuration file (TOML)
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Change a setting: `--set data.id=customer_id`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Run for Data {
    fn run(self, cx: &Context) -> Result<()> {
        let data = Loaded::read(&self.config, &self.set, cx.seed)?.config.load()?;
        let description = Description::of(&data);
        if cx.json { emit_json(&description) } else { emit(&description.text()) }
    }
}
