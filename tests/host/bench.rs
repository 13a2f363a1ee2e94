//! `unlearn bench` from outside: peaks and their place, shapes asked for, what is written, what is refused.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::shared::binary::{Desk, ends, refused, stderr, unlearn};

fn document(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", stderr(output)))
}

fn no_adapter() -> bool {
    let output = ends(&["adapters", "--json"], 0).expect("a list");
    document(&output)["adapters"].as_array().is_none_or(Vec::is_empty)
}

#[test]
fn peaks_are_measured_once_and_every_row_stands_beside_its_roof() {
    if no_adapter() {
        return;
    }
    let desk = Desk::new();
    let run = |arguments: &[&str]| {
        let output = unlearn(arguments).env("XDG_CACHE_HOME", desk.path("cache")).output();
        output.expect("the binary starts")
    };
    let first = run(&["bench", "peaks", "--min-time", "0", "--json"]);
    let peaks = document(&first);
    let all = peaks["peaks"].as_array().expect("a list");
    let names: Vec<_> = all.iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(names, ["copy", "triad", "fma", "shared", "dispatch", "submit", "upload", "readback"]);
    assert!(all.iter().all(|p| p["best"].as_f64().is_some_and(|v| v > 0.0)), "{peaks}");
    let kept = fs::read_dir(desk.path("cache/unlearn/peaks")).expect("the cache").count();
    assert_eq!((kept, stderr(&first).contains("are kept in")), (1, true));

    let [json, csv, svg] = ["rows.json", "rows.csv", "rows.svg"].map(|name| desk.text(name));
    let asked = ["bench", "kernels", "--op", "matmul_nn,copy", "--shape", "65", "--min-time", "0", "-o", "md"];
    let output = run(&[&asked[..], &["--write", &json, "--write", &csv, "--write", &svg]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("are kept in"), "measured again: {}", stderr(&output));
    let page = String::from_utf8(output.stdout).expect("Markdown");
    assert!(page.contains("| % roof |") && page.contains("control: ") && page.contains("peaks: copy "), "{page}");
    let report: Value = serde_json::from_slice(&fs::read(&json).expect("was written")).expect("JSON");
    let rows = report["rows"].as_array().expect("rows");
    let products: Vec<_> = rows.iter().filter(|r| r["op"] == "matmul_nn").collect();
    assert_eq!(products.iter().filter(|r| r["chosen"] == true).count(), 1, "one form is what a recording gets");
    assert!(products.len() >= 3 && rows.iter().any(|r| r["op"] == "copy"), "{page}");
    for row in rows {
        for key in ["roof_pct", "ai", "control", "median_ns", "mad_ns"] {
            assert!(row[key].as_f64().is_some_and(|v| v >= 0.0), "{key} of {row}");
        }
        assert!(row["adapter"].is_string() && row["driver"].is_string() && row["verified"] == "whole", "{row}");
    }
    assert_eq!(products[0]["flop"], 2 * 65 * 65 * 65);
    let roofs = (report["peaks"]["peaks"][2]["best"].as_f64(), report["peaks"]["peaks"][0]["best"].as_f64());
    let (Some(fma), Some(copy)) = roofs else { panic!("{}", report["peaks"]) };
    let number = |key: &str| products[0][key].as_f64().expect("a number");
    let roof = fma.min(number("ai") * copy);
    assert!((number("roof_pct") / (100.0 * number("gflops") / roof) - 1.0).abs() < 1e-6, "{}", products[0]);
    let lines = fs::read_to_string(csv).expect("was written");
    assert_eq!(lines.lines().count(), rows.len() + 1);
    assert!(fs::read_to_string(svg).expect("was written").contains("arithmetic intensity"));
}

#[test]
fn a_shape_too_large_for_the_twin_is_verified_smaller_and_against_another_form() {
    if no_adapter() {
        return;
    }
    let asked = ["bench", "--op", "matmul_nt", "--shape", "300x310x330", "--variant", "blocked,tiled"];
    let output = ends(&[&asked[..], &["--no-peaks", "--min-time", "0", "--json"]].concat(), 0).expect("timed");
    let report = document(&output);
    let how: Vec<_> = report["rows"].as_array().expect("rows").iter().map(|r| r["verified"].clone()).collect();
    assert_eq!(how, ["172x182x138 to the twin", "172x182x138 to the twin, whole to tiled"]);
}

#[test]
fn what_cannot_be_timed_is_refused_by_name() {
    let says = |arguments: &[&str], says: &[&str]| {
        refused(&[&["bench"], arguments].concat(), says).unwrap_or_else(|e| panic!("{e}"));
    };
    says(&["--op", "matmull"], &["--op `matmull` is unknown", "matmul_nn"]);
    says(&["--preset", "lenet"], &["--preset `lenet` is unknown", "did you mean `lenet5`"]);
    says(&["--op", "matmul_nn", "--shape", "64x64"], &["--op matmul_nn", "MxNxK"]);
    says(&["--op", "matmul_nn", "--shape", "64-8*2"], &["--shape 64-8*2", "ends before it begins"]);
    says(&["--op", "conv2d_fwd", "--write", "rows.txt"], &["--write rows.txt", ".json, .csv, .md or .svg"]);
    says(&["peaks", "--write", "peaks.svg"], &["peaks.svg", "no picture"]);
    says(&["matmul", "peaks"], &["stand before another word"]);
}

#[test]
fn every_number_is_described_by_the_program_and_on_the_page() {
    let output = ends(&["bench", "--describe"], 0).expect("no adapter is needed");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("matmul_nt") && text.contains("gcn-cora") && text.contains("NODESxENTRIESxWIDTH"), "{text}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let page = fs::read_to_string(page).expect("docs/performance.md");
    let named = text.lines().take_while(|line| !line.starts_with("operations")).filter_map(|l| l.split_once(": "));
    let missing: Vec<_> = named.map(|(name, _)| name).filter(|name| !page.contains(&format!("| {name} |"))).collect();
    assert!(missing.is_empty(), "docs/performance.md has no row for {missing:?}");
}

#[test]
fn passes_are_timed_with_their_share_of_a_reference_and_of_each_kernel() {
    if no_adapter() {
        return;
    }
    let whole = |arguments: &[&str]| {
        let output = ends(&[&["bench"], arguments, &["--rounds", "1", "--json"]].concat(), 0);
        document(&output.unwrap_or_else(|e| panic!("{e}")))
    };
    let train = whole(&["train", "--records", "64"]);
    let rows = train["rows"].as_array().expect("rows");
    let names: Vec<_> = rows.iter().map(|r| (r["network"].as_str(), r["records"].as_u64())).collect();
    assert_eq!(names, [(Some("lenet5"), Some(64)), (Some("mlp"), Some(64))]);
    for row in rows {
        for key in ["median_s", "per_second", "first_s", "first_step_s", "dispatches", "peak_bytes"] {
            assert!(row[key].as_f64().is_some_and(|v| v > 0.0), "{key} of {row}");
        }
    }
    let shares: Vec<&Value> = train["kernels"].as_array().expect("shares").iter().collect();
    let epoch: Vec<_> =
        shares.iter().filter(|s| s["of"] == "lenet5 epoch").filter_map(|s| s["percent"].as_f64()).collect();
    let percent: f64 = epoch.iter().sum();
    assert!(epoch.is_empty() || (percent - 100.0).abs() < 1e-6, "{percent} % of an epoch");
    let methods = whole(&["unlearn", "--records", "100"]);
    let names: Vec<_> = methods["rows"].as_array().expect("rows").iter().map(|r| r["pass"].clone()).collect();
    assert_eq!(names, ["retrain", "finetune", "gradient_ascent", "ssd"]);
    let statistics = whole(&["fisher", "--growth", "--most", "60000", "--records", "32"]);
    let growth = statistics["growth"].as_array().expect("growth");
    assert_eq!(growth.len(), 2);
    assert!(growth.iter().all(|g| g["sizes"].as_array().is_some_and(|s| s.len() == 2)), "{statistics}");
    assert!(statistics["rows"][1]["ratio"].as_f64().is_some_and(|r| r > 0.0) && statistics["rows"][0]["ratio"] == 1.0);
}

/// A program that does what `card.sh` asks of ours, but for what it cannot.
#[cfg(unix)]
const STAND_IN: &str = r##"#!/bin/sh
case "$1 $2" in
  "adapters --json") echo '      "name": "A Card (TM) 7",'; exit 0 ;;
  "bench train") echo "error: the device was lost"; exit 1 ;;
  "bench unlearn") sleep 30 ;;
  "--version ") echo "unlearn 0"; exit 0 ;;
esac
while [ $# -gt 0 ]; do
  case "$1" in --write | --md | --json) echo "# of $2" > "$2"; shift ;; esac
  shift
done
"##;

#[cfg(unix)]
#[test]
fn a_part_of_the_card_script_that_fails_or_hangs_loses_no_other() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let program = desk.put("unlearn", STAND_IN);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it may run");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/card.sh");
    let parts = "peaks,train,unlearn,graph";
    let out = desk.text("card");
    let mut card = std::process::Command::new("bash");
    card.arg(script).args(["--quick", "--parts", parts, "--out", &out, "--limit", "2"]);
    let output = card.env("UNLEARN", &program).env("PYTHON", "no-such-python").output().expect("bash starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let page = fs::read_to_string(desk.path("card/README.md")).expect("a page");
    for line in ["# A Card (TM) 7", "| peaks | well |", "| train | exit code 1: error: the device was lost |"] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(page.contains("| unlearn | stopped after 2 s |") && page.contains("| graph | well |"), "{page}");
    assert!(page.contains("| peers | not there: no-such-python has no torch |"), "{page}");
    assert!(page.contains("## graph") && page.contains("### of ") && !page.contains("## train"), "{page}");
}
