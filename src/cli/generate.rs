use std::path::PathBuf;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::Result;
use crate::run::generate::{GenerateJob, Sampling};

/// Let a run's language model write text
///
/// A token at a time, each drawn from what the model gives it behind the text so far; the likeliest one unless
/// `--temperature` says otherwise. The same run, seed and adapter write the same text.
#[derive(clap::Args, Debug)]
pub struct Generate {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// What the text begins with; nothing: a text from its beginning
    #[arg(long, value_name = "TEXT", default_value = "")]
    prompt: String,
    /// Most tokens behind the prompt; the model may end sooner
    #[arg(long, value_name = "N", default_value_t = 64)]
    tokens: usize,
    /// Logits are divided by it before a token is drawn; 0 takes the likeliest
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    temperature: f64,
    /// Draw among the likeliest K tokens alone
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Seed of the draws
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Number of texts
    #[arg(long, value_name = "N", default_value_t = 1)]
    samples: usize,
}

impl Run for Generate {
    fn run(self, cx: &Context) -> Result<()> {
        let job = GenerateJob::read(&self.run)?;
        let mut engine = cx.engine()?;
        let Generate { prompt, tokens, temperature, top_k, seed, samples, .. } = self;
        let how = Sampling { prompt, tokens, temperature, top_k, seed, samples };
        let texts = job.generate(&mut engine, &how)?;
        cx.write_trace(&engine.take_timings())?;
        if cx.json {
            return emit_json(&serde_json::json!({
                "schema": "unlearn.generate/1", "version": env!("CARGO_PKG_VERSION"), "prompt": how.prompt,
                "texts": texts, "model_sha256": job.model_sha256(),
            }));
        }
        texts.iter().try_for_each(|written| emit(&format!("{}{}\n", how.prompt, written.text)))
    }
}
