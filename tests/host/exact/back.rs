//! Methods that go back into the training without being exact: what a run keeps for them, and one request after
//! another.
//!
//! The twins compute in f64 and a checkpoint holds f32: with and without one they agree to rounding. On an adapter they
//! are the same bytes (tests/gpu/exact.rs).

use safetensors::{Dtype, SafeTensors};

use super::*;

const STEPS: &str = "optimizer = \"adam\"\nlr = 0.02\nbatch_size = 4\nepochs = 3\nsteps_per_submission = 3\n";
const NET: &str = "layers = [{type='linear',out=5},{type='batch_norm'},{type='relu'},{type='linear'}]\n";

fn whole(desk: &Desk, name: &str, keeps: &str) -> PathBuf {
    let csv = table(desk, "whole.csv", &BTreeSet::new());
    let whole = config(desk, &format!("{name}.toml"), &csv, false, &format!("[model]\n{NET}[train]\n{STEPS}{keeps}"));
    let run = desk.path(name);
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    run
}

fn model(folder: &Path) -> Vec<u8> {
    std::fs::read(RunFolder::new(folder).model()).unwrap()
}

/// Holds that two files have the same tensors, of which f32 may be rounded once in a training.
fn agree(a: &Path, b: &Path, what: &str) {
    let [a, b] = [a, b].map(|path| std::fs::read(path).unwrap());
    let [a, b] = [&a, &b].map(|bytes| SafeTensors::deserialize(bytes).unwrap());
    let [left, right] = [&a, &b].map(|file| file.names().into_iter().collect::<BTreeSet<_>>());
    assert_eq!(left, right, "{what}");
    for (name, ours) in a.tensors() {
        let theirs = b.tensor(&name).unwrap();
        assert_eq!((ours.dtype(), ours.shape()), (theirs.dtype(), theirs.shape()), "{what}: {name}");
        if ours.dtype() != Dtype::F32 {
            assert_eq!(ours.data(), theirs.data(), "{what}: {name}");
            continue;
        }
        let [x, y] = [&ours, &theirs].map(|tensor| bytemuck::pod_collect_to_vec::<u8, f32>(tensor.data()));
        let apart = x.iter().zip(&y).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-5, "{what}: {name} is {apart} apart");
    }
}

fn notes(info: &RunInfo) -> &serde_json::Map<String, serde_json::Value> {
    &info.forget.as_ref().unwrap().details.notes
}

fn ids(rows: &[usize]) -> Vec<String> {
    rows.iter().map(|row| format!("r{row}")).collect()
}

/// Rows of the training part, which the table's split leaves to luck.
fn training(run: &Path) -> Vec<usize> {
    let data = RunFolder::new(run).open().unwrap().data;
    let name = |record: &unlearn::data::Identity| record.name.as_ref().unwrap()[1..].parse().unwrap();
    data.who.part(unlearn::data::Portion::Train).iter().map(name).collect()
}

#[test]
fn a_rewound_run_is_rewound_again_from_the_checkpoints_that_it_took_over() {
    let desk = Desk::new();
    let run = whole(&desk, "run", "keep = { every = 10, most = 20 }\n");
    let plain = whole(&desk, "plain", "");
    agree(&RunFolder::new(&run).model(), &RunFolder::new(&plain).model(), "keeping changes nothing");
    let records = training(&run);
    let (first, second) = (ids(&records[3..5]), ids(&records[20..21]));
    // So that step 40 is gone back to, where there is a checkpoint.
    let steps = 3 * records.len().div_ceil(4);
    let share = format!("share = {}", (steps as f64 - 40.5) / steps as f64);
    let asked = ("rewind", &share[..]);
    let [kept, again] = [(&run, "kept"), (&plain, "again")].map(|(run, name)| {
        let out = desk.path(name);
        let info = forget_with(&desk, run, ("sample", &first), asked, &out).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(info.forget.as_ref().unwrap().tier.as_str(), "approximate");
        (out, info)
    });
    assert_eq!((&notes(&kept.1)["rewound_to"], &notes(&again.1)["rewound_to"]), (&40.into(), &40.into()));
    assert_eq!(
        (&notes(&kept.1)["kept_checkpoint"], &notes(&again.1)["kept_checkpoint"]),
        (&true.into(), &false.into())
    );
    let [from_kept, from_start] = [&kept.0, &again.0].map(|run| RunFolder::new(run).model());
    agree(&from_kept, &from_start, "a checkpoint is what training again comes to");
    assert_ne!(model(&kept.0), model(&run));
    let folder = RunFolder::new(&kept.0);
    // One is written behind the submission that its step is in.
    let before: Vec<u64> = RunFolder::new(&run).kept_steps().into_iter().filter(|step| *step <= 40).collect();
    assert_eq!((folder.kept_steps(), before.len()), (before.clone(), 4), "{before:?}");
    // Without the first records an epoch may have a step less: both come to the same checkpoint all the same.
    let (out, asked) = (desk.path("second"), ("rewind", "share = 0.45"));
    let info = forget_with(&desk, &kept.0, ("sample", &second), asked, &out).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((&notes(&info)["rewound_to"], &notes(&info)["kept_checkpoint"]), (&40.into(), &true.into()));
    // Both at once are the same: what a request takes does not come back.
    let (both, out_both) = ([first, second.clone()].concat(), desk.path("both"));
    forget_with(&desk, &run, ("sample", &both), asked, &out_both).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(model(&out), model(&out_both));
    let said = said(forget(&desk, &again.0, ("sample", &second), "rewind", &desk.path("no")));
    assert!(said.contains("come from method `rewind`") && said.contains("both requests at once"), "{said}");
    let forgot = info.forget.unwrap();
    assert!(forgot.residue.iter().any(|residue| residue.what == "kept checkpoints"), "{:?}", forgot.residue);
}

