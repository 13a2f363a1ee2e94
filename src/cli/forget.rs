use std::path::PathBuf;

use super::marks::MarkArgs;
use super::output::{emit, emit_json};
use super::{Context, Run, references};
use crate::error::{Error, Result};
use crate::methods::{self, Role};
use crate::run::config::settings;
use crate::run::effect::Became;
use crate::run::folder::RunInfo;
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
    /// Then make so many retrains of the request, as `unlearn references` does
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    references: Option<u16>,
    /// Exit with 0 even if the network is unchanged or destroyed (4 otherwise)
    #[arg(long)]
    allow_fail: bool,
    #[command(flatten)]
    marks: MarkArgs,
}

impl Run for Forget {
    fn run(self, cx: &Context) -> Result<()> {
        let mut job = ForgetJob::prepare(&self.run, &self.request, &self.method, settings(&self.set)?, &self.out)?;
        job.marks = self.marks.marks();
        let mut engine = cx.engine()?;
        let info = job.forget(&mut engine, cx.seed, cx.check_finite)?;
        cx.write_trace(&engine.take_timings())?;
        // Their command opens an engine of its own.
        drop(engine);
        match cx.json {
            true => emit_json(&info)?,
            false => emit(&self.text(&info))?,
        }
        let Some(forget) = &info.forget else { return Ok(()) };
        if let Some(count) = self.references {
            references::make(cx, &self.out, None, count, &self.marks.marks())?;
        }
        let role = methods::role(&forget.method).unwrap_or(Role::Method);
        if forget.effect.counts(role) || self.allow_fail {
            return Ok(());
        }
        Err(Error::CheckFailed(format!(
            "{}: {}, so nothing was forgotten: {}; `--allow-fail` gives 0",
            self.out.display(),
            forget.effect.as_str(),
            forget.effect.reason.as_deref().unwrap_or_default()
        )))
    }
}

impl Forget {
    /// What was forgotten, under which claim, and what still holds it.
    fn text(&self, info: &RunInfo) -> String {
        let Some(forget) = &info.forget else { return String::new() };
        let (out, method, count) = (self.out.display(), &forget.method, forget.request.count);
        let reason = forget.effect.reason.as_deref().unwrap_or_default();
        let mut text = match forget.effect.result {
            Became::Changed => format!(
                "{out}: {method} forgot {count} records in {:.3} s ({}), model {}\n",
                forget.method_s + forget.precompute_s,
                forget.claim(),
                info.model_sha256
            ),
            _ => format!(
                "{out}: {}: {method} and a request for {count} records, model {}: {reason}\n",
                forget.effect.as_str(),
                info.model_sha256
            ),
        };
        if forget.effect.result == Became::Changed {
            text += &format!("{}: {}\n", forget.tier.as_str(), forget.conditions.join("; "));
        }
        text += "what still holds something of the records:\n";
        for residue in &forget.residue {
            let how = if residue.purge { " (`unlearn purge` deletes it)" } else { "" };
            text += &format!("  {residue}{how}\n");
        }
        text
    }
}
