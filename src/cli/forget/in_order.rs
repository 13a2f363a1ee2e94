//! `--in-order`: a stream of requests, one step after another.

use std::path::{Path, PathBuf};

use super::super::output::{emit, emit_json};
use super::super::{Context, references};
use super::Forget;
use crate::error::{Error, Result};
use crate::methods::{self, Role};
use crate::run::in_order::{Asked, Done, InOrder, Pace, Point};

/// How the requests of a file are worked off one after another.
#[derive(clap::Args, Debug)]
pub struct OrderArgs {
    /// Obey the requests of the file one after another, a run for each in --out, with the curve in stream.jsonl; the
    /// same command line goes on where a killed one was
    #[arg(long)]
    pub in_order: bool,
    /// Requests that are obeyed together
    #[arg(long, value_name = "K", default_value_t = 1, requires = "in_order")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Retrain in the place of every N-th step, so that what approximate steps leave does not add up
    #[arg(long, value_name = "N", requires = "in_order")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    retrain_every: Option<u32>,
    /// Evaluate after every N-th step, and after the last; with --references, beside retrains of the same records
    #[arg(long, value_name = "N", default_value_t = 1, requires = "in_order")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    measure_every: u32,
}

impl OrderArgs {
    fn pace(&self) -> Pace {
        Pace {
            batch: self.batch as usize,
            retrain_every: self.retrain_every.unwrap_or(0) as usize,
            measure_every: self.measure_every as usize,
        }
    }
}

impl Forget {
    /// Works the file off; what is done stays when a step fails.
    pub(super) fn in_order(&self, cx: &Context, out: &Path, settings: toml::Table) -> Result<()> {
        let asked =
            Asked { run: &self.run, request: &self.request, method: &self.method, settings, marks: self.marks.marks() };
        let stream = InOrder::prepare(asked, self.order.pace(), out)?;
        let mut engine = cx.engine()?;
        let known = stream.known();
        let start = match known.first() {
            Some(point) => point.clone(),
            None => stream.start(&mut engine)?,
        };
        let mut points = vec![start];
        let (mut last, mut skipped) = (self.run.clone(), 0);
        for at in 0..stream.len() {
            let names = stream.requests(at).join(", ");
            let failed = |_: &Error| cx.note(&format!("stopped at step {} of {}: {names}", at + 1, stream.len()));
            let done = stream.step(at, &mut engine, cx.seed, cx.check_finite).inspect_err(failed)?;
            let Some(done) = done else {
                cx.note(&format!("step {}: {names}: earlier steps took all of it", at + 1));
                skipped += 1;
                continue;
            };
            let seen = known.iter().find(|p| p.step == at + 1 && p.run_sha256 == done.info.run_sha256);
            let point = match seen {
                Some(point) => point.clone(),
                None => {
                    let references = self.beside(cx, &stream, at, &done)?;
                    stream.point(at, &done, &mut engine, &references).inspect_err(failed)?
                }
            };
            cx.note(&line(&point, stream.len()));
            points.push(point);
            stream.write(&points)?;
            self.counts(&done)?;
            last = done.path;
        }
        let file = out.join(crate::run::in_order::CURVE);
        match cx.json {
            true => emit_json(&serde_json::json!({
                "schema": "unlearn.stream/1", "version": env!("CARGO_PKG_VERSION"), "run": last, "curve": file,
                "steps": points,
            })),
            false => emit(&summary(&points, &last, skipped, &file)),
        }
    }

    /// Retrains to measure a step against, where they are wanted and it is measured.
    fn beside(&self, cx: &Context, stream: &InOrder, at: usize, done: &Done) -> Result<Vec<PathBuf>> {
        let Some(count) = self.references.filter(|_| stream.is_measured(at)) else { return Ok(Vec::new()) };
        let made = references::make(cx, &done.path, None, count, (self.jobs, &self.marks.marks()))?;
        // A step by `retrain` may have the seed of a reference; that one says nothing of it.
        let others = made.into_iter().filter(|retrain| retrain.info.model_sha256 != done.info.model_sha256);
        Ok(others.map(|retrain| retrain.path).collect())
    }

    /// A step that is no forgetting ends the stream.
    fn counts(&self, done: &Done) -> Result<()> {
        let Some(forget) = &done.info.forget else { return Ok(()) };
        let role = methods::role(&forget.method).unwrap_or(Role::Method);
        if self.allow_fail || forget.effect.counts(role) {
            return Ok(());
        }
        Err(Error::CheckFailed(format!(
            "{}: {}, so nothing was forgotten, and the stream stops here: {}; `--allow-fail` goes on",
            done.path.display(),
            forget.effect.as_str(),
            forget.effect.reason.as_deref().unwrap_or_default()
        )))
    }
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{:.2} %", 100.0 * value))
}

fn line(point: &Point, of: usize) -> String {
    let method = point.method.as_deref().unwrap_or_default();
    let mut text = format!(
        "step {} of {of}: {}: {method} took {} in {:.3} s",
        point.step,
        point.requests.join(", "),
        point.records,
        point.seconds
    );
    for (word, key) in [("retain", "splits.retain.accuracy"), ("test", "splits.test.accuracy")] {
        if point.metric(key).is_some() {
            text += &format!(", {word} {}", percent(point.metric(key)));
        }
    }
    text
}

fn summary(points: &[Point], last: &Path, skipped: usize, file: &Path) -> String {
    let (Some(first), Some(end)) = (points.first(), points.last()) else { return String::new() };
    let seconds: f64 = points.iter().skip(1).map(|point| point.seconds).sum();
    let share = points.iter().filter_map(|point| point.share).sum::<f64>();
    let mut text = format!(
        "{}: {} steps took {} records in {seconds:.3} s{}; model {}\n",
        last.display(),
        points.len() - 1,
        end.gone,
        if share > 0.0 { format!(" ({share:.2} of the training's time)") } else { String::new() },
        end.model_sha256
    );
    if skipped > 0 {
        text += &format!("{skipped} steps named only what earlier ones had taken\n");
    }
    let test = |point: &Point| percent(point.metric("splits.test.accuracy"));
    text += &format!("test accuracy: {} before, {} after; the curve is {}\n", test(first), test(end), file.display());
    text
}
