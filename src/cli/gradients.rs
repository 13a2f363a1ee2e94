use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::Result;
use crate::run::gradients::{GradientJob, Options, STATISTICS};

/// Write gradients, Fisher diagonals and curvature of a run as safetensors
#[derive(clap::Args, Debug)]
pub struct Gradients {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Which statistic; `unlearn list statistics` says what each is
    #[arg(long, value_parser = PossibleValuesParser::new(STATISTICS.iter().map(|s| s.name)))]
    kind: String,
    /// Training records: a half-open range A..B, or a file of positions
    #[arg(long, value_name = "FILE|A..B")]
    indices: String,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// clipped: length that no record's gradient counts for more than; absent: the median of their lengths
    #[arg(long, value_name = "C")]
    clip: Option<f32>,
    /// fisher: a diagonal for each class, as `class3.fc1.weight`
    #[arg(long)]
    by_class: bool,
}

impl Run for Gradients {
    fn run(self, cx: &Context) -> Result<()> {
        let options = Options { clip: self.clip, by_class: self.by_class };
        let job = GradientJob::read(&self.run, &self.indices, &self.kind, options)?;
        let mut engine = cx.engine()?;
        let written = job.write(&mut engine, &self.out)?;
        cx.write_trace(&engine.take_timings())?;
        if cx.json {
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({
                "schema": 1, "version": version, "file": self.out, "estimator": written.estimator, "count": written.count,
            }));
        }
        emit(&format!("{}: {} over {} records\n", self.out.display(), written.estimator, written.count))
    }
}
