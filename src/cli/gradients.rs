use std::path::PathBuf;

use clap::ValueEnum;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::Result;
use crate::run::gradients::{GradientJob, Statistic};

/// Write gradients or the Fisher diagonal of a run as safetensors
#[derive(clap::Args, Debug)]
pub struct Gradients {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Which statistic
    #[arg(long, value_enum)]
    kind: Kind,
    /// Training records: a half-open range A..B, or a file of positions
    #[arg(long, value_name = "FILE|A..B")]
    indices: String,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Mean,
    PerSample,
    Fisher,
}

impl From<Kind> for Statistic {
    fn from(kind: Kind) -> Statistic {
        match kind {
            Kind::Mean => Statistic::Mean,
            Kind::PerSample => Statistic::PerSample,
            Kind::Fisher => Statistic::Fisher,
        }
    }
}

impl Run for Gradients {
    fn run(self, cx: &Context) -> Result<()> {
        let statistic = Statistic::from(self.kind);
        let job = GradientJob::read(&self.run, &self.indices, statistic)?;
        let mut engine = cx.engine()?;
        let count = job.write(&mut engine, &self.out)?;
        cx.write_trace(&engine.take_timings())?;
        if cx.json {
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({
                "schema": 1, "version": version, "file": self.out, "estimator": statistic.estimator(), "count": count,
            }));
        }
        emit(&format!("{}: {} over {count} records\n", self.out.display(), statistic.estimator()))
    }
}
