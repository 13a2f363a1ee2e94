//! `unlearn check` from outside on an adapter: crashes, hangs and lost devices cost one case each, a failing case can
//! be run again alone, expectations do what they say, reports have the shape that others read.

use std::process::Output;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::adapters::Shared;
use crate::junit_schema::invalid;
use crate::shared::binary::{Desk, stderr, unlearn};

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let Some(first) = devices.first() else { return Vec::new() };
    let mut all = vec![
        first.trial("check survives crash, hang and loss", survives),
        first.trial("check repeats a planted fault alone", repeats),
        first.trial("check expectations", expectations),
        first.trial("check junit", junit),
        first.trial("check random shapes", random),
    ];
    all.extend(devices.iter().flat_map(|device| [device.trial("check kinds", kinds), device.trial("doctor", doctor)]));
    all
}

pub const THREE: &str = "^linear.matmul n. (1x1x1|3x5x7|13x17x1)$";

pub fn fault(case: &str, what: impl Into<Value>) -> Value {
    json!({ "case": format!("^{case}$"), "fault": what.into() })
}

/// A product that is 1 too large.
pub fn wrong(case: &str) -> Value {
    let shader = json!({ "kernel": "linear.matmul", "from": "p.alpha * sum", "to": "p.alpha * sum + 1.0" });
    fault(case, json!({ "shader": shader }))
}

/// `unlearn check` on a device with these faults planted; ends with `code`.
pub fn check(device: &Shared, faults: &[Value], arguments: &[&str], code: i32) -> Result<Output, Failed> {
    let index = device.report.index.to_string();
    let mut all = vec!["check", "--adapter", &index, "--backend", &device.report.backend];
    all.extend(arguments);
    let mut command = unlearn(&all);
    if !faults.is_empty() {
        command.env("UNLEARN_CHECK_FAULTS", Value::from(faults).to_string());
    }
    let output = command.output()?;
    match output.status.code() == Some(code) {
        true => Ok(output),
        false => Err(format!("{all:?} ended with {}, expected {code}: {}", output.status, stderr(&output)).into()),
    }
}

pub fn document(output: &Output) -> Result<Value, Failed> {
    Ok(serde_json::from_slice(&output.stdout)?)
}

pub fn hold(holds: bool, what: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(what().into()) }
}

/// The result of a case on the only adapter.
pub fn of<'a>(report: &'a Value, case: &str) -> &'a Value {
    let cases = report["adapters"][0]["cases"].as_array();
    cases.and_then(|all| all.iter().find(|c| c["case"] == case)).unwrap_or(&Value::Null)
}

fn survives(device: &Shared) -> Result<(), Failed> {
    let faults = [
        fault("linear.matmul nn 1x1x1", "abort"),
        fault("linear.matmul nn 3x5x7", "hang"),
        fault("linear.matmul nn 13x17x1", "lose"),
    ];
    let output = check(device, &faults, &["-k", THREE, "--timeout", "15", "--json"], 4)?;
    let report = document(&output)?;
    for (case, status, says) in [
        ("linear.matmul nn 1x1x1", "crash", "the process ended"),
        ("linear.matmul nn 3x5x7", "timeout", "did not end within 15 s"),
        ("linear.matmul nn 13x17x1", "crash", "the device was lost"),
    ] {
        let found = of(&report, case);
        let message = found["message"].as_str().unwrap_or_default();
        let goes_on = message.contains(says) && message.contains("a new one continues");
        hold(found["status"] == status && goes_on && found["kernels"][0] == "linear.matmul", || format!("{found}"))?;
        hold(stderr(&output).contains(case), || format!("{case} is not told: {}", stderr(&output)))?;
    }
    for case in ["linear.matmul nt 1x1x1", "linear.matmul nt 3x5x7", "linear.matmul nt 13x17x1"] {
        hold(of(&report, case)["status"] == "pass", || format!("{case}: {}", of(&report, case)))?;
    }
    let told = report["planted"].as_array().map_or(0, Vec::len);
    hold(told == 3, || format!("{told} planted faults are told"))
}

fn repeats(device: &Shared) -> Result<(), Failed> {
    let case = "linear.matmul nt 13x17x1";
    let faults = [wrong(case)];
    let report = document(&check(device, &faults, &["-k", THREE, "--json"], 4)?)?;
    let first = of(&report, case);
    hold(first["status"] == "fail" && first["worst"]["first_bad"] == 0 && first["worst"]["bad"] == 221, || {
        format!("{first}")
    })?;
    let report = document(&check(device, &faults, &["--repro", case, "--json"], 4)?)?;
    let again = of(&report, case);
    hold(again["message"] == first["message"] && again["worst"] == first["worst"], || {
        format!("{again} after {first}")
    })?;
    hold(report["adapters"][0]["cases"].as_array().is_some_and(|c| c.len() == 1), || "not alone".into())?;
    let text = String::from_utf8(check(device, &faults, &["--repro", case], 4)?.stdout)?;
    hold(text.contains("first bad element 0") && text.contains("221 outside the tolerance"), || text.clone())?;
    check(device, &[], &["--repro", case], 0)?;
    let output = check(device, &[], &["--repro", "linear.matmul nt 13x17"], 2)?;
    hold(stderr(&output).contains("--list"), || stderr(&output))
}

