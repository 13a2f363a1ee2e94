use std::path::PathBuf;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::Result;
use crate::run::guess::draft;

/// Draft `[[model.layers]]` from the names and shapes of a model's file
///
/// What a file of weights does not say (activations, poolings, strides, paddings) is marked with a question mark. The
/// file is read as data, and nothing in it is run.
#[derive(clap::Args, Debug)]
pub struct Guess {
    /// File of the weights: .safetensors, .pt or .pth
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Key of the checkpoint that has the state dict
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Run for Guess {
    fn run(self, cx: &Context) -> Result<()> {
        let draft = draft(&self.model, self.key.as_deref())?;
        if cx.json {
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({ "schema": "unlearn.guess/1", "version": version, "toml": draft }));
        }
        emit(&draft)
    }
}
