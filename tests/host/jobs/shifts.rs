//! Processes at work, here threads on the reference engine: together they do what one does alone.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::AtomicBool;

use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::ensemble::{EnsembleForget, EnsembleJob};
use unlearn::run::evidence::Marks;
use unlearn::run::folder::RunFolder;
use unlearn::run::jobs::{AdapterMap, Event, JobState, Jobs, Patience, PlanOptions, Rank, Shift, Tally, Who};
use unlearn::run::train_run::TrainOptions;

use super::{CONFIG, options, planned};
use crate::shared::binary::Desk;

/// How a process works.
#[derive(Clone, Copy, Default)]
struct How<'a> {
    rank: Option<Rank>,
    only: &'a [String],
    wait: bool,
    retry: bool,
    /// Done when the first job is taken.
    meanwhile: Option<&'a dyn Fn()>,
}

/// Works; what was told.
fn works(jobs: &Jobs, how: How) -> unlearn::Result<(Tally, Vec<String>)> {
    let (never, marks, mut told) = (AtomicBool::new(false), Marks::default(), Vec::new());
    let engine = || {
        how.meanwhile.iter().for_each(|meanwhile| meanwhile());
        Ok(Engine::reference())
    };
    let How { rank, only, wait, retry, .. } = how;
    let (patience, check_finite) = (Patience::default(), false);
    let shift =
        Shift { rank, only, wait, retry, patience, engine: &engine, marks: &marks, check_finite, interrupted: &never };
    let tally = jobs.work(&shift, &mut |event| {
        told.push(match event {
            Event::Taken { job, over } => format!("taken {} {}", job.unit.label(), over.unwrap_or_default()),
            Event::Done(job, _) => format!("done {}", job.unit.label()),
            Event::Lost(job) => format!("lost {}", job.unit.label()),
            Event::Failed(job, error) => format!("failed {}: {error}", job.unit.label()),
        });
    })?;
    Ok((tally, told))
}

/// The weights of every job.
fn hashes(jobs: &Jobs) -> BTreeMap<String, String> {
    let each = jobs.plan.jobs.iter().map(|job| {
        let done = jobs.done(&job.id).unwrap().unwrap_or_else(|| panic!("{} is not done", job.unit.label()));
        let weights = fs::read(jobs.finished(&job.id).join("run/model.safetensors")).unwrap();
        assert_eq!(unlearn::base::sha256(&weights), done.model_sha256);
        (job.id.clone(), done.model_sha256)
    });
    each.collect()
}