#[test]
fn a_run_that_keeps_its_steps_takes_off_those_of_the_records_that_it_was_told_of() {
    let desk = Desk::new();
    let plain = whole(&desk, "plain", "");
    let records = training(&plain);
    let named = desk.put(
        "sensitive.jsonl",
        format!("{{\"request_id\":\"s\",\"kind\":\"sample\",\"ids\":[\"r{}\",\"r{}\"]}}\n", records[3], records[20]),
    );
    let run = whole(&desk, "run", &format!("deltas = {{ request = '{named}' }}\n"));
    assert_eq!(model(&run), model(&plain), "single steps, kept, are the same steps");
    let files = RunFolder::new(&run).delta_files();
    // Two records of three epochs and the list, unless both were in one batch.
    assert!((4..=7).contains(&files.len()), "{files:?}");
    let (first, second, third) = (ids(&records[3..4]), ids(&records[20..21]), ids(&records[40..41]));
    let [kept, again] = [(&run, "kept"), (&plain, "again")].map(|(run, name)| {
        let out = desk.path(name);
        (forget(&desk, run, ("sample", &first), "amnesiac", &out).unwrap_or_else(|e| panic!("{e}")), out)
    });
    assert_eq!(model(&kept.1), model(&again.1), "what was kept is what training again adds");
    assert_eq!((&notes(&kept.0)["steps_subtracted"], &notes(&kept.0)["kept_deltas"]), (&3.into(), &true.into()));
    assert!(kept.0.forget.as_ref().unwrap().reads.iter().all(|read| read.as_str() != "forgotten data"));
    let not = said(forget(&desk, &run, ("sample", &third), "amnesiac", &desk.path("no")));
    assert!(not.contains("1 of the 1 records are not among those"), "{not}");
    let out = desk.path("second");
    let info = forget(&desk, &kept.1, ("sample", &second), "amnesiac", &out).unwrap_or_else(|e| panic!("{e}"));
    // Those that both were in went with the first.
    assert_eq!(notes(&info)["steps_subtracted"], files.len() - 4);
    let said = said(forget(&desk, &again.1, ("sample", &second), "amnesiac", &desk.path("not")));
    assert!(said.contains("come from method `amnesiac`"), "{said}");
    // A step that was changed is not taken off.
    let folder = RunFolder::new(&run);
    let path = &folder.delta_files()[0];
    let mut bytes = std::fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(path, bytes).unwrap();
    let changed = super::said(forget(&desk, &run, ("sample", &first), "amnesiac", &desk.path("changed")));
    assert!(changed.contains("was changed since"), "{changed}");
}

#[test]
fn steps_beyond_what_may_be_kept_are_refused_before_training() {
    let desk = Desk::new();
    let csv = table(&desk, "whole.csv", &BTreeSet::new());
    let of = |name: &str, keeps: &str| {
        let text = format!("[model]\n{NET}[train]\n{STEPS}{keeps}");
        said(train(&config(&desk, &format!("{name}.toml"), &csv, false, &text), &desk.path(name)))
    };
    let much = of("much", "deltas = { most_bytes = 1000 }\n");
    assert!(much.contains("would keep ") && much.contains("most_bytes is 1000"), "{much}");
    assert!(!desk.path("much").join("run.json").exists() && !desk.path("much").join("checkpoints").exists());
    let averaged = of("averaged", "ema = 0.5\ndeltas = {}\n");
    assert!(averaged.contains("train.deltas") && averaged.contains("train.ema"), "{averaged}");
    let private = of("private", "deltas = {}\ndp = { clip = 1.0, noise_multiplier = 1.0, delta = 1e-5 }\n");
    assert!(private.contains("train.deltas"), "{private}");
}

