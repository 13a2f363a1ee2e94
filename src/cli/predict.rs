use std::path::{Path, PathBuf};

use super::output::{emit, emit_json, shown};
use super::{Context, Run};
use crate::data::TargetKind;
use crate::error::Result;
use crate::run::predict::{PredictJob, check_ending};

/// Write what a run's model says of records: logits, probabilities, classes or values, ids
///
/// Of the run's own data, or of a file: a NumPy archive with the records in `x` as the source has them ([n, …], scaled
/// by what the run has fitted) or, for a run over a table or a folder of pictures, another table or folder like it.
#[derive(clap::Args, Debug)]
pub struct Predict {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Records: `train`, `val`, `test` or `all` of the run's data, or a file
    #[arg(long, value_name = "WHICH|FILE")]
    on: String,
    /// File to write: a table (.csv), or arrays for NumPy (.npz)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Run for Predict {
    fn run(self, cx: &Context) -> Result<()> {
        check_ending(&self.out)?;
        let file = Some(Path::new(&self.on)).filter(|path| path.exists());
        cx.outputs().file("--out", Some(&self.out)).reads_runs([&self.run]).reads(file).check()?;
        let job = PredictJob::read(&self.run, &self.on)?;
        let mut engine = cx.engine()?;
        let said = job.predict(&mut engine)?;
        cx.write_trace(&engine.take_timings())?;
        said.write(&self.out)?;
        let (records, classes, accuracy) = (said.ids.len(), said.classes.len(), said.accuracy());
        if cx.json {
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({
                "schema": "unlearn.predict/1", "version": version, "file": shown(&self.out), "records": records,
                "classes": said.classes, "targets": said.kind(), "accuracy": accuracy,
                "model_sha256": job.model_sha256(),
            }));
        }
        let right = accuracy.map_or(String::new(), |share| format!(", {:.2} % as labelled", 100.0 * share));
        let what = match said.kind() {
            TargetKind::Class => "classes",
            TargetKind::Real => "targets",
            TargetKind::MultiLabel => "labels",
            TargetKind::Text => "tokens",
        };
        emit(&format!("{}: {records} records, {classes} {what}{right}\n", self.out.display()))
    }
}
