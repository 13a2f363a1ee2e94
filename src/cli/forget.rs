mod in_order;

use std::path::PathBuf;

use super::marks::MarkArgs;
use super::output::{emit, emit_json};
use super::references::{self, JobArgs};
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::methods::{self, Role, composite};
use crate::run::config::settings;
use crate::run::effect::Became;
use crate::run::ensemble::EnsembleForget;
use crate::run::folder::RunFolder;
use crate::run::forget_run::ForgetJob;
use crate::run::info::{EnsembleCost, RunInfo};
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
    /// Method, by its name in `unlearn list methods`; `unlearn list methods NAME` has its settings. Several, with
    /// commas between them, are done one after another
    #[arg(long, value_name = "NAME")]
    method: String,
    /// A setting of the method: `--set alpha=2`; of one of several: `--set ssd.alpha=2`
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
    /// Then make so many retrains of the request, as `unlearn references` does
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    references: Option<u16>,
    #[command(flatten)]
    order: in_order::OrderArgs,
    #[command(flatten)]
    jobs: JobArgs,
    /// Exit with 0 even if the network is unchanged or destroyed (4 otherwise)
    #[arg(long)]
    allow_fail: bool,
    #[command(flatten)]
    marks: MarkArgs,
}

impl Run for Forget {
    fn run(mut self, cx: &Context) -> Result<()> {
        let out = self.out.as_deref().filter(|_| !self.dry_run);
        if let Some(out) = out {
            cx.outputs().folder("--out", out).reads_runs([&self.run]).reads([&self.request]).check()?;
        }
        let mut settings = settings(&self.set)?;
        if self.method.contains(',') {
            settings = composite::in_turn(&self.method, &settings)?;
            self.method = composite::NAME.into();
        }
        // What is no run is refused where it is read.
        if RunFolder::new(&self.run).read_info().is_ok_and(|info| info.ensemble.is_some()) {
            return self.ensemble(cx, settings);
        }
        let Some(out) = out else {
            let job = ForgetJob::dry(&self.run, &self.request, &self.method, settings)?;
            let (lines, notes) = (job.lines().to_vec(), job.foretold());
            return match cx.json {
                true => emit_json(&serde_json::json!({
                    "schema": "unlearn.dry_run/1", "version": env!("CARGO_PKG_VERSION"), "method": self.method,
                    "requests": lines, "notes": notes,
                })),
                false => emit(
                    &(whom::text(&lines) + &notes.iter().map(|note| format!("note: {note}\n")).collect::<String>()),
                ),
            };
        };
        if self.order.in_order {
            return self.in_order(cx, out, settings);
        }
        let prepare = if self.resume { ForgetJob::resume } else { ForgetJob::prepare };
        let mut job = prepare(&self.run, &self.request, &self.method, settings, out)?;
        job.marks = self.marks.marks();
        if job.finished(cx.seed)? {
            RunFolder::new(out).tidy(false);
            cx.note(&format!("{} is already finished; nothing to do", out.display()));
            return Ok(());
        }
        if let Some(lost) = job.lost() {
            cx.note(&format!("{}: {lost}", self.run.display()));
        }
        job.foretold().iter().for_each(|note| cx.note(note));
        job.lines().iter().flat_map(|line| &line.notes).for_each(|note| cx.note(note));
        if job.lacks_recipe() {
            cx.note(&format!(
                "{} has no [train]: what {} takes of a recipe (batch size, weight decay, clipping) has its default",
                self.run.display(),
                self.method
            ));
        }
        let mut engine = cx.engine()?;
        let info = job.forget(&mut engine, cx.seed, cx.check_finite)?;
        cx.write_trace(&engine.take_timings())?;
        // Their command opens an engine of its own.
        drop(engine);
        match cx.json {
            true => emit_json(&info)?,
            false => emit(&(whom::text(job.lines()) + &self.text(&info, job.is_unseen())))?,
        }
        let Some(forget) = &info.forget else { return Ok(()) };
        if let Some(count) = self.references {
            references::make(cx, out, None, count, (self.jobs, &self.marks.marks()))?;
        }
        let role = methods::role(&forget.method).unwrap_or(Role::Method);
        if forget.effect.counts(role) || self.allow_fail {
            return Ok(());
        }
        Err(Error::CheckFailed(format!(
            "{}: {}, so nothing was forgotten: {}; `--allow-fail` gives 0",
            out.display(),
            forget.effect.as_str(),
            forget.effect.reason.as_deref().unwrap_or_default()
        )))
    }
}

impl Forget {
    /// The same of an ensemble.
    fn ensemble(&self, cx: &Context, settings: toml::Table) -> Result<()> {
        let out = self.out.as_deref().filter(|_| !self.dry_run);
        let to = out.map(|out| (out, self.resume));
        let mut job = EnsembleForget::prepare(&self.run, &self.request, &self.method, settings, to)?;
        let Some(out) = out else {
            return match cx.json {
                true => emit_json(&serde_json::json!({
                    "schema": "unlearn.dry_run/1", "version": env!("CARGO_PKG_VERSION"), "method": self.method,
                    "requests": job.lines(), "members": job.hit(),
                })),
                false => emit(&format!("{}members that had them: {:?}\n", whom::text(job.lines()), job.hit())),
            };
        };
        if self.order.in_order {
            return Err(Error::input(
                "--in-order: an ensemble obeys all requests of a file at once, each shard trained again once; leave it \
                 out, or give a file for each step",
            ));
        }
        job.marks = self.marks.marks();
        if job.finished(cx.seed)? {
            cx.note(&format!("{} is already finished; nothing to do", out.display()));
            return Ok(());
        }
        let mut engine = cx.engine()?;
        let info = job.forget(&mut engine, cx.seed, cx.check_finite)?;
        cx.write_trace(&engine.take_timings())?;
        // Their command opens an engine of its own.
        drop(engine);
        match cx.json {
            true => emit_json(&info)?,
            false => {
                let cost = info.ensemble.as_ref().and_then(|ensemble| ensemble.cost.as_ref());
                let cost = cost.map_or(String::new(), EnsembleCost::text);
                emit(&(whom::text(job.lines()) + &self.text(&info, job.hit().is_empty()) + &cost))?;
            }
        }
        match self.references {
            Some(count) => references::make(cx, out, None, count, (self.jobs, &self.marks.marks())).map(|_| ()),
            None => Ok(()),
        }
    }

    /// What was forgotten, under which claim, and what still holds it.
    fn text(&self, info: &RunInfo, unseen: bool) -> String {
        let (Some(forget), Some(out)) = (&info.forget, &self.out) else { return String::new() };
        let (out, method, count) = (out.display(), &forget.method, forget.request.count);
        let reason = forget.effect.reason.as_deref().unwrap_or_default();
        let mut text = match forget.effect.result {
            _ if unseen => format!(
                "{out}: no parameter saw these records; they leave the data, and the weights are those of {}\n",
                self.run.display()
            ),
            Became::Accepted => format!(
                "{out}: {method} forgot {count} records in {:.3} s ({}): {reason}; model {}\n",
                forget.method_s + forget.precompute_s,
                forget.claim(),
                info.model_sha256
            ),
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
        if matches!(forget.effect.result, Became::Changed | Became::Accepted) {
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
