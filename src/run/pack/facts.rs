//! What a certificate says of a run, computed from the run's files; what cannot be computed is marked as said by the
//! run.

use std::collections::{HashMap, HashSet};

use super::certificate::{
    Asked, Attacked, Control, Data, Done, Holder, Judged, Models, Promise, Recomputed, Records, Step, Tests,
};
use super::selection::Veil;
use super::words;
use crate::data::{Id, Line, Portion, Request};
use crate::error::{Error, Result};
use crate::methods::{self, Account, Tier};
use crate::run::audit::Audit;
use crate::run::evidence::{self, Parent};
use crate::run::folder::{Opened, RunFolder, State};
use crate::run::info::ForgetInfo;
use crate::run::lineage::{Lineage, Sort, Trace};
use crate::run::{claim, verify};

/// What the run says of its forgetting, found to be a forgetting and to bear its claim out.
///
/// # Errors
/// A run that was trained, one that changed nothing or destroyed the network, a claim that what the method read does
/// not bear out.
pub(super) fn forgetting(run: &Opened) -> Result<&ForgetInfo> {
    let path = run.folder.path.display();
    let Some(forget) = &run.info.forget else {
        return Err(Error::input(format!("{path} was trained and forgot nothing; give a run that `forget` wrote")));
    };
    let row = methods::find(&forget.method)?;
    if !forget.effect.counts(row.role) {
        return Err(Error::input(format!(
            "{path} is {}, which is no forgetting ({}); there is nothing to certify",
            forget.effect.as_str(),
            forget.effect.reason.as_deref().unwrap_or("no reason is known")
        )));
    }
    // Members of an ensemble are each checked by what they read; the whole is no better than they are.
    let account = Account { reads: forget.reads.clone(), details: forget.details.clone(), ..Account::default() };
    let borne = match run.info.ensemble {
        Some(_) => forget.tier,
        None => claim::tier(row.tier, &account),
    };
    let (row_tier, replayed) = (row.tier, forget.details.replayed.is_some_and(|replayed| replayed.from > 0));
    let proofs = (forget.details.certificate.as_ref(), forget.details.guarantee.as_ref());
    let conditions = claim::conditions(borne, run.info.evidence.base_sha256.as_deref(), proofs, replayed);
    let holds = match run.info.ensemble {
        Some(_) => forget.tier == row_tier || forget.tier == Tier::Approximate,
        None => forget.tier == borne && forget.conditions == conditions,
    };
    match holds {
        true => Ok(forget),
        false => Err(Error::input(format!(
            "{path}: run.json claims `{}`, and what {} read and did bears out `{}` with other conditions: the file was \
             written by something else; forget again",
            forget.tier.as_str(),
            forget.method,
            borne.as_str()
        ))),
    }
}

/// The requests by their names, in their order; `named` gives each its pseudonym.
pub(super) fn asked(
    requests: &[Request],
    lines: &[Line],
    named: &dyn Fn(&str) -> Result<String>,
) -> Result<Vec<Asked>> {
    let (mut all, mut places) = (Vec::<Asked>::new(), HashMap::<&str, usize>::new());
    for request in requests {
        let name = request.request_id.as_str();
        let ids = request.ids.len() + request.nodes.len();
        match places.get(name).map(|at| &mut all[*at]) {
            Some(asked) => {
                asked.ids += ids;
                if asked.kind != request.kind.name() {
                    asked.kind = "mixed".into();
                }
            }
            None => {
                let (pseudonym, kind) = (named(name)?, request.kind.name().to_owned());
                let nothing = Asked {
                    pseudonym,
                    kind,
                    ids,
                    records: 0,
                    trained_on: 0,
                    twins: 0,
                    received_at: None,
                    due_at: None,
                };
                places.insert(name, all.len());
                all.push(nothing);
            }
        }
    }
    for line in lines {
        let Some(asked) = places.get(line.request_id.as_str()).map(|at| &mut all[*at]) else {
            return Err(Error::input("forgotten.jsonl is of other requests than request.jsonl; make the run again"));
        };
        let unseen = |split: Option<Portion>| matches!(split, Some(Portion::Validation | Portion::Test));
        asked.records += line.records.len();
        asked.trained_on += line.records.iter().filter(|who| !unseen(who.split)).count();
        asked.twins += line.twins.len();
    }
    Ok(all)
}