/// What an approximate method left is certified too: nothing is asked of where the parameters come from.
#[test]
fn a_noisy_fine_tuning_is_certified_after_any_other_method() {
    let desk = Desk::new();
    let run = whole(&desk, "run", "");
    let records = training(&run);
    let (first, second) = (ids(&records[3..5]), ids(&records[20..21]));
    let tuned = desk.path("tuned");
    forget(&desk, &run, ("sample", &first), "finetune", &tuned).unwrap_or_else(|e| panic!("{e}"));
    for clip in ["model", "gradient"] {
        let out = desk.path(clip);
        let asked = format!("clip = '{clip}'\nepochs = 3\nlr = 0.02");
        let info = forget_with(&desk, &tuned, ("sample", &second), ("noisy_finetune", &asked), &out);
        let info = info.unwrap_or_else(|e| panic!("{e}"));
        let forgot = info.forget.as_ref().unwrap();
        assert_eq!((forgot.tier.as_str(), forgot.reads.len()), ("certified", 1), "{forgot:?}");
        assert!(forgot.conditions[0].starts_with("(ε, δ) = (1.0000, 1e-5)"), "{:?}", forgot.conditions);
        assert!(forgot.claim().contains("given that the settings"), "{}", forgot.claim());
        // Scales are those of the records that are retained, and not the ones that the run came with.
        assert_ne!(info.data.fitted, RunFolder::new(&tuned).read_info().unwrap().data.fitted);
        let again = desk.path(&format!("{clip}-again"));
        forget_with(&desk, &tuned, ("sample", &second), ("noisy_finetune", &asked), &again).unwrap();
        assert_eq!(model(&out), model(&again));
    }
}

/// A training that is stopped between two steps that are kept, and goes on, keeps what an unbroken one does.
#[test]
fn a_training_that_was_stopped_keeps_the_same_steps() {
    let desk = Desk::new();
    let keeps = "deltas = {}\nkeep = { every = 10 }\n";
    let run = whole(&desk, "run", keeps);
    let text = format!("[model]\n{NET}[train]\n{STEPS}{keeps}");
    let again = config(&desk, "again.toml", &desk.text("whole.csv"), false, &text);
    let (out, stop) = (desk.path("again"), AtomicBool::new(false));
    let go = |resume: bool| {
        let loaded = Loaded::read(Path::new(&again), &[], None)?;
        let job = TrainJob::prepare(loaded, &out, resume)?.expect("not finished");
        job.train(&mut Engine::reference(), TrainOptions { resume, ..options(&stop) }, &mut |event| {
            let at = matches!(event, unlearn::run::train_run::Event::Step(report) if report.step == 34);
            stop.fetch_or(at, std::sync::atomic::Ordering::Relaxed);
        })
    };
    assert!(matches!(go(false), Err(Error::Interrupted(_))));
    stop.store(false, std::sync::atomic::Ordering::Relaxed);
    go(true).unwrap_or_else(|e| panic!("{e}"));
    let [unbroken, broken] = [&run, &out].map(|run| RunFolder::new(run).delta_files());
    assert_eq!(unbroken.len(), 1 + 3 * training(&run).len().div_ceil(4));
    agree(&RunFolder::new(&run).model(), &RunFolder::new(&out).model(), "the end");
    let names = |files: &[PathBuf]| files.iter().map(|file| file.file_name().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&unbroken), names(&broken));
    let (list, steps) = unbroken.split_last().unwrap();
    assert_eq!(std::fs::read(list).unwrap(), std::fs::read(broken.last().unwrap()).unwrap());
    for (step, (a, b)) in steps.iter().zip(&broken).enumerate() {
        agree(a, b, &format!("step {step}"));
        let [a, b] = [a, b].map(|path| std::fs::read(path).unwrap());
        let [a, b] = [&a, &b].map(|bytes| SafeTensors::read_metadata(bytes).unwrap().1);
        assert_eq!(a.metadata(), b.metadata(), "whose batch step {step} was");
    }
}
