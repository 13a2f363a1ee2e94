use std::path::PathBuf;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::Result;
use crate::run::config::settings;
use crate::run::folder::RunFolder;
use crate::run::forget_run::ForgetJob;

/// Make a trained network forget the records of a request
#[derive(clap::Args, Debug)]
pub struct Forget {
    /// Folder of the trained run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Request file: JSON Lines or CSV
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// Method, by its name in `unlearn list methods`; `unlearn list methods NAME` has its settings
    #[arg(long, value_name = "NAME")]
    method: String,
    /// A setting of the method: `--set alpha=2`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder to write the new run to
    #[arg(long, value_name = "RUN2")]
    out: PathBuf,
    /// Finish what was killed in --out; it begins anew, as without this flag. If it is finished, do nothing
    #[arg(long)]
    resume: bool,
}

impl Run for Forget {
    fn run(self, cx: &Context) -> Result<()> {
        cx.outputs().folder("--out", &self.out).reads_runs([&self.run]).reads([&self.request]).check()?;
        let settings = settings(&self.set)?;
        let prepare = if self.resume { ForgetJob::resume } else { ForgetJob::prepare };
        let job = prepare(&self.run, &self.request, &self.method, settings, &self.out)?;
        if job.finished(cx.seed)? {
            RunFolder::new(&self.out).tidy(false);
            cx.note(&format!("{} is already finished; nothing to do", self.out.display()));
            return Ok(());
        }
        let mut engine = cx.engine()?;
        let info = job.forget(&mut engine, cx.seed, cx.check_finite)?;
        cx.write_trace(&engine.take_timings())?;
        if cx.json {
            return emit_json(&info);
        }
        let Some(forget) = &info.forget else { return Ok(()) };
        emit(&format!(
            "{}: {} forgot {} records in {:.3} s ({}), model {}\n",
            self.out.display(),
            forget.method,
            forget.request.count,
            forget.method_s + forget.precompute_s,
            forget.tier.as_str(),
            info.model_sha256
        ))
    }
}