#[test]
fn ranks_together_do_what_one_does_alone() {
    let desk = Desk::new();
    let asked = options(&desk, &[3, 8, 9]);
    let alone = planned(&desk, "alone", CONFIG, &asked).unwrap();
    let (tally, told) = works(&alone, How::default()).unwrap();
    assert_eq!(tally, Tally { done: 5, failed: 0, elsewhere: 0 }, "{told:?}");
    let want = hashes(&alone);
    assert_eq!(want.values().collect::<std::collections::BTreeSet<_>>().len(), 5, "five models");
    let several = planned(&desk, "several", CONFIG, &asked).unwrap();
    let done: usize = std::thread::scope(|scope| {
        let how = |rank| How { rank: Some(Rank { rank, of: 3, local: None }), wait: true, ..How::default() };
        let several = &several;
        let each: Vec<_> = (0..3).map(|rank| scope.spawn(move || works(several, how(rank)))).collect();
        each.into_iter().map(|thread| thread.join().unwrap().unwrap().0.done).sum()
    });
    assert_eq!(done, 5, "each once");
    assert_eq!(hashes(&several), want);
    // All is there already.
    assert_eq!(works(&several, How::default()).unwrap(), (Tally::default(), vec![]));
    assert_eq!(several.status(Patience::default()).unwrap().line(), "5 of 5 done");
    // More seeds: what is done stays done.
    let more = planned(&desk, "several", CONFIG, &options(&desk, &[3, 8, 9, 10])).unwrap();
    assert_eq!(works(&more, How::default()).unwrap().0.done, 1);
    assert!(fs::read_dir(desk.path("several/begun")).unwrap().next().is_none(), "nothing is left behind");
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_killed_process_had_is_done_by_the_next() {
    let desk = Desk::new();
    let asked = options(&desk, &[3]);
    let whole = planned(&desk, "whole", CONFIG, &asked).unwrap();
    works(&whole, How::default()).unwrap();
    let jobs = planned(&desk, "killed", CONFIG, &asked).unwrap();
    // The training was begun; of one retrain all is there but its marker.
    let (train, retrain) = (&jobs.plan.jobs[0].id, &jobs.plan.jobs[1].id);
    let gone = serde_json::to_string(&Who { pid: 4_194_305, ..Who::me(Some(2)) }).unwrap();
    for id in [train, retrain] {
        desk.put(&format!("killed/claims/{id}.0"), &gone);
    }
    let status = jobs.status(Patience::default()).unwrap();
    assert_eq!(status.jobs[0].state, JobState::Left);
    assert!(status.jobs[0].note.contains("rank 2") && status.jobs[0].note.contains("gone"), "{}", status.jobs[0].note);
    let lock = "{\"command\":\"train\",\"pid\":4194305,\"digest\":\"\"}";
    desk.put(&format!("killed/begun/{train}.0/run/.unlearn.lock"), lock);
    for name in ["config.toml", "model.safetensors"] {
        desk.put(&format!("killed/begun/{retrain}.0/run/{name}"), "half");
    }
    let (tally, told) = works(&jobs, How::default()).unwrap();
    assert_eq!(tally.done, 3);
    assert!(told[0].contains("taken train") && told[0].contains("rank 2, process 4194305"), "{told:?}");
    assert_eq!(hashes(&jobs), hashes(&whole));
    assert_eq!(jobs.done(train).unwrap().unwrap().claims, 2);
    assert!(fs::read_dir(desk.path("killed/begun")).unwrap().next().is_none());
}

#[test]
fn a_job_that_was_taken_over_is_published_once() {
    let desk = Desk::new();
    let jobs = planned(&desk, "a", CONFIG, &PlanOptions { seeds: vec![1, 2], ..PlanOptions::default() }).unwrap();
    let id = jobs.plan.jobs[0].id.clone();
    // Another process finds this one stale while it opens its engine: a machine that slept.
    let other = serde_json::to_string(&Who::me(None)).unwrap();
    let meanwhile = || drop(desk.put(&format!("a/claims/{id}.1"), &other));
    let (tally, told) = works(&jobs, How { meanwhile: Some(&meanwhile), ..How::default() }).unwrap();
    assert!(told.contains(&"lost train, seed 1".to_owned()), "{told:?}");
    assert_eq!(tally, Tally { done: 1, failed: 0, elsewhere: 1 });
    assert!(jobs.done(&id).unwrap().is_none(), "its new holder publishes it");
    assert_eq!(jobs.status(Patience::default()).unwrap().jobs[0].state, JobState::Running);
}

#[test]
fn a_job_that_fails_is_told_and_tried_again_on_demand() {
    let desk = Desk::new();
    let config = CONFIG.replace("{type='tanh'},", "").replace("batch_size", "lr = 1e38\nbatch_size");
    let jobs = planned(&desk, "a", &config, &options(&desk, &[3])).unwrap();
    let (tally, told) = works(&jobs, How::default()).unwrap();
    assert_eq!(tally, Tally { done: 0, failed: 3, elsewhere: 0 }, "its retrains have nothing to begin with: {told:?}");
    assert!(told.iter().any(|line| line.starts_with("failed train, seed 3: ")), "{told:?}");
    let again = works(&jobs, How::default()).unwrap();
    assert_eq!(again, (tally, vec![]), "it is left alone");
    let (_, told) = works(&jobs, How { retry: true, ..How::default() }).unwrap();
    assert_eq!(told.iter().filter(|line| line.starts_with("failed")).count(), 1, "once: {told:?}");
    let line = jobs.status(Patience::default()).unwrap().line();
    assert_eq!(line, "0 of 3 done, 2 waiting, 1 failed");
}

#[test]
fn one_job_alone_and_data_that_have_changed() {
    let desk = Desk::new();
    let rows: String = (0..40).map(|i| format!("{},{},{}\n", i % 7, i % 5, ["p", "q"][i % 2])).collect();
    let table = desk.put("t.csv", format!("a,b,y\n{rows}"));
    let config = format!(
        "[data]\nloader = 'csv'\npath = '{table}'\nlabel = 'y'\n[model]\nzoo = 'mlp'\nhidden = [3]\n\
        [train]\nepochs = 1\n"
    );
    let jobs = planned(&desk, "a", &config, &options(&desk, &[3])).unwrap();
    let only = |id: &str| [id.to_owned()];
    let retrain = only(&jobs.plan.jobs[1].id);
    let said = works(&jobs, How { only: &retrain, ..How::default() }).unwrap_err().to_string();
    assert!(said.contains("which is not done"), "{said}");
    let unknown = only("zz");
    let said = works(&jobs, How { only: &unknown, ..How::default() }).unwrap_err().to_string();
    assert!(said.contains("--only zz: 0 jobs"), "{said}");
    let first = only(&jobs.plan.jobs[0].id[..8]);
    assert_eq!(works(&jobs, How { only: &first, ..How::default() }).unwrap().0.done, 1);
    desk.put("t.csv", format!("a,b,y\n{}", rows.replacen("1,1,q", "1,2,q", 1)));
    let other = planned(&desk, "b", &config, &options(&desk, &[3])).unwrap();
    desk.put("t.csv", format!("a,b,y\n{rows}"));
    let (tally, told) = works(&other, How::default()).unwrap();
    assert_eq!(tally.failed, 3);
    assert!(told.iter().any(|line| line.contains("the data were changed since")), "{told:?}");
}

#[test]
fn ranks_are_those_of_whatever_started_them() {
    let of = |all: &[(&str, &str)]| {
        let all: BTreeMap<String, String> = all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Rank::of(&move |name| all.get(name).cloned())
    };
    let rank = |rank, of, local| Some(Rank { rank, of, local });
    assert_eq!(of(&[]).unwrap(), None);
    let mpi = [("OMPI_COMM_WORLD_RANK", "3"), ("OMPI_COMM_WORLD_SIZE", "8"), ("OMPI_COMM_WORLD_LOCAL_RANK", "1")];
    assert_eq!(of(&mpi).unwrap(), rank(3, 8, Some(1)));
    assert_eq!(of(&[("PMI_RANK", "0"), ("PMI_SIZE", "2")]).unwrap(), rank(0, 2, None));
    let srun = [("SLURM_PROCID", "5"), ("SLURM_NTASKS", "6"), ("SLURM_LOCALID", "1")];
    assert_eq!(of(&srun).unwrap(), rank(5, 6, Some(1)));
    let array = [("SLURM_ARRAY_TASK_ID", "12"), ("SLURM_ARRAY_TASK_MIN", "10"), ("SLURM_ARRAY_TASK_COUNT", "4")];
    assert_eq!(of(&array).unwrap(), rank(2, 4, None));
    assert_eq!(of(&[&array[..], &srun].concat()).unwrap(), rank(17, 24, Some(1)), "processes of a task of an array");
    assert_eq!(of(&[("HQ_TASK_ID", "7")]).unwrap(), rank(7, 0, None));
    assert_eq!(of(&[("JOB_COMPLETION_INDEX", "1")]).unwrap(), rank(1, 0, None));
    let said = of(&[("PMI_RANK", "one")]).unwrap_err().to_string();
    assert!(said.contains("PMI_RANK") && said.contains("\"one\"") && said.contains("--rank"), "{said}");
}

#[test]
fn each_rank_has_its_own_adapter() {
    let adapter = |index, kind: &str| unlearn::engine::AdapterReport {
        index,
        kind: kind.into(),
        ..unlearn::engine::AdapterReport::default()
    };
    let again = unlearn::engine::AdapterReport { backend: "gl".into(), ..adapter(3, "discrete") };
    let all = [adapter(0, "discrete"), adapter(1, "discrete"), adapter(2, "cpu"), again];
    let at = |rank, local| Rank { rank, of: 8, local };
    let auto = AdapterMap::parse("auto").unwrap();
    let of = |map: &AdapterMap, rank| map.of(rank, &all).unwrap();
    let given: Vec<_> = (0..4).map(|rank| of(&auto, at(rank, None))).collect();
    assert_eq!(given, [Some(0), Some(1), Some(0), Some(1)], "cards, each by one interface");
    assert_eq!(of(&auto, at(5, Some(0))), Some(0), "by the place on the machine");
    assert_eq!(auto.of(at(1, None), &all[2..3]).unwrap(), Some(2));
    assert_eq!(auto.of(at(1, None), &[]).unwrap(), None);
    let map = AdapterMap::parse("0, 2").unwrap();
    assert_eq!(of(&map, at(3, None)), Some(2));
    let said = AdapterMap::parse("0,7").unwrap().of(at(1, None), &all).unwrap_err().to_string();
    assert!(said.contains("adapter 7") && said.contains("there are 4"), "{said}");
    assert!(AdapterMap::parse("gpu").is_err() && AdapterMap::parse("").is_err());
}

/// Members are jobs of their own, and the ensemble that is put together of them is the one that a training makes.
#[test]
fn members_of_an_ensemble_are_spread_over_ranks() {
    let desk = Desk::new();
    let config = format!("{CONFIG}[ensemble]\nkind = \"sisa\"\nshards = 3\nslices = 2\n");
    let jobs = planned(&desk, "ensemble", &config, &PlanOptions::default()).unwrap();
    assert_eq!(jobs.plan.jobs.len(), 4);
    let done: usize = std::thread::scope(|scope| {
        let how = |rank| How { rank: Some(Rank { rank, of: 2, local: None }), wait: true, ..How::default() };
        let jobs = &jobs;
        let each: Vec<_> = (0..2).map(|rank| scope.spawn(move || works(jobs, how(rank)))).collect();
        each.into_iter().map(|thread| thread.join().unwrap().unwrap().0.done).sum()
    });
    assert_eq!(done, 4);
    let (loaded, never) = (Loaded::read(&jobs.path.join("config.toml"), &[], None).unwrap(), AtomicBool::new(false));
    let job = EnsembleJob::prepare(loaded, &desk.path("alone"), false).unwrap().unwrap();
    let options =
        TrainOptions { resume: false, keep_checkpoint: false, check_finite: false, interrupted: &never, ranks: None };
    let alone = job.train(&mut Engine::reference(), options, &mut |_| {}).unwrap();
    let put = RunFolder::new(&jobs.finished(&jobs.plan.jobs[3].id).join("run"));
    let info = put.open().unwrap_or_else(|e| panic!("{e}")).info;
    assert_eq!((info.model_sha256, info.config_sha256), (alone.model_sha256, alone.config_sha256));
    for (a, b) in put.members(3).iter().zip(RunFolder::new(&desk.path("alone")).members(3)) {
        let bytes = |folder: &RunFolder, step: u64| fs::read(folder.kept_at(step)).unwrap();
        assert_eq!(fs::read(a.model()).unwrap(), fs::read(b.model()).unwrap());
        assert!(a.kept_steps() == b.kept_steps() && a.kept_steps().len() == 1);
        assert_eq!(bytes(a, a.kept_steps()[0]), bytes(&b, b.kept_steps()[0]));
    }
    // It forgets as any other does.
    let request = desk.put("q.jsonl", "{\"request_id\":\"r\",\"kind\":\"sample\",\"ids\":[1]}\n");
    let forget = EnsembleForget::prepare(&put.path, request.as_ref(), "sisa", toml::Table::new(), None).unwrap();
    assert_eq!(forget.hit().len(), 1);
    let refused = planned(&desk, "no", &config, &super::options(&desk, &[])).err().unwrap().to_string();
    assert!(refused.contains("a plan of an ensemble trains it"), "{refused}");
}
