//! A plan before anything is done: whom it means, what it touches, how it will be done and what that will cost.

use std::path::Path;

use serde_json::json;

use super::add::validate;
use super::candidates::{Limits, candidates, rank, recommend, suits};
use super::cost::{Known, Predicted, Saving};
use super::desk::Desk;
use super::document::{self, Asked, Gate, PLAN, Plan};
use super::inbox::{self, Body};
use super::project::{BATCHES, DRAFT, Project, request_file};
use super::rates;
use super::sight::Sight;
use super::waiting::{chosen, give_up};
use crate::base::{sha256, utc_now, write_atomic};
use crate::data::{Line, Request, request_lines};
use crate::error::{Error, Result};
use crate::ledger::{Standing, State};
use crate::methods::{self, Tier};
use crate::run::ensemble::EnsembleForget;
use crate::run::folder::RunFolder;
use crate::run::forget_run::ForgetJob;
use crate::run::hold::Hold;
use crate::run::target::Target;

/// Retrains that an approximate result is judged against where nobody says how many.
const REFERENCES: u16 = 5;
/// Requests of an ensemble that are each looked at alone, to say what a batch saves.
const LOOKED_AT: usize = 32;

/// What is wished of a plan.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The requests, by id or pseudonym; all that are validated and in no batch where none is named.
    pub requests: Vec<String>,
    /// A batch that is given up, whose requests are planned anew.
    pub again: Option<String>,
    /// The method; the one that is recommended where none is named.
    pub method: Option<String>,
    /// Its settings.
    pub settings: toml::Table,
    /// The weakest tier.
    pub tier: Option<Tier>,
    /// The greatest share of a retrain.
    pub max_cost: Option<f64>,
    /// Percentage points of test accuracy that may be lost.
    pub max_drop: Option<f64>,
    /// Retrains that the result is judged against; 5 for what is neither exact nor certified where nobody says.
    pub references: Option<u16>,
    /// Shadow models of an audit; none where 0.
    pub shadows: u16,
    /// What is wrong may be said with ids.
    pub ids: bool,
}

/// Makes a batch of waiting requests and decides how it will be done; nothing is done yet. Also what each line was
/// found to mean, for whoever may see it.
///
/// # Errors
/// Nothing waits; no method keeps to the limits; the method refuses the run or the records.
pub fn plan(project: &Project, wish: &Wish, actor: &str) -> Result<(Plan, Vec<Line>)> {
    // Nobody is at work on a batch that is given up.
    let hold = wish.again.as_ref().map(|_| Hold::take(&project.folder.join(BATCHES), "requests plan")).transpose()?;
    let made = project.write(|desk| {
        validate(project, desk, actor)?;
        let current = project.current(&desk.store)?;
        give_up(project, desk, &RunFolder::new(&current), wish.again.as_deref(), actor)?;
        let chosen = chosen(desk, &wish.requests, wish.again.as_deref())?;
        let bodies = inbox::load(&project.folder)?;
        let body = |standing: &Standing| {
            bodies.get(&standing.request).ok_or_else(|| {
                Error::input(format!(
                    "what request {} says is not in the inbox any more; bring that back",
                    standing.request
                ))
            })
        };
        let bodies: Vec<&Body> = chosen.iter().map(body).collect::<Result<_>>()?;
        let sight = Sight::open(&current)?;
        let batch = format!("{:04}", desk.store.batches()?.len() + 1);
        let draft = Draft { project, wish, sight: &sight, bodies: &bodies, standings: &chosen };
        let (plan, lines) = draft.plan(&batch, actor)?;
        record(project, desk, &plan, &bodies)?;
        Ok((plan, lines))
    });
    drop(hold);
    if wish.ids { made } else { made.map_err(inbox::hush) }
}

