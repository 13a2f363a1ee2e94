//! The trainings and forgettings themselves.

use std::collections::HashSet;
use std::path::Path;

use super::{Pair, Ready, ReplayJob};
use crate::base::write_atomic;
use crate::data::{Dataset, Request, request_lines};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::config::Loaded;
use crate::run::ensemble::{EnsembleForget, EnsembleJob};
use crate::run::folder::RunFolder;
use crate::run::forget_run::ForgetJob;
use crate::run::info::RunInfo;
use crate::run::pack::Step;
use crate::run::train_run::{TrainJob, TrainOptions};

impl ReplayJob<'_> {
    /// A training, and every forgetting.
    pub(super) fn every_step(
        &self,
        engine: &mut Engine,
        (ready, loaded): (&Ready, Loaded),
        requests: &[Request],
        pairs: &mut Vec<Pair>,
        said: &mut dyn FnMut(&str),
    ) -> Result<()> {
        let certificate = &ready.certificate;
        let mut steps: &[Step] = &certificate.replay.steps;
        let (mut run, mut lines) = match self.base {
            Some(base) => {
                let info = RunFolder::new(base).read_info()?;
                pairs.push(pair("data before", &certificate.data.before_sha256, info.evidence.data_sha256));
                let now = info.model_sha256;
                let before = now == certificate.model.before_sha256 && now != certificate.model.trained_sha256;
                let (what, wanted) = match before {
                    true => ("model before", &certificate.model.before_sha256),
                    false => ("model trained", &certificate.model.trained_sha256),
                };
                pairs.push(pair(what, wanted, now));
                let done = if before { steps.len().saturating_sub(1) } else { 0 };
                let lines = steps[..done].iter().map(|step| step.lines).sum();
                steps = &steps[done..];
                (base.to_owned(), lines)
            }
            None => {
                if let Some(why) = &certificate.replay.needs_base {
                    return Err(Error::input(format!("{}: {why}; give it by --base", self.pack.display())));
                }
                said("training as the configuration says");
                let out = self.work.join("trained");
                let info = self.train(engine, loaded, &out)?;
                pairs.push(pair("data before", &certificate.data.before_sha256, info.evidence.data_sha256));
                pairs.push(pair("model trained", &certificate.model.trained_sha256, info.model_sha256));
                (out, 0)
            }
        };
        if steps.is_empty() {
            return Err(Error::input(format!(
                "{}: a run between the training and this one is gone; give the one before the last by --base",
                self.pack.display()
            )));
        }
        let first = certificate.replay.steps.len() - steps.len();
        for (at, step) in steps.iter().enumerate() {
            said(&format!("forgetting by {}", step.method));
            let own = requests.get(lines..lines + step.lines).ok_or_else(|| {
                Error::input("the requests are fewer than the pack has; give the file that was obeyed")
            })?;
            lines += step.lines;
            let (request, out) = (self.work.join(format!("request-{at}.jsonl")), self.work.join(format!("step-{at}")));
            write_atomic(&request, request_lines(own)?.as_bytes())?;
            let secret = ready.key.as_ref().and_then(|key| key.seeds.get(first + at).copied());
            let info = forget(engine, (&run, &request, &out), step, step.seed.or(secret))?;
            let last = at + 1 == steps.len();
            let what = if last { "model after".to_owned() } else { format!("model after step {}", at + 1) };
            pairs.push(pair(&what, &step.model_sha256, info.model_sha256));
            run = out;
        }
        Ok(())
    }

    /// One training on what is left, which is what an exact forgetting must come to.
    pub(super) fn on_what_is_left(
        &self,
        engine: &mut Engine,
        (ready, mut loaded): (&Ready, Loaded),
        data: &Dataset,
        pairs: &mut Vec<Pair>,
        said: &mut dyn FnMut(&str),
    ) -> Result<()> {
        let (certificate, path) = (&ready.certificate, self.pack.display());
        let (now, several) = (data.sha256(), loaded.config.whole_ensemble().is_some());
        let left = if data.graph.is_none() { data.retained_sha256(&HashSet::new()) } else { String::new() };
        let after = certificate.data.after_sha256.as_deref();
        match after {
            Some(after) if certificate.replay.from_what_is_left && (after == left || several) => {}
            Some(after) if certificate.replay.from_what_is_left => {
                return Err(Error::input(format!(
                    "{path}: these are neither the data before ({}, and these have {now}) nor what was left ({after}, \
                     and these have {left}); bring back the files as they were",
                    certificate.data.before_sha256
                )));
            }
            _ => {
                return Err(Error::input(format!(
                    "{path}: these are not the data before ({}, and these have {now}), from which alone this can be \
                     done again; bring back the files as they were",
                    certificate.data.before_sha256
                )));
            }
        }
        if let Some(seed) = certificate.done.seed {
            loaded.config.seed = seed;
        }
        // Classes that are gone make a narrower network.
        loaded.config.model = loaded.config.model.open_ended();
        said("training as the configuration says, on what is left");
        let out = self.work.join("trained");
        let info = self.train(engine, loaded, &out)?;
        let left = if several { RunFolder::new(&out).open()?.data.retained_sha256(&HashSet::new()) } else { left };
        pairs.push(pair("data after", after.unwrap_or_default(), left));
        pairs.push(pair("model after", &certificate.model.after_sha256, info.model_sha256));
        Ok(())
    }

    fn train(&self, engine: &mut Engine, loaded: Loaded, out: &Path) -> Result<RunInfo> {
        let options = TrainOptions {
            resume: false,
            keep_checkpoint: false,
            check_finite: false,
            interrupted: self.interrupted,
            ranks: None,
        };
        let gone = || Error::internal("a new folder that holds a run");
        match loaded.config.whole_ensemble() {
            Some(_) => EnsembleJob::prepare(loaded, out, false)?.ok_or_else(gone)?.train(engine, options, &mut |_| {}),
            None => TrainJob::prepare(loaded, out, false)?.ok_or_else(gone)?.train(engine, options, &mut |_| {}),
        }
    }
}

fn pair(what: &str, wanted: &str, got: String) -> Pair {
    Pair { what: what.to_owned(), wanted: wanted.to_owned(), got }
}

/// One step.
fn forget(
    engine: &mut Engine,
    (run, request, out): (&Path, &Path, &Path),
    step: &Step,
    seed: Option<u64>,
) -> Result<RunInfo> {
    let settings = settings_of(&step.settings)?;
    match RunFolder::new(run).read_info()?.ensemble {
        Some(_) => EnsembleForget::prepare(run, request, &step.method, settings, Some((out, false)))?
            .forget(engine, seed, false),
        None => ForgetJob::prepare(run, request, &step.method, settings, out)?.forget(engine, seed, false),
    }
}

/// Settings as they were resolved, to be read again.
fn settings_of(settings: &serde_json::Value) -> Result<toml::Table> {
    let mut settings = settings.clone();
    without_null(&mut settings);
    match settings {
        serde_json::Value::Null => Ok(toml::Table::new()),
        other => toml::Table::try_from(other).map_err(|e| Error::input(format!("the settings of the method: {e}"))),
    }
}

/// TOML has no null: what is not set is absent.
fn without_null(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(all) => {
            all.retain(|_, value| !value.is_null());
            all.values_mut().for_each(without_null);
        }
        serde_json::Value::Array(all) => all.iter_mut().for_each(without_null),
        _ => {}
    }
}
