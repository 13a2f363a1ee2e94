use std::path::PathBuf;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::Result;
use crate::run::config::settings;
use crate::run::folder::RunFolder;
use crate::run::forget_run::ForgetJob;
use crate::run::whom;

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
    #[arg(long, value_name = "RUN2", required_unless_present = "dry_run")]
    out: Option<PathBuf>,
    /// Say whom the request means, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Finish what was killed in --out; it begins anew, as without this flag. If it is finished, do nothing
    #[arg(long)]
    resume: bool,
}

impl Run for Forget {
    fn run(self, cx: &Context) -> Result<()> {
        let out = self.out.as_deref().filter(|_| !self.dry_run);
        if let Some(out) = out {
            cx.outputs().folder("--out", out).reads_runs([&self.run]).reads([&self.request]).check()?;
        }
        let settings = settings(&self.set)?;
        let job = ForgetJob::prepare(&self.run, &self.request, &self.method, settings, out, self.resume)?;
        let Some(out) = out else {
            return match cx.json {
                true => emit_json(&serde_json::json!({
                    "schema": "unlearn.dry_run/1", "version": env!("CARGO_PKG_VERSION"), "method": self.method,
                    "requests": job.lines(),
                })),
                false => emit(&whom::text(job.lines())),
            };
        };
        if job.finished(cx.seed)? {
            RunFolder::new(out).tidy(false);
            cx.note(&format!("{} is already finished; nothing to do", out.display()));
            return Ok(());
        }
        if !cx.json {
            emit(&whom::text(job.lines()))?;
        }
        let mut engine = cx.engine()?;
        let info = job.forget(&mut engine, cx.seed, cx.check_finite)?;
        cx.write_trace(&engine.take_timings())?;
        if cx.json {
            return emit_json(&info);
        }
        let Some(forget) = &info.forget else { return Ok(()) };
        if job.is_unseen() {
            return emit(&format!(
                "{}: no parameter saw these records; they leave the data, and the weights are those of {}\n",
                out.display(),
                self.run.display()
            ));
        }
        emit(&format!(
            "{}: {} forgot {} records in {:.3} s ({}), model {}\n",
            out.display(),
            forget.method,
            forget.request.count,
            forget.method_s + forget.precompute_s,
            forget.tier.as_str(),
            info.model_sha256
        ))
    }
}
