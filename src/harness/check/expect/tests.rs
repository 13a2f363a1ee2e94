use super::*;
use crate::engine::AdapterLimits;

fn adapter(backend: &str, driver_info: &str) -> AdapterReport {
    AdapterReport {
        index: 0,
        name: "llvmpipe (LLVM 15)".into(),
        backend: backend.into(),
        driver: "llvmpipe".into(),
        driver_info: driver_info.into(),
        kind: "cpu".into(),
        vendor_id: 0,
        device_id: 0,
        subgroup_min: 8,
        subgroup_max: 8,
        features: Vec::new(),
        limits: AdapterLimits {
            max_storage_buffer_binding_bytes: 1,
            max_buffer_bytes: 1,
            max_storage_buffers: 1,
            max_workgroup_storage_bytes: 1,
            max_invocations_per_workgroup: 1,
            max_workgroups_per_dimension: 1,
            min_storage_offset_alignment: 1,
        },
    }
}

fn result(case: &str, status: Status) -> CaseResult {
    CaseResult { kernels: vec!["loss.mse".into()], ..CaseResult::new(case, status, "it is") }
}

const LIST: &str = r#"
[[expect]]
backend = "^vulkan$"
driver = 'Mesa 22\.3'
case = "^loss.mse 3x5$"
status = "fail"
reason = "a known fault"
link = "doc/1"

[[expect]]
kernel = "^loss.mse$"
case = "slow"
status = "timeout"
reason = "no end"

[[expect]]
case = "^optim.adam 9$"
status = "skip"
reason = "takes the machine down"

[[expect]]
case = "^loss.mse old$"
status = "fail"
reason = "was a fault"
until = "2027-01-31"
"#;

fn list(today: &str) -> Expectations {
    Expectations::parse(LIST, "list.toml", today).expect("parses")
}

fn judged(e: &Expectations, a: &AdapterReport, case: &str, status: Status) -> CaseResult {
    let mut result = result(case, status);
    e.judge(a, &mut result);
    result
}

#[test]
fn expected_failures_are_xfail_where_everything_matches_and_nowhere_else() {
    let e = list("2027-01-30");
    let (stock, newer, gl) =
        (adapter("vulkan", "Mesa 22.3.6"), adapter("vulkan", "Mesa 25.0.7"), adapter("gl", "Mesa 22.3.6"));
    let found = judged(&e, &stock, "loss.mse 3x5", Status::Fail);
    assert_eq!((found.status, found.expected.as_deref()), (Status::Xfail, Some("a known fault (doc/1)")));
    for (a, case, status) in [
        (&newer, "loss.mse 3x5", Status::Fail),
        (&gl, "loss.mse 3x5", Status::Fail),
        (&stock, "loss.mse 3x50", Status::Fail),
        (&stock, "loss.mse 3x5", Status::Crash),
    ] {
        assert_eq!(judged(&e, a, case, status).status, status, "{case}");
    }
    assert_eq!(judged(&e, &gl, "loss.mse slow", Status::Timeout).status, Status::Xfail);
    assert_eq!(e.skip(&gl, "optim.adam 9").as_deref(), Some("takes the machine down"));
    assert_eq!(e.skip(&gl, "optim.adam 99"), None);
}

#[test]
fn an_expected_failure_that_passes_is_xpass_and_unsupported_stays() {
    let (e, stock) = (list("2027-01-30"), adapter("vulkan", "Mesa 22.3.6"));
    let found = judged(&e, &stock, "loss.mse 3x5", Status::Pass);
    assert!(found.status == Status::Xpass && found.status.is_bad());
    assert!(found.message.is_some_and(|m| m.contains("remove the expectation")));
    assert_eq!(judged(&e, &stock, "loss.mse 3x5", Status::Unsupported).status, Status::Unsupported);
}

#[test]
fn an_entry_that_has_run_out_counts_no_more_and_is_reported() {
    let stock = adapter("vulkan", "Mesa 22.3.6");
    assert_eq!(judged(&list("2027-01-30"), &stock, "loss.mse old", Status::Fail).status, Status::Xfail);
    let e = list("2027-01-31");
    assert_eq!(judged(&e, &stock, "loss.mse old", Status::Fail).status, Status::Fail);
    let ran = [AdapterResult { label: "0".into(), adapter: stock, ..Default::default() }];
    let stale = e.stale(&ran, &[]).expect("walks the registries");
    // The first, the second and the third match no case of the registries either.
    assert!(stale.iter().any(|s| s.contains("ran out on 2027-01-31")), "{stale:?}");
    assert!(stale.iter().filter(|s| s.contains("no case matches")).count() >= 2, "{stale:?}");
    let elsewhere = [AdapterResult { label: "0".into(), adapter: adapter("metal", ""), ..Default::default() }];
    let stale = e.stale(&elsewhere, &[]).expect("walks the registries");
    assert!(!stale.iter().any(|s| s.contains("3x5")), "an entry for another adapter is not stale here: {stale:?}");
}

#[test]
fn versions_and_days_come() {
    assert_eq!(over("0.0.1", "2026-01-01"), Ok(true));
    assert_eq!(over("999.0.0", "2026-01-01"), Ok(false));
    assert_eq!(over("2026-01-01", "2026-01-01"), Ok(true));
    assert_eq!(over("2026-10-01", "2026-09-30"), Ok(false));
    assert!(over("soon", "2026-01-01").is_err());
    for (since, text) in [(0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_819, "2027-01-01")] {
        assert_eq!(day(since), text);
    }
}

#[test]
fn malformed_lists_are_refused_with_their_place() {
    for (text, says) in [
        ("[[expect]]\ncase = \"(\"\nstatus = \"fail\"\nreason = \"x\"", "entry 1"),
        ("[[expect]]\ncase = \"a\"\nstatus = \"flaky\"\nreason = \"x\"", "flaky"),
        ("[[expect]]\ncase = \"a\"\nstatus = \"fail\"\nreason = \" \"", "reason"),
        ("[[expect]]\nstatus = \"fail\"\nreason = \"x\"", "case"),
        ("[[expect]]\ncase = \"a\"\nstatus = \"fail\"\nreason = \"x\"\nuntil = \"soon\"", "soon"),
        ("[[expect]]\ncase = \"a\"\nstatus = \"fail\"\nreason = \"x\"\nkernels = \"y\"", "kernels"),
    ] {
        let error = Expectations::parse(text, "list.toml", "2026-01-01").err().expect(text);
        assert!(error.exit_code() == 2 && error.to_string().contains(says), "{error}");
    }
}

#[test]
fn the_own_list_parses_and_blessing_adds_what_failed() {
    Expectations::parse(OWN, "assets/expectations.toml", &today()).expect("parses");
    let stock = adapter("vulkan", "Mesa 22.3.6");
    let cases = vec![result("loss.mse (3x5)", Status::Crash), result("loss.mse 1x1", Status::Pass)];
    let ran = [AdapterResult { label: "0".into(), adapter: stock.clone(), cases, ..Default::default() }];
    let (text, count) = blessed("# head\n", &ran).expect("writes");
    assert!(count == 1 && text.starts_with("# head\n") && text.contains("not yet looked into"), "{text}");
    let e = Expectations::parse(&text, "list.toml", "2026-01-01").expect("parses again");
    assert_eq!(judged(&e, &stock, "loss.mse (3x5)", Status::Crash).status, Status::Xfail);
    assert_eq!(blessed("# head\n", &[]).expect("writes"), ("# head\n".to_owned(), 0));
}
