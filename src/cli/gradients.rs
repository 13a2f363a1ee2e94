use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use super::output::{emit, emit_json, shown};
use super::{Context, Run};
use crate::error::Result;
use crate::run::gradients::{GradientJob, Options, STATISTICS};
use crate::run::influence::{Against, How};

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
    /// clipped: longest gradient of a record, beyond which it is scaled down; absent: the median of their lengths
    #[arg(long, value_name = "C")]
    clip: Option<f32>,
    /// fisher: a diagonal for each class, as `class3.fc1.weight`
    #[arg(long)]
    by_class: bool,
    /// ggn-diag, kfac, ekfac: labels that the model draws for each record; absent: the expectation over all, exactly
    #[arg(long, value_name = "N")]
    samples: Option<u32>,
    /// gvp, hvp: a safetensors file with the parameters' names; absent: the gradient of the mean loss
    #[arg(long, value_name = "FILE")]
    direction: Option<PathBuf>,
    /// influence: by products of gradients (TracIn) or by the curvature
    #[arg(long, value_enum)]
    how: Option<HowScored>,
    /// influence: `validation`, `test`, `self`, or training records as --indices takes them
    #[arg(long, value_name = "WHAT", value_parser = against)]
    against: Option<Against>,
    /// influence, tracin: after which epochs of the training, counted from 1; absent: at its end
    #[arg(long, value_name = "N,N…", value_delimiter = ',')]
    epochs: Vec<usize>,
    /// influence, by the curvature: added to its diagonal
    #[arg(long, value_name = "D")]
    damping: Option<f64>,
    /// influence: also write the records by score, as JSON or (by its name) CSV
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum HowScored {
    Tracin,
    Influence,
}

fn against(text: &str) -> std::result::Result<Against, std::convert::Infallible> {
    Ok(match text {
        "validation" => Against::Validation,
        "test" => Against::Test,
        "self" => Against::Themselves,
        listed => Against::Listed(listed.to_owned()),
    })
}

impl Run for Gradients {
    fn run(self, cx: &Context) -> Result<()> {
        let listed = self.against.as_ref().and_then(|against| match against {
            Against::Listed(list) => Some(PathBuf::from(list)),
            _ => None,
        });
        let outputs = cx.outputs().file("--out", Some(&self.out)).file("--table", self.table.as_deref());
        let outputs = outputs.reads_runs([&self.run]).reads([&self.indices]).reads(&self.direction).reads(&listed);
        outputs.check()?;
        let how = self.how.map(|how| match how {
            HowScored::Tracin => How::Tracin,
            HowScored::Influence => How::Influence,
        });
        let options = Options {
            clip: self.clip,
            by_class: self.by_class,
            samples: self.samples,
            direction: self.direction,
            how,
            against: self.against,
            epochs: self.epochs,
            damping: self.damping,
            table: self.table,
        };
        let job = GradientJob::read(&self.run, &self.indices, &self.kind, options)?;
        let lost = job.lost();
        if let Some(lost) = &lost {
            cx.note(&format!("{}: {lost}", self.run.display()));
        }
        let mut engine = cx.engine()?;
        let written = job.write(&mut engine, &self.out)?;
        cx.write_trace(&engine.take_timings())?;
        if cx.json {
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({
                "schema": 1, "version": version, "file": shown(&self.out), "estimator": written.estimator,
                "count": written.count, "source": lost,
            }));
        }
        emit(&format!("{}: {} over {} records\n", self.out.display(), written.estimator, written.count))
    }
}
