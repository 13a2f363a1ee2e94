use clap::builder::PossibleValuesParser;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::templates::TEMPLATES;

/// Print a configuration to start from, with comments
///
/// `unlearn template csv > customers.toml`, then set the paths in it.
#[derive(clap::Args, Debug)]
pub struct Template {
    /// `csv`: a table; `regression`: numbers to predict; `images`: a folder of pictures by class; `graph`: nodes and
    /// edges; `experiment`: a comparison of methods on data that come with the program
    #[arg(value_parser = PossibleValuesParser::new(TEMPLATES.iter().map(|template| template.0)))]
    template: String,
}

impl Run for Template {
    fn run(self, cx: &Context) -> Result<()> {
        let found = TEMPLATES.iter().find(|(name, _)| *name == self.template);
        let (name, text) = found.ok_or_else(|| Error::internal(format!("no template {}", self.template)))?;
        if cx.json {
            let version = env!("CARGO_PKG_VERSION");
            let document = serde_json::json!({ "schema": 1, "version": version, "template": name, "toml": text });
            return emit_json(&document);
        }
        emit(text)
    }
}