/// Which records left and which stay, as keyed hashes of their lists.
pub(super) fn records(run: &Opened, veil: &Veil) -> Result<Records> {
    let removed: Vec<Id> = run.forgotten.iter().flat_map(|line| &line.records).map(|who| who.id.clone()).collect();
    let gone: HashSet<&Id> = removed.iter().collect();
    let places = run.data.places(Portion::Train);
    let kept: Vec<Id> = places.map(|place| run.data.id(place)).filter(|id| !gone.contains(id)).collect();
    Ok(Records {
        removed: removed.len(),
        kept: kept.len(),
        removed_list: veil.list(&removed)?,
        kept_list: veil.list(&kept)?,
    })
}

/// Whether the guarantee holds against those alone who do not know the seed.
pub(super) fn secret_seed(forget: &ForgetInfo) -> bool {
    matches!(forget.tier, Tier::Distribution | Tier::Certified)
}

/// What was done.
pub(super) fn done(run: &Opened, forget: &ForgetInfo) -> Done {
    let info = &run.info;
    let cost = info.ensemble.as_ref().and_then(|ensemble| ensemble.cost.as_ref());
    Done {
        made_at: info.evidence.made_at.clone(),
        run_sha256: run.run_sha256.clone(),
        version: info.version.clone(),
        method: forget.method.clone(),
        settings: forget.settings.clone(),
        seed: (!secret_seed(forget)).then_some(info.seed),
        adapter: info.adapter.clone(),
        variants: info.variants.clone(),
        reads: forget.reads.clone(),
        effect: forget.effect.clone(),
        steps: info.steps,
        seconds: forget.method_s + forget.precompute_s,
        networks: info.ensemble.as_ref().map_or(1, |ensemble| ensemble.members.len()),
        trained_again: cost.map(|cost| cost.members.len()),
    }
}

/// Data and model before and after.
pub(super) fn hashes(run: &Opened, forget: &ForgetInfo) -> (Data, Models) {
    let evidence = &run.info.evidence;
    let root = evidence.parents.last().map_or(&forget.original_sha256, |root| &root.model_sha256);
    let data = Data {
        before_sha256: evidence.data_sha256.clone(),
        after_sha256: evidence.retained.as_ref().map(|retained| retained.sha256.clone()),
        source_lost_them: !run.absent.is_empty(),
    };
    let model = Models {
        before_sha256: forget.original_sha256.clone(),
        trained_sha256: root.clone(),
        after_sha256: run.info.model_sha256.clone(),
        base_sha256: evidence.base_sha256.clone(),
        parameters: run.info.parameters,
    };
    (data, model)
}

/// What may be claimed.
pub(super) fn promise(forget: &ForgetInfo) -> Promise {
    Promise { tier: forget.tier, says: words::claim(forget.tier), conditions: forget.conditions.clone() }
}

/// What was tested; each document is checked to be of this run and as it was written.
pub(super) fn tests(run: &Opened, forget: &ForgetInfo) -> Result<Tests> {
    let verdict = verify::stored(run)?.map(|stored| Judged {
        made_at: stored.made_at,
        sha256: stored.verdict_sha256,
        original: control(&stored.original),
        references: stored.references.iter().map(control).collect(),
        verdict: stored.verdict,
    });
    let audit = Audit::stored(run)?.map(|audit| Attacked {
        made_at: audit.made_at,
        sha256: audit.audit_sha256,
        alpha: audit.alpha,
        records: audit.records,
        shadows: audit.models.shadows,
        retrains: audit.models.retrains,
        attacks: audit.attacks,
        calibration: audit.calibration,
        verdict: audit.verdict,
    });
    let mut tests = Tests { says: String::new(), verdict, audit };
    tests.says = words::tested(forget.tier, &tests);
    Ok(tests)
}