/// Writes the plan, then says so.
fn record(project: &Project, desk: &mut Desk, plan: &Plan, bodies: &[&Body]) -> Result<()> {
    let folder = project.batch(&plan.batch);
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    write_atomic(&request_file(&folder), request_lines(parts(bodies).iter())?.as_bytes())?;
    let path = folder.join("plan.json");
    document::write(&path, plan)?;
    let hash = sha256(&std::fs::read(&path).map_err(Error::io("read", &path))?);
    let seconds = plan.predicted.as_ref().map(|predicted| predicted.seconds);
    let said = json!({
        "plan_sha256": hash, "method": plan.method, "tier": plan.tier, "settings": plan.settings,
        "run_sha256": plan.run_sha256, "requests": plan.requests.len(), "predicted_s": seconds, "gate": plan.gate,
    });
    let (batch, actor) = (&plan.batch, &plan.actor);
    let first = ("batch.planned".to_owned(), json!({"batch": batch, "actor": actor, "plan": said}));
    let each = plan
        .requests
        .iter()
        .map(|asked| (State::Planned.kind(), json!({"request": asked.request, "actor": actor, "batch": batch})));
    desk.record(std::iter::once(first).chain(each))
}

fn parts(bodies: &[&Body]) -> Vec<Request> {
    bodies.iter().flat_map(|body| body.parts.clone()).collect()
}

/// A plan in the making.
struct Draft<'a> {
    project: &'a Project<'a>,
    wish: &'a Wish,
    sight: &'a Sight,
    bodies: &'a [&'a Body],
    standings: &'a [Standing],
}

impl Draft<'_> {
    fn plan(&self, batch: &str, actor: &str) -> Result<(Plan, Vec<Line>)> {
        let (sight, wish) = (self.sight, self.wish);
        let target = sight.meant(parts(self.bodies))?;
        let left: usize = target.split.lines.iter().map(|line| line.records.len()).sum();
        let file = tempfile_of(self.project, self.bodies)?;
        let hit = if left == 0 { Ok(None) } else { self.hit(&file) };
        let done = |result| {
            std::fs::remove_file(&file).unwrap_or_default();
            result
        };
        let hit = match hit {
            Ok(hit) => hit,
            Err(e) => return done(Err(e)),
        };
        let retained = target.split.retain.len();
        let known = Known::of(sight, rates::read(&self.project.folder)?, retained, hit.as_deref())?;
        let mut plan = Plan {
            schema: PLAN.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            batch: batch.to_owned(),
            made_at: utc_now(),
            actor: actor.to_owned(),
            run_sha256: sight.run.run_sha256.clone(),
            model_sha256: sight.run.model_sha256().to_owned(),
            requests: self.asked()?,
            touched: sight.touched(&target, hit),
            candidates: candidates(sight, &target, &known),
            method: None,
            settings: serde_json::Map::new(),
            tier: None,
            reason: "all of it was forgotten before".into(),
            predicted: None,
            saving: None,
            gate: Gate { tier: wish.tier, max_drop: wish.max_drop, references: 0, shadows: wish.shadows },
        };
        let settled = if left == 0 { Ok(()) } else { self.settle(&mut plan, &target, &known, &file) };
        done(settled.map(|()| (plan, target.split.lines)))
    }

    fn asked(&self) -> Result<Vec<Asked>> {
        let found = self.sight.each(self.bodies)?;
        let mut all = Vec::new();
        for standing in self.standings {
            match found.get(&standing.request) {
                Some(Ok(found)) => all.push(Asked {
                    request: standing.request.clone(),
                    due_at: standing.due_at.clone(),
                    found: found.records,
                    already: found.already,
                }),
                Some(Err(why)) => return Err(Error::input(why.clone())),
                None => return Err(Error::internal("a request vanished from its own batch")),
            }
        }
        Ok(all)
    }

    /// The method, and what follows from it.
    fn settle(&self, plan: &mut Plan, target: &Target, known: &Known, file: &Path) -> Result<()> {
        let (wish, sight) = (self.wish, self.sight);
        let limits = Limits { tier: wish.tier, max_cost: wish.max_cost };
        let (name, reason) = match &wish.method {
            Some(name) => (name.clone(), "it was asked for".to_owned()),
            None => {
                let (best, reason) = recommend(&plan.candidates, &limits, known.kept)?;
                (best.method.clone(), reason)
            }
        };
        let row = methods::find(&name)?;
        let method = (row.build)(wish.settings.clone())?;
        suits(sight, target, row, method.as_ref())?;
        let predicted = known.of_method(row, &wish.settings, target.split.forget.len());
        within(row.tier, predicted.as_ref(), &limits)?;
        // Whatever the method refuses is refused now.
        if sight.run.info.ensemble.is_none() {
            ForgetJob::dry(&sight.run.folder.path, file, &name, wish.settings.clone())?;
        }
        plan.saving = self.saving(&plan.requests, known, predicted.as_ref())?;
        plan.gate.references = wish.references.unwrap_or(if row.tier == Tier::Approximate { REFERENCES } else { 0 });
        (plan.method, plan.tier, plan.reason, plan.predicted) = (Some(name), Some(row.tier), reason, predicted);
        plan.settings = rates::settings(&wish.settings).as_object().cloned().unwrap_or_default();
        Ok(())
    }

    /// The members of an ensemble that will be trained again.
    fn hit(&self, file: &Path) -> Result<Option<Vec<usize>>> {
        let run = &self.sight.run;
        let Some(name) = ensemble_method(run.info.ensemble.is_some(), &run.config) else { return Ok(None) };
        Ok(Some(EnsembleForget::prepare(&run.folder.path, file, name, toml::Table::new(), None)?.hit()))
    }

    /// What the batch saves, where that is known.
    fn saving(&self, all: &[Asked], known: &Known, together: Option<&Predicted>) -> Result<Option<Saving>> {
        let Some(together) = together else { return Ok(None) };
        if self.sight.run.info.ensemble.is_none() {
            return Ok(known.saving(together, &vec![together.seconds; self.bodies.len()]));
        }
        if self.bodies.len() > LOOKED_AT {
            return Ok(None);
        }
        let mut alone = Vec::new();
        for (body, asked) in self.bodies.iter().zip(all) {
            if asked.found == 0 {
                alone.push(0.0);
                continue;
            }
            let file = tempfile_of(self.project, &[body])?;
            let hit = self.hit(&file);
            std::fs::remove_file(&file).unwrap_or_default();
            let seconds = hit?.map(|hit| Known::of(self.sight, Vec::new(), 0, Some(&hit)).map(|known| known.of_hit()));
            alone.push(seconds.transpose()?.unwrap_or(0.0));
        }
        Ok(known.saving(together, &alone))
    }
}

