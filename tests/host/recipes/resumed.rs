//! Trainings that are broken off, and trainings that go on with more epochs.

use std::sync::atomic::{AtomicBool, Ordering};

use unlearn::engine::Engine;
use unlearn::error::{Error, Result};
use unlearn::run::config::Loaded;
use unlearn::run::folder::RunFolder;
use unlearn::run::info::RunInfo;
use unlearn::run::train_run::{Event, TrainJob, TrainOptions};

use super::apart;
use crate::shared::binary::Desk;

pub const DATA: &str = "seed = 3\n[data]\nloader = \"synth\"\nsamples = 72\nclasses = 3\nnoise = 3.0\nshape = [4]\n\
    validation_fraction = 0.2\n[model]\nlayers = [{type='linear',out=6},{type='dropout',p=0.2},{type='linear'}]\n\
    [train]\noptimizer = \"adam\"\nbatch_size = 5\naccumulate = 2\n";

pub fn options(interrupted: &AtomicBool) -> TrainOptions<'_> {
    TrainOptions { resume: false, keep_checkpoint: false, check_finite: false, interrupted, ranks: None }
}

/// Trains into `out`, and is interrupted once step `until` is done.
pub fn train(desk: &Desk, out: &str, recipe: &str, how: TrainOptions, until: Option<u64>) -> Result<RunInfo> {
    let config = desk.put("config.toml", format!("{DATA}{recipe}"));
    let loaded = Loaded::read(std::path::Path::new(&config), &[], None)?;
    let folder = desk.path(out);
    let Some(job) = TrainJob::prepare(loaded, &folder, how.resume)? else {
        return RunFolder::new(&folder).read_info();
    };
    let flag = AtomicBool::new(false);
    let how = TrainOptions { interrupted: &flag, ..how };
    job.train(&mut Engine::reference(), how, &mut |event| {
        if let (Event::Step(report), Some(until)) = (event, until) {
            flag.fetch_or(report.step >= until, Ordering::Relaxed);
        }
    })
}

/// How far the weights of two folders are apart. The twins compute in f64 and a checkpoint holds f32, so that they
/// agree to rounding here; on an adapter they are the same bytes (tests/gpu/resume.rs).
fn between(desk: &Desk, a: &str, b: &str) -> f64 {
    let read = |run: &str| -> Vec<f32> {
        let bytes = std::fs::read(RunFolder::new(&desk.path(run)).model()).expect("weights");
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("a file of weights");
        let mut all: Vec<_> = file.tensors();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all.iter().flat_map(|(_, tensor)| bytemuck::pod_collect_to_vec::<u8, f32>(tensor.data())).collect()
    };
    apart(&read(a), &read(b))
}

/// Everything of the recipe that a checkpoint must hold.
#[test]
fn a_broken_off_training_ends_where_the_whole_one_does() {
    let (desk, never) = (Desk::new(), AtomicBool::new(false));
    let recipe = "epochs = 30\nema = 0.8\nwarmup_steps = 4\nschedule = \"one_cycle\"\n\
        early_stopping = { patience = 4, min_delta = 0.001 }\n";
    let whole = train(&desk, "whole", recipe, options(&never), None).expect("trained");
    let stopping = whole.stopping.expect("it says what validation chose");
    assert_eq!((whole.epochs, stopping.readings), (stopping.epoch + 4, whole.epochs));
    assert!(whole.epochs < 30 && stopping.epoch > 1, "{stopping:?}");
    let resume = TrainOptions { resume: true, ..options(&never) };
    // Within the first epoch, somewhere, just when it stops.
    for (i, until) in [2, 9, whole.steps].into_iter().enumerate() {
        let out = format!("broken{i}");
        let ended = train(&desk, &out, recipe, options(&never), Some(until));
        assert!(matches!(ended, Err(Error::Interrupted(_))), "{ended:?}");
        let info = train(&desk, &out, recipe, resume, None).expect("resumed");
        assert_eq!(info.stopping, whole.stopping, "at step {until}");
        assert!(between(&desk, &out, "whole") < 1e-5, "at step {until}: {}", between(&desk, &out, "whole"));
        assert_eq!((info.epochs, info.steps), (whole.epochs, whole.steps));
    }
}

