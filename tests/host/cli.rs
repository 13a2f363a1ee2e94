//! The binary from outside: exit codes, what is on stdout and what on stderr, files written whole.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn unlearn(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unlearn"));
    command.args(arguments);
    for (name, _) in std::env::vars() {
        if name.starts_with("UNLEARN_") {
            command.env_remove(name);
        }
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    unlearn(arguments).output().expect("the binary starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[track_caller]
fn ends(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout: {}\nstderr: {}", stdout(output), stderr(output));
}

/// A usage or input error: exit code 2, one clear sentence on stderr, nothing on stdout.
#[track_caller]
fn refused(arguments: &[&str], says: &str) {
    let output = run(arguments);
    ends(&output, 2);
    assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    assert!(stdout(&output).is_empty(), "{arguments:?}: {}", stdout(&output));
    assert!(!stderr(&output).contains("panicked"), "{arguments:?}");
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// A backend that this machine cannot have, so that no adapter is found.
fn without_adapters(arguments: &[&str]) -> Output {
    let absent = if cfg!(target_os = "macos") { "dx12" } else { "metal" };
    unlearn(arguments).env("WGPU_BACKEND", absent).output().expect("the binary starts")
}

/// The adapters present; tests that need one return where there is none (tests/gpu fails there).
fn adapters() -> Vec<Value> {
    let output = run(&["adapters", "--json"]);
    ends(&output, 0);
    json(&stdout(&output))["adapters"].as_array().expect("a list").clone()
}

#[test]
fn help_and_version_are_data() {
    let help = run(&["--help"]);
    ends(&help, 0);
    for command in ["adapters", "check", "bench", "shaders", "list"] {
        assert!(stdout(&help).contains(command), "{command} is not in the help");
        let own = run(&[command, "--help"]);
        ends(&own, 0);
        assert!(stdout(&own).contains("--adapter"), "{command} --help");
    }
    assert!(stdout(&run(&["--version"])).starts_with("unlearn "));
}

#[test]
fn bad_usage_is_refused_with_exit_code_2() {
    refused(&["bogus"], "bogus");
    refused(&[], "Usage");
    refused(&["adapters", "--no-such-flag"], "--no-such-flag");
    refused(&["adapters", "extra"], "extra");
    refused(&["adapters", "--backend", "opengl"], "opengl");
    refused(&["adapters", "--seed", "minus one"], "minus one");
    refused(&["adapters", "-q", "-v"], "cannot be used with");
    refused(&["check", "-k", "("], "regex");
    refused(&["check", "-k", "no such kernel"], "no case matches");
    refused(&["check", "-k", "matmul nn 1x1x1$", "--adapter", "no such adapter"], "no such adapter");
    refused(&["bench", "no such kernel"], "no timed case");
    refused(&["bench", "--min-time=-1"], "--min-time");
    refused(&["bench", "--fail-above", "5%"], "--baseline");
    refused(&["bench", "--fail-above", "much", "--baseline", "x"], "percentage");
    refused(&["bench", "--baseline", "no/such/file.json"], "no/such/file.json");
    refused(&["shaders"], "--dump");
    refused(&["shaders", "--dump", "x", "--target", "dxil"], "dxil");
    refused(&["list", "kernel"], "did you mean `kernels`");
}

#[test]
fn environment_twins_are_read_and_flags_win() {
    let bad = unlearn(&["adapters"]).env("UNLEARN_BACKEND", "opengl").output().expect("starts");
    ends(&bad, 2);
    let won = unlearn(&["adapters", "--backend", "gl"]).env("UNLEARN_BACKEND", "vulkan").output().expect("starts");
    ends(&won, 0);
    assert!(!stdout(&won).contains("vulkan"), "{}", stdout(&won));
    let document = unlearn(&["list", "kernels"]).env("UNLEARN_JSON", "1").output().expect("starts");
    assert!(json(&stdout(&document))["kernels"].is_array());
    let table = unlearn(&["list", "kernels"]).env("UNLEARN_JSON", "0").output().expect("starts");
    assert!(stdout(&table).contains("linear.matmul"));
    let quiet = unlearn(&["adapters"]).env("UNLEARN_QUIET", "true").output().expect("starts");
    ends(&quiet, 0);
}

#[test]
fn adapters_are_listed_as_a_versioned_document() {
    let output = run(&["--json", "adapters"]);
    ends(&output, 0);
    let document = json(&stdout(&output));
    assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
    for (i, adapter) in document["adapters"].as_array().expect("a list").iter().enumerate() {
        assert_eq!(adapter["index"], i);
        for key in ["name", "backend", "driver", "type"] {
            assert!(adapter[key].is_string(), "{key} of {adapter}");
        }
    }
}

#[test]
fn no_adapter_is_an_empty_list_and_otherwise_unsupported() {
    let output = without_adapters(&["adapters", "--json"]);
    ends(&output, 0);
    assert_eq!(json(&stdout(&output))["adapters"], Value::Array(Vec::new()));
    ends(&without_adapters(&["adapters"]), 0);
    for command in [&["check", "-k", "map"][..], &["check", "--adapter", "all"], &["bench", "map"]] {
        let output = without_adapters(command);
        ends(&output, 2);
        assert!(stderr(&output).contains("no GPU adapter was found"), "{}", stderr(&output));
    }
}

#[test]
fn lists_are_tables_and_documents() {
    let output = run(&["list", "kernels"]);
    ends(&output, 0);
    assert!(stdout(&output).lines().next().is_some_and(|l| l.contains("overrides")));
    let document = json(&stdout(&run(&["list", "kernels", "--json"])));
    let names: Vec<_> = document["kernels"].as_array().expect("a list").iter().map(|k| k["name"].as_str()).collect();
    assert!(names.contains(&Some("linear.matmul")), "{names:?}");
    ends(&run(&["list"]), 0);
}

#[test]
fn a_methods_settings_are_listed() {
    let document = json(&stdout(&run(&["list", "methods", "finetune", "--json"])));
    let method = &document["methods"][0];
    assert_eq!((&document["methods"][1], &method["name"]), (&serde_json::Value::Null, &"finetune".into()));
    let lr = &method["settings"][0];
    assert_eq!([&lr["setting"], &lr["default"], &lr["takes"]], ["lr_of_recipe", "4", "a positive number"]);
    let text = stdout(&run(&["list", "methods", "newton"]));
    assert!(text.contains("curvature_records") && text.contains("gauss_newton: never negative"), "{text}");
    assert!(stdout(&run(&["list", "methods"])).contains("settings of retrain: none"));
    refused(&["list", "methods", "finetun"], "did you mean `finetune`");
}

#[test]
fn a_closed_stdout_is_no_panic() {
    for arguments in [&["list"][..], &["adapters", "--json"], &["--help"]] {
        let mut child = unlearn(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("ends");
        assert!(!stderr(&output).contains("panicked"), "{arguments:?}: {}", stderr(&output));
        ends(&output, 0);
    }
}

#[test]
fn shaders_are_written_in_every_language() {
    let folder = tempfile::tempdir().expect("a folder");
    let expect = [
        ("wgsl", "wgsl", "@compute"),
        ("hlsl", "hlsl", "numthreads"),
        ("msl", "metal", "kernel void"),
        ("glsl", "glsl", "#version 450 core"),
        ("essl", "essl", "#version 310 es"),
    ];
    for (target, extension, holds) in expect {
        let to = folder.path().join(target);
        let to = to.to_str().expect("UTF-8");
        let output = run(&["shaders", "--dump", to, "--target", target, "-k", "^linear"]);
        ends(&output, 0);
        let file = Path::new(to).join("linear/matmul").with_extension(extension);
        assert!(std::fs::read_to_string(&file).expect("was written").contains(holds), "{target}");
        assert!(stdout(&output).contains(&*file.to_string_lossy()), "{}", stdout(&output));
    }
    let to = folder.path().join("spirv");
    ends(&run(&["shaders", "--dump", to.to_str().expect("UTF-8"), "--target", "spirv", "--json"]), 0);
    let words = std::fs::read(to.join("linear/matmul.spv")).expect("was written");
    assert_eq!(words[..4], 0x0723_0203u32.to_le_bytes());
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").expect("writes");
    refused(&["shaders", "--dump", file.to_str().expect("UTF-8")], "a-file");
}

#[test]
fn check_writes_its_matrix_its_junit_and_its_json() {
    if adapters().is_empty() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (xml, document) = (folder.path().join("out.xml"), folder.path().join("out.json"));
    let (xml_name, json_name) = (xml.to_str().expect("UTF-8"), document.to_str().expect("UTF-8"));
    let filter = "^linear.matmul n. 13x17x1$";
    let output = run(&["check", "--adapter", "all", "-k", filter, "--junit", xml_name, "--json", json_name]);
    ends(&output, 0);
    assert!(stdout(&output).contains("linear.matmul  ok 2"), "{}", stdout(&output));
    let xml = std::fs::read_to_string(xml).expect("was written");
    assert!(xml.contains("<testsuite ") && xml.contains("linear.matmul nt 13x17x1"), "{xml}");
    let report = json(&std::fs::read_to_string(&document).expect("was written"));
    assert_eq!((report["schema"].as_u64(), report["version"].as_str()), (Some(1), Some(env!("CARGO_PKG_VERSION"))));
    let cases = report["adapters"][0]["cases"].as_array().expect("a list");
    assert!(cases.len() == 2 && cases.iter().all(|c| c["status"] == "pass" && c["worst"]["max_ulp"].is_number()));
    let twice = run(&["check", "--merge", json_name, "--merge", json_name]);
    ends(&twice, 0);
    assert!(stdout(&twice).contains("out: 0 ") && stdout(&twice).contains("ok 2"), "{}", stdout(&twice));
    let on_stdout = run(&["check", "-k", filter, "--json"]);
    assert_eq!(json(&stdout(&on_stdout))["schema"], 1);
    refused(&["check", "-k", filter, "--junit", "no/such/folder/x.xml"], "no/such/folder");
}

/// A baseline with every median scaled and one key of the adapter replaced.
fn doctored(path: &Path, scale: f64, adapter: &str) -> String {
    let mut saved = json(&std::fs::read_to_string(path).expect("was saved"));
    saved["adapter"]["name"] = adapter.into();
    for row in saved["rows"].as_array_mut().expect("a list") {
        row["median_ns"] = (row["median_ns"].as_f64().expect("a number") * scale).into();
        row["mad_ns"] = 0.0.into();
    }
    let to = path.with_extension("doctored.json");
    std::fs::write(&to, saved.to_string()).expect("writes");
    to.to_str().expect("UTF-8").to_owned()
}

#[test]
fn bench_times_saves_compares_and_fails_on_a_regression() {
    let present = adapters();
    let Some(name) = present.first().and_then(|a| a["name"].as_str()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("base.json");
    let (file, filter) = (saved.to_str().expect("UTF-8"), "^reduce.total");
    let bench = |more: &[&str]| run(&[&["bench", filter, "--min-time", "0.1", "--no-peaks"], more].concat());
    let first = bench(&["--save-baseline", file, "--json"]);
    ends(&first, 0);
    let document = json(&stdout(&first));
    assert_eq!(document["schema"], 1);
    let row = &document["rows"][0];
    for key in ["median_ns", "mad_ns", "min_ns", "max_ns", "gflops", "gbps", "wall_ns"] {
        assert!(row[key].as_f64().is_some_and(|v| v >= 0.0), "{key} of {row}");
    }
    assert_eq!((row["kernel"].as_str(), row["variant"].as_str()), (Some("reduce.total"), Some("total")));
    assert!(row["samples_ns"].as_array().is_some_and(|s| s.len() >= 5));
    let slower = doctored(&saved, 1e-3, name);
    ends(&bench(&["--baseline", &slower, "--fail-above", "5%"]), 5);
    let told = bench(&["--baseline", &slower]);
    ends(&told, 0);
    assert!(stdout(&told).contains("SLOWER"), "{}", stdout(&told));
    ends(&bench(&["--baseline", &doctored(&saved, 1e3, name), "--fail-above", "5%"]), 0);
    let other = bench(&["--baseline", &doctored(&saved, 1.0, "another GPU")]);
    ends(&other, 2);
    assert!(stderr(&other).contains("another GPU"), "{}", stderr(&other));
    std::fs::write(&saved, "{}").expect("writes");
    refused(&["bench", filter, "--baseline", file], "not a saved baseline");
}

#[test]
fn a_trace_is_written_where_asked() {
    if adapters().is_empty() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.json");
    let name = path.to_str().expect("UTF-8");
    ends(&run(&["bench", "^reduce.total", "--min-time", "0.01", "--no-peaks", "--trace", name]), 0);
    let trace = json(&std::fs::read_to_string(path).expect("was written"));
    let stamped = adapters()[0]["features"].as_array().is_some_and(|f| f.contains(&"timestamps".into()));
    let events = trace["traceEvents"].as_array().expect("a list");
    assert!(!stamped || events.iter().any(|e| e["name"] == "reduce.total" && e["dur"].is_number()), "{trace}");
}
