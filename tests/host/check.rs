//! What `unlearn check` and `unlearn doctor` do without an adapter: names, coverage, exports, refusals.

use serde_json::Value;

use crate::shared::binary::{Desk, ends, refused, stderr, unlearn};

fn lines(arguments: &[&str]) -> Vec<String> {
    let output = ends(arguments, 0).expect("runs");
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

fn document(arguments: &[&str]) -> Value {
    serde_json::from_slice(&ends(arguments, 0).expect("runs").stdout).expect("JSON")
}

#[test]
fn names_are_listed_by_kind_filter_and_shapes() {
    let filter = ["-k", "^(linear|conv)"];
    let full = lines(&[&["check", "--list"], &filter[..]].concat());
    let edge = lines(&[&["check", "--list", "--shapes", "edge"], &filter[..]].concat());
    assert!(edge.len() > 200 && edge.len() < full.len(), "{} of {}", edge.len(), full.len());
    assert!(edge.iter().all(|name| full.contains(name)));
    let random = |seed: &str| {
        let arguments = ["check", "--list", "--shapes", "random:2", "--seed", seed];
        lines(&[&arguments[..], &filter[..]].concat())
    };
    assert_eq!(random("3"), random("3"));
    assert!(random("3").iter().all(|name| !random("4").contains(name)));
    assert!(lines(&["check", "grad", "--list"]).contains(&"grad zoo lenet5: per sample".to_owned()));
    let kernels = lines(&["check", "support", "--list", "-k", "^kernel "]);
    assert_eq!(kernels.len(), unlearn::kernels::kernels().len(), "a kernel that nothing compiles");
    let one = document(&["check", "--list", "--json", "-k", "^linear.matmul nt 13x17x1$"]);
    let tolerance = one["cases"][0]["tolerance"].as_array().expect("a case has one");
    assert!(tolerance.len() == 2 && one["cases"][0]["kernels"][0] == "linear.matmul", "{one}");
}

#[test]
fn every_kernel_and_every_layer_is_covered_even_by_small_shapes() {
    for kind in ["test", "grad", "support", "perf"] {
        let found = document(&["check", kind, "--coverage", "--shapes", "edge", "--json"]);
        assert!(found["covered"] == found["count"] && found["count"].as_u64() > Some(20), "{kind}: {found}");
    }
    let output = ends(&["check", "--coverage", "-k", "^linear"], 4).expect("most kernels are left out");
    assert!(
        stderr(&output).contains("nothing covers") && stderr(&output).contains("conv.conv2d"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn nonsense_is_refused() {
    let case = "^linear.matmul nt 13x17x1$";
    for (arguments, says) in [
        (&["check", "tests"][..], "test, grad, support or perf"),
        (&["check", "--shapes", "edgy"], "random:N"),
        (&["check", "--shapes", "random:0"], "random:N"),
        (&["check", "--driver", "lvp.json"], "NAME=FILE"),
        (&["check", "--driver", "x=,LP_DEBUG=1"], "the word system"),
        (&["check", "--timeout", "soon"], "seconds"),
        (&["check", "--repro", "x", "-k", "x"], "cannot be used with"),
    ] {
        let output = ends(arguments, 2).expect("is refused");
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
    let desk = Desk::new();
    let (no_file, bad) =
        (desk.text("none.toml"), desk.put("bad.toml", "[[expect]]\ncase = 'x'\nstatus = 'odd'\nreason = 'x'\n"));
    let no_driver = format!("x={}", desk.put("driver.json", "{}"));
    refused(&["check", "-k", case, "--expectations", &no_file], &["none.toml"]).expect("is refused");
    refused(&["check", "-k", case, "--expectations", &bad], &["entry 1", "odd"]).expect("is refused");
    refused(&["check", "-k", case, "--driver", &no_driver], &["driver.json", "manifest"]).expect("is refused");
    refused(&["check", "grad", "--export", &desk.text("x")], &["--export"]).expect("is refused");
    let planted = unlearn(&["check", "-k", case]).env("UNLEARN_CHECK_FAULTS", "everything").output().expect("starts");
    assert!(
        planted.status.code() == Some(2) && stderr(&planted).contains("UNLEARN_CHECK_FAULTS"),
        "{}",
        stderr(&planted)
    );
}

#[test]
fn cases_are_exported_for_another_implementation() {
    let desk = Desk::new();
    let folder = desk.text("out");
    ends(&["check", "-k", "^reduce.total (0|1|255|257|70003) ", "--export", &folder], 0).expect("exports");
    let text = std::fs::read_to_string(desk.path("out").join("cases.json")).expect("was written");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let cases = document["cases"].as_array().expect("a list");
    assert!(cases.len() == 10 && cases.iter().any(|c| c["temps"].as_array().is_some_and(|t| t.len() == 2)));
    let blob = std::fs::metadata(desk.path("out").join("cases.bin")).expect("was written").len();
    assert!(blob > 2 * 4 * 70_003, "{blob} bytes");
}

#[test]
fn a_machine_without_an_adapter_is_told_so_with_exit_code_6() {
    let absent = if cfg!(target_os = "macos") { "dx12" } else { "metal" };
    let output = unlearn(&["doctor"]).env("WGPU_BACKEND", absent).output().expect("starts");
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("no adapter was found") && text.starts_with("unlearn "), "{text}");
}