/// More epochs than before: the bytes of a training that had them from the start, where the schedule allows it.
#[test]
fn more_epochs_go_on_where_the_schedule_does() {
    let (desk, never) = (Desk::new(), AtomicBool::new(false));
    let (kept, resume) = (
        TrainOptions { keep_checkpoint: true, ..options(&never) },
        TrainOptions { resume: true, keep_checkpoint: true, ..options(&never) },
    );
    let of = |epochs: usize, schedule: &str| format!("epochs = {epochs}\n{schedule}");
    for (i, (schedule, long)) in [
        ("warmup_steps = 3\nema = 0.9\n", "warmup_steps = 3\nema = 0.9\n"),
        // The milestones of four epochs stay where they were.
        ("schedule = \"step\"\n", "schedule = \"step\"\nmilestones = [2, 3]\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let whole = format!("whole{i}");
        train(&desk, &whole, &of(7, long), options(&never), None).expect("trained");
        let out = format!("short{i}");
        train(&desk, &out, &of(4, schedule), kept, None).expect("trained");
        let longer = train(&desk, &out, &of(7, schedule), resume, None).expect("went on");
        assert!(between(&desk, &out, &whole) < 1e-5 && longer.epochs == 7, "{schedule}");
        // Once more: it is finished, and the same.
        let again = train(&desk, &out, &of(7, schedule), resume, None).expect("finished");
        assert_eq!(again.model_sha256, longer.model_sha256);
        let fewer = train(&desk, &out, &of(5, schedule), resume, None).unwrap_err().to_string();
        assert!(fewer.contains("train.epochs = 5") && fewer.contains('7'), "{fewer}");
        // Broken off within its first epochs, and on the way of the longer one.
        let out = format!("broken-off{i}");
        assert!(train(&desk, &out, &of(4, schedule), kept, Some(9)).is_err());
        assert!(train(&desk, &out, &of(7, schedule), resume, Some(30)).is_err());
        train(&desk, &out, &of(7, schedule), resume, None).expect("went on");
        assert!(between(&desk, &out, &whole) < 1e-5, "{schedule}");
    }
}

#[test]
fn what_cannot_go_on_says_why() {
    let (desk, never) = (Desk::new(), AtomicBool::new(false));
    let kept = TrainOptions { keep_checkpoint: true, ..options(&never) };
    let resume = TrainOptions { resume: true, ..kept };
    let refused = |out: &str, recipe: &str| train(&desk, out, recipe, resume, None).unwrap_err().to_string();
    let cosine = |epochs: usize| format!("epochs = {epochs}\nschedule = \"cosine\"\n");
    train(&desk, "cosine", &cosine(2), kept, None).expect("trained");
    let said = refused("cosine", &cosine(3));
    assert!(said.contains("--stretch-schedule") && said.contains("cosine") && said.contains("2 epochs"), "{said}");
    let config = desk.put("config.toml", format!("{DATA}{}", cosine(3)));
    let loaded = Loaded::read(std::path::Path::new(&config), &[], None).unwrap();
    let job = TrainJob::resume(loaded, &desk.path("cosine"), true).expect("stretched").expect("to do");
    let info = job.train(&mut Engine::reference(), resume, &mut |_| {}).expect("trained");
    assert_eq!(info.epochs, 3);
    train(&desk, "bare", "epochs = 2\n", options(&never), None).expect("trained");
    assert!(refused("bare", "epochs = 3\n").contains("--keep-checkpoint"));
    assert!(refused("bare", "epochs = 3\nlr = 0.04\n").contains("another configuration"));
    std::fs::create_dir(desk.path("cosine/references")).unwrap();
    train(&desk, "referenced", "epochs = 2\n", kept, None).expect("trained");
    std::fs::create_dir(desk.path("referenced/references")).unwrap();
    assert!(refused("referenced", "epochs = 3\n").contains("retrains of the shorter training"));
    let stops = |epochs: usize| format!("epochs = {epochs}\nlr = 0.4\nearly_stopping = {{ patience = 1 }}\n");
    train(&desk, "stopped", &stops(30), kept, None).expect("trained");
    assert!(refused("stopped", &stops(40)).contains("early stopping"));
}