/// The method of an ensemble of this configuration.
fn ensemble_method(ensemble: bool, config: &crate::run::config::Config) -> Option<&'static str> {
    ensemble.then(|| match crate::run::ensemble::check_method(config, Path::new(""), "sisa").is_ok() {
        true => "sisa",
        false => "graph_eraser",
    })
}

fn within(tier: Tier, predicted: Option<&Predicted>, limits: &Limits) -> Result<()> {
    if let Some(least) = limits.tier.filter(|least| rank(tier) > rank(*least)) {
        let (tier, least) = (tier.as_str(), least.as_str());
        return Err(Error::CheckFailed(format!("the method is {tier}, and tier {least} is required")));
    }
    let Some(most) = limits.max_cost else { return Ok(()) };
    match predicted {
        Some(predicted) if predicted.of_retrain <= most => Ok(()),
        Some(predicted) => Err(Error::CheckFailed(format!(
            "the method is expected to cost {:.3} of a retrain, and at most {most} is allowed",
            predicted.of_retrain
        ))),
        None => Err(Error::Inconclusive(
            "what the method costs was never measured here; `unlearn requests plan --measure NAME` does".into(),
        )),
    }
}

/// A file of requests for what reads files, to be removed by whoever asked for it.
fn tempfile_of(project: &Project, bodies: &[&Body]) -> Result<std::path::PathBuf> {
    let folder = project.folder.join(BATCHES);
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let path = folder.join(DRAFT);
    write_atomic(&path, request_lines(parts(bodies).iter())?.as_bytes())?;
    Ok(path)
}
