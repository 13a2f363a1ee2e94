//! A process that ended in the middle, and a request after a request: of a composite, and of a distillation.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::hold::LOCK;
use unlearn::run::info::RunInfo;
use unlearn::run::train_run::{TrainJob, TrainOptions};

use crate::shared::binary::Desk;

/// Steps of one record, so that their number says how many records were learnt from.
const CONFIG: &str = "seed = 3\n[data]\nloader = \"synth\"\nsamples = 45\nclasses = 3\nshape = [4]\ntest_fraction = 0\n\
    [model]\nzoo = \"mlp\"\nhidden = [4]\n[train]\nlr = 0.05\nepochs = 3\nbatch_size = 1\n";

fn trained(desk: &Desk) {
    let loaded = Loaded::read(Path::new(&desk.put("c.toml", CONFIG)), &[], None).unwrap();
    let job = TrainJob::prepare(loaded, &desk.path("run"), false).unwrap().unwrap();
    let interrupted = AtomicBool::new(false);
    let options = TrainOptions {
        resume: false,
        keep_checkpoint: false,
        check_finite: false,
        interrupted: &interrupted,
        ranks: None,
    };
    job.train(&mut Engine::reference(), options, &mut |_| {}).unwrap();
}

fn forget(desk: &Desk, from: &str, ids: [u32; 2], (method, settings): (&str, &str), out: &str) -> RunInfo {
    let line = format!("{{\"request_id\":\"{}\",\"kind\":\"sample\",\"ids\":{ids:?}}}\n", ids[0]);
    let (request, settings) = (desk.put("q.jsonl", line), settings.parse().unwrap());
    let job = ForgetJob::resume(&desk.path(from), Path::new(&request), method, settings, &desk.path(out));
    job.and_then(|job| job.forget(&mut Engine::reference(), None, false)).unwrap_or_else(|e| panic!("{method}: {e}"))
}

#[test]
fn composites_and_distillations_begin_again_and_stand_on_what_was_forgotten_before() {
    let desk = Desk::new();
    trained(&desk);
    let weights = |run: &str| fs::read(desk.path(run).join("model.safetensors")).unwrap();
    let steps = "steps = [{ method = \"distill\" }, { method = \"finetune\", settings = { epochs = 2 } }]";
    for (method, settings, epochs) in [("distill", "", 3), ("composite", steps, 5)] {
        let name = |part: &str| format!("{method} {part}");
        let first = forget(&desk, "run", [1, 7], (method, settings), &name("first"));
        assert_eq!(first.steps, epochs * 43, "{method}");
        // What a process leaves that was killed before the weights were written.
        fs::create_dir(desk.path(&name("again"))).unwrap();
        let left = "{\"command\":\"forget\",\"pid\":1,\"digest\":\"\"}";
        fs::write(desk.path(&name("again")).join(LOCK), left).unwrap();
        forget(&desk, "run", [1, 7], (method, settings), &name("again"));
        assert_eq!(weights(&name("first")), weights(&name("again")), "{method}");
        // The records of the first request are not learnt from by the second.
        let second = forget(&desk, &name("first"), [2, 30], (method, settings), &name("second"));
        assert_eq!(second.steps, epochs * 41, "{method}");
        assert_ne!(weights(&name("first")), weights(&name("second")), "{method}");
        let forgotten = fs::read_to_string(desk.path(&name("second")).join("forgotten.jsonl")).unwrap();
        assert_eq!(forgotten.lines().count(), 2, "{forgotten}");
        let other = forget(&desk, "run", [2, 30], (method, settings), &name("other"));
        assert_ne!(other.steps, second.steps, "{method}");
    }
}
