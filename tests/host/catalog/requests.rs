//! A process that ended in the middle, and a request after a request: of a composite, of a distillation, of a penalty
//! that runs over requests.

use std::fs;
use std::path::Path;

use unlearn::engine::Engine;
use unlearn::run::folder::{Opened, RunFolder};
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::hold::LOCK;
use unlearn::run::info::RunInfo;

use crate::shared::binary::Desk;
use crate::trained::on_twins;

/// Steps of one record, so that their number says how many records were learnt from.
const CONFIG: &str = "seed = 3\n[data]\nloader = \"synth\"\nsamples = 45\nclasses = 3\nshape = [4]\ntest_fraction = 0\n\
    [model]\nzoo = \"mlp\"\nhidden = [4]\n[train]\nlr = 0.05\nepochs = 3\nbatch_size = 1\n";

fn trained(desk: &Desk) {
    on_twins(Path::new(&desk.put("c.toml", CONFIG)), &desk.path("run")).unwrap();
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

/// The penalty of a second request holds what mattered before the first, on weights from the folder of that run; where
/// the folder is gone it says so.
#[test]
fn elastic_ascents_hold_what_mattered_before_earlier_requests() {
    let desk = Desk::new();
    trained(&desk);
    let weights = |run: &str| fs::read(desk.path(run).join("model.safetensors")).unwrap();
    let steps = "target_loss = 50\nmax_steps = 3\nlr = 0.1";
    let alone = format!("{steps}\ndecay = 0");
    let first = forget(&desk, "run", [1, 7], ("ewc_ascent", steps), "first");
    assert!(!first.forget.unwrap().details.notes.contains_key("earlier_requests"));
    forget(&desk, "run", [1, 7], ("ewc_ascent", &alone), "alone");
    assert_eq!(weights("first"), weights("alone"), "there was no request before");
    let second = |out: &str, settings: &str| {
        let info = forget(&desk, "first", [2, 30], ("ewc_ascent", settings), out);
        info.forget.unwrap().details.notes.get("earlier_requests").cloned()
    };
    assert_eq!(second("running", steps), Some(serde_json::json!({ "of": 1, "held": 1 })));
    assert_eq!(second("now", &alone), None);
    assert_ne!(weights("running"), weights("now"));
    assert!(second("undimmed", &format!("{steps}\ndecay = 1")).is_some());
    assert_ne!(weights("running"), weights("undimmed"), "an earlier request's importance has decayed once");
    fs::remove_file(desk.path("run").join("model.safetensors")).unwrap();
    assert_eq!(second("bereft", steps), Some(serde_json::json!({ "of": 1, "held": 0 })));
    assert_eq!(weights("bereft"), weights("now"));
}

/// The run of a smaller student holds the student: it is read, evaluated and made to forget as what it is.
#[test]
fn a_smaller_student_is_what_the_run_holds() {
    let desk = Desk::new();
    trained(&desk);
    let info = forget(&desk, "run", [1, 7], ("distill", "width = 0.5"), "small");
    let open = |run: &str| RunFolder::new(&desk.path(run)).open().unwrap();
    let [original, small] = ["run", "small"].map(open);
    let shapes = |run: &Opened| run.model.layout.entries().iter().map(|e| e.shape.clone()).collect::<Vec<_>>();
    assert_eq!(shapes(&original), [vec![4, 4], vec![4], vec![3, 4], vec![3]]);
    assert_eq!(shapes(&small), [vec![2, 4], vec![2], vec![3, 2], vec![3]]);
    let theta = small.theta().unwrap();
    assert!(theta.iter().filter(|v| **v != 0.0).count() > 15, "the student was trained");
    assert_eq!(info.forget.unwrap().details.notes["parameters"], 19);
    // What came of it goes on: a second request, on the student, whose own student is smaller still.
    let again = forget(&desk, "small", [2, 30], ("finetune", "epochs = 1"), "again");
    assert_eq!((again.steps, shapes(&open("again"))), (41, shapes(&small)));
    let refuse = |method: &str, settings: &str| {
        let settings = settings.parse().unwrap();
        let job = ForgetJob::resume(&desk.path("run"), &desk.path("q.jsonl"), method, settings, &desk.path("no"));
        job.and_then(|job| job.forget(&mut Engine::reference(), None, false)).unwrap_err().to_string()
    };
    assert!(refuse("distill", "width = 0.95").contains("no smaller"));
    let said = refuse("composite", "steps = [{ method = \"distill\", settings = { width = 0.5 } }]");
    assert!(said.contains("step 1 of a composite, `distill`"), "{said}");
}