/// A failure is blessed, is then expected, and its passing is noticed.
fn expectations(device: &Shared) -> Result<(), Failed> {
    let desk = Desk::new();
    let (list, case) = (desk.text("known.toml"), "linear.matmul nt 13x17x1");
    let faults = [wrong(case), fault("linear.matmul nn 3x5x7", "abort")];
    check(device, &faults, &["-k", THREE, "--bless", "--expectations", &list], 0)?;
    let text = std::fs::read_to_string(desk.path("known.toml"))?;
    hold(text.matches("not yet looked into").count() == 2, || text.clone())?;
    let report = document(&check(device, &faults, &["-k", THREE, "--expectations", &list, "--json"], 0)?)?;
    let found = of(&report, case);
    hold(found["status"] == "xfail" && found["expected"] == "not yet looked into", || format!("{found}"))?;
    hold(of(&report, "linear.matmul nn 3x5x7")["status"] == "xfail", || format!("{report}"))?;
    let report = document(&check(device, &[], &["-k", THREE, "--expectations", &list, "--json"], 4)?)?;
    hold(of(&report, case)["status"] == "xpass", || format!("{report}"))?;
    let skip = "[[expect]]\ncase = '^linear.matmul nn 3x5x7$'\nstatus = 'skip'\nreason = 'not \
        here'\n\n[[expect]]\ncase = 'no such case'\nstatus = 'fail'\nreason = 'gone'\n";
    let list = desk.put("skip.toml", skip);
    let report = document(&check(device, &[], &["-k", THREE, "--expectations", &list, "--json"], 0)?)?;
    let found = of(&report, "linear.matmul nn 3x5x7");
    hold(found["status"] == "skipped" && found["message"] == "not here", || format!("{found}"))?;
    hold(
        report["stale"]
            .as_array()
            .is_some_and(|s| s.len() == 1 && s[0].as_str().is_some_and(|s| s.contains("no such case"))),
        || format!("{}", report["stale"]),
    )
}

fn junit(device: &Shared) -> Result<(), Failed> {
    let desk = Desk::new();
    let faults = [wrong("linear.matmul nt 13x17x1"), fault("linear.matmul nn 3x5x7", "abort")];
    let (xml, md) = (desk.text("out.xml"), desk.text("out.md"));
    let filter = "^linear.matmul(_broadcast)? n. (1x1x1|3x5x7|13x17x1)$";
    check(device, &faults, &["-k", filter, "--junit", &xml, "--md", &md], 4)?;
    let text = std::fs::read_to_string(desk.path("out.xml"))?;
    let report = quick_junit::Report::deserialize_from_str(&text)?;
    let suite = &report.test_suites[0];
    let cases = &suite.test_cases;
    hold(report.test_suites.len() == 1 && cases.len() == 12 && report.tests == 12 && suite.tests == 12, || {
        text.clone()
    })?;
    hold((report.failures, report.errors, suite.failures, suite.errors) == (1, 1, 1, 1), || text.clone())?;
    if let Some(broken) = invalid(&text) {
        return Err(format!("{broken}: {text}").into());
    }
    let repeated =
        format!("unlearn check test --adapter {} --backend {} --repro", device.report.index, device.report.backend);
    hold(text.matches(&repeated).count() == 2, || text.clone())?;
    let page = std::fs::read_to_string(desk.path("out.md"))?;
    hold(
        page.contains("| linear.matmul | FAIL 2 of 6 |") && page.contains("**crash** `linear.matmul nn 3x5x7`"),
        || page.clone(),
    )
}

fn random(device: &Shared) -> Result<(), Failed> {
    let arguments = ["--shapes", "random:2", "--seed", "5", "-k", "^(reduce.rows|map.unary|linear.matmul) ", "--json"];
    let report = document(&check(device, &[], &arguments, 0)?)?;
    let cases: Vec<&str> =
        report["adapters"][0]["cases"].as_array().into_iter().flatten().filter_map(|c| c["case"].as_str()).collect();
    hold(cases.len() == 6 && cases.iter().all(|c| c.contains(" seed 5.")), || format!("{cases:?}"))?;
    check(device, &[], &["--repro", cases[cases.len() - 1]], 0)?;
    Ok(())
}

/// Every kind runs on every adapter.
fn kinds(device: &Shared) -> Result<(), Failed> {
    for (kind, filter, least) in [
        ("grad", "^grad (linear|gat_conv) .7.: (mean|per sample|along a direction)$", 6),
        ("support", "^(limit|kernel reduce|network (mlp|gcn))", 13),
        ("perf", "^reduce.argmax", 1),
    ] {
        let report = document(&check(device, &[], &[kind, "-k", filter, "--json"], 0)?)?;
        let cases = report["adapters"][0]["cases"].as_array().ok_or("no cases")?;
        hold(cases.len() >= least && report["kind"] == kind, || format!("{kind}: {report}"))?;
        let fine = cases.iter().all(|c| ["pass", "unsupported", "xfail"].iter().any(|s| c["status"] == *s));
        hold(fine, || format!("{kind}: {report}"))?;
        let timed = cases.iter().filter(|c| c["timed"]["median_ns"].as_f64().is_some_and(|ns| ns > 0.0)).count();
        hold((timed > 0) == (kind == "perf"), || format!("{kind}: {report}"))?;
    }
    Ok(())
}

fn doctor(device: &Shared) -> Result<(), Failed> {
    let index = device.report.index.to_string();
    let output = unlearn(&["doctor", "--adapter", &index, "--backend", &device.report.backend, "--json"]).output()?;
    hold(output.status.success(), || stderr(&output))?;
    let found = document(&output)?;
    let smoke = found["smoke"]["adapters"][0]["cases"].as_array().ok_or("no smoke test")?;
    let trained = smoke.iter().filter(|c| c["case"].as_str().is_some_and(|c| c.contains("training steps")));
    hold(trained.count() == 2 && smoke.iter().all(|c| c["status"] == "pass"), || format!("{found}"))?;
    hold(found["findings"].as_array().is_some_and(|f| !f.is_empty()), || format!("{found}"))
}
