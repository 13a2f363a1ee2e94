//! Many requests at once.

use std::time::Instant;

use super::*;

/// Ten thousand, in a release build: `add` within 5 s, `plan` within 10, the chain checked within 2. Other builds do
/// fewer and hold no times.
#[test]
fn thousands_of_requests_are_taken_planned_and_checked() {
    let count = if cfg!(debug_assertions) { 300 } else { 10_000 };
    let desk = Desk::new();
    let text = format!(
        "seed = 1\n[data]\nloader = \"synth\"\nsamples = {}\nclasses = 3\nshape = [4]\n[model]\nzoo = \"logistic\"\n\
         [train]\nepochs = 1\nbatch_size = 500\n",
        2 * count
    );
    let original = train(&desk.put("many.toml", text), &desk.path("original"));
    let project = create(&desk.path("project"), &original);
    let text: String =
        (0..count).map(|n| format!("{{\"request_id\":\"r{n}\",\"kind\":\"sample\",\"ids\":[{n}]}}\n")).collect();
    let timed = |what: &str, most: f64, work: &mut dyn FnMut()| {
        let begin = Instant::now();
        work();
        let seconds = begin.elapsed().as_secs_f64();
        eprintln!("{count} requests: {what} {seconds:.2} s");
        assert!(cfg!(debug_assertions) || seconds <= most, "{what} took {seconds:.2} s, {most} are allowed");
    };
    timed("add", 5.0, &mut || {
        let added = deliver(&project, &text).unwrap();
        assert_eq!((added.received, added.validated), (count, count));
    });
    timed("plan", 10.0, &mut || assert_eq!(planned(&project, &Wish::default()).requests.len(), count));
    let keys = Keys::open(&project.keys()).unwrap();
    timed("verify", 2.0, &mut || {
        let text = std::fs::read(project.ledger()).unwrap();
        let verdict = check(&text, &[keys.public()], &Start::Whole);
        assert!(verdict.holds() && verdict.entries >= 3 * count as u64);
    });
    whole(&project);
}
