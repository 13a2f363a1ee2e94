//! A method is done once on what waits, to see what it costs; its result is thrown away.

use std::fs;

use super::how::How;
use super::inbox;
use super::project::{BATCHES, Project};
use super::rates::{self, Rate};
use super::sight::Sight;
use crate::base::write_atomic;
use crate::data::{Request, request_lines};
use crate::error::{Error, Result};
use crate::ledger::State;
use crate::run::forget_run::ForgetJob;
use crate::run::hold::Hold;

/// Measures methods on all requests that are validated. Nothing of it is published.
///
/// # Errors
/// Nothing waits; an ensemble, whose costs its members' trainings tell; what forgetting refuses.
pub fn measure(project: &Project, methods: &[String], how: &How, actor: &str) -> Result<()> {
    let folder = project.folder.join(BATCHES);
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let hold = Hold::take(&folder, "requests plan --measure")?;
    let (run, parts) = project.write(|desk| {
        super::add::validate(project, desk, actor)?;
        let bodies = inbox::load(&project.folder)?;
        let waiting = desk.store.in_state(State::Validated)?;
        let of = waiting.iter().filter_map(|standing| bodies.get(&standing.request));
        Ok((project.current(&desk.store)?, of.flat_map(|body| body.parts.clone()).collect::<Vec<Request>>()))
    })?;
    if parts.is_empty() {
        return Err(Error::input("no request waits that a method could be measured on"));
    }
    let sight = Sight::open(&run)?;
    if sight.run.info.ensemble.is_some() {
        return Err(Error::input("an ensemble's costs are told by the trainings of its members; leave out --measure"));
    }
    let target = sight.meant(parts.clone()).map_err(inbox::hush)?;
    let trial = folder.join("trial");
    for method in methods {
        let clear = || fs::remove_dir_all(&trial).or_else(absent).map_err(Error::io("remove", &trial));
        clear()?;
        fs::create_dir_all(&trial).map_err(Error::io("create", &trial))?;
        let request = trial.join("request.jsonl");
        write_atomic(&request, request_lines(parts.iter())?.as_bytes())?;
        let job = ForgetJob::prepare(&run, &request, method, toml::Table::new(), &trial.join("run"));
        let info = job.and_then(|job| job.forget(&mut (how.engine)(1)?, how.seed, false)).map_err(inbox::hush);
        clear()?;
        let info = info?;
        let forget = info.forget.ok_or_else(|| Error::internal("a run that forgot nothing"))?;
        let (seconds, per) = (forget.method_s + forget.precompute_s, Rate::grows_with(&forget.reads));
        let (retained, forgotten) = (target.split.retain.len(), target.split.forget.len());
        rates::add(
            &project.folder,
            Rate {
                batch: None,
                method: method.clone(),
                settings: rates::settings(&toml::Table::new()),
                adapter: info.adapter.name,
                config_sha256: info.config_sha256,
                retained,
                forgotten,
                seconds,
                per,
                shards: 0,
            },
        )?;
        project.say(&format!("{method}: {seconds:.3} s"));
    }
    hold.settle();
    Ok(())
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}