fn control(parent: &Parent) -> Control {
    let folder = RunFolder::new(&parent.path);
    let same = || -> Result<bool> {
        let info = folder.read_info()?;
        folder.check(&info)?;
        Ok(evidence::hash_of(&folder.info())? == parent.run_sha256 && info.model_sha256 == parent.model_sha256)
    };
    // Gone, or another: said, and no reason to fail.
    let recomputed = folder.state() == State::Finished && same().unwrap_or(false);
    let Parent { run_sha256, model_sha256, .. } = parent.clone();
    Control { run_sha256, model_sha256, recomputed }
}

/// What still holds something of the records. Paths stay here.
pub(super) fn holders(run: &Opened) -> Result<Vec<Holder>> {
    let lineage = Lineage::of(&run.folder.path)?;
    let own = &run.info.model_sha256;
    let of_itself = |sort: Sort, sha256: &Option<String>| sort == Sort::Run && sha256.as_ref() == Some(own);
    let copies = lineage.copies.iter().filter(|copy| copy.trace != Trace::Free);
    Ok(copies
        .filter(|copy| !of_itself(copy.sort, &copy.sha256) || copy.trace == Trace::Derived)
        .map(|copy| Holder {
            sort: copy.sort,
            what: copy.what.clone(),
            trace: copy.trace,
            says: copy.says.clone(),
            place: copy.place,
            history: copy.history,
            sha256: copy.sha256.clone(),
        })
        .collect())
}

/// The forgettings since the training, each with its lines of `request.jsonl` and its seed: none where a run between is
/// gone. What an exact method made has the bytes of one forgetting of everything.
pub(super) fn steps(run: &Opened, forget: &ForgetInfo) -> Result<Option<Vec<(Step, u64)>>> {
    let last = |lines| (step(forget, lines, &run.info.model_sha256), run.info.seed);
    let own = requests(&run.folder)?;
    if forget.tier == Tier::Exact {
        return Ok(Some(vec![last(own)]));
    }
    let (mut all, mut before) = (Vec::new(), 0);
    for parent in run.info.evidence.parents.iter().rev() {
        let folder = RunFolder::new(&parent.path);
        let there = folder.state() == State::Finished && evidence::hash_of(&folder.info())? == parent.run_sha256;
        if !there {
            return Ok(None);
        }
        let info = folder.read_info()?;
        let Some(forgot) = info.forget else { continue };
        let lines = requests(&folder)?;
        all.push((step(&forgot, lines - before, &info.model_sha256), info.seed));
        before = lines;
    }
    all.push(last(own - before.min(own)));
    Ok(Some(all))
}

/// Lines of the requests that a run has obeyed.
fn requests(folder: &RunFolder) -> Result<usize> {
    match folder.request().exists() {
        true => crate::data::read_requests(&folder.request()).map(|all| all.len()),
        false => Ok(0),
    }
}

fn step(forget: &ForgetInfo, lines: usize, model_sha256: &str) -> Step {
    let (method, settings) = (forget.method.clone(), forget.settings.clone());
    Step { method, settings, seed: None, lines, model_sha256: model_sha256.to_owned() }
}

/// What was computed from files when the certificate was written, and what is the run's word.
pub(super) fn recomputed(run: &Opened, tests: &Tests, steps: bool) -> Vec<Recomputed> {
    let root = run.info.evidence.parents.last().map(|root| RunFolder::new(&root.path));
    let before = root.is_some_and(|root| root.open_beside(run).is_ok_and(|root| root.absent.is_empty()));
    let controls = || tests.verdict.iter().flat_map(|judged| judged.references.iter().chain([&judged.original]));
    let all_there = controls().all(|control| control.recomputed);
    let mut all = vec![
        ("the model's file and its hash", true),
        ("the configuration, the requests and whom they mean", true),
        ("the data that the model is given now", true),
        ("the tier and its conditions, from what the method read", run.info.ensemble.is_none()),
        ("the data before, and the model before", before),
        ("what still holds the records", true),
        ("the steps since the training", steps),
        ("time, seconds and adapter", false),
    ];
    if controls().next().is_some() {
        all.push(("the runs that the model was measured against", all_there));
        all.push(("the figures of verdict and audit", false));
    }
    all.into_iter().map(|(what, from_files)| Recomputed { what: what.to_owned(), from_files }).collect()
}
