//! What a program reads of a command that failed: one document on stdout under `--json`, and nothing otherwise.

use serde_json::Value;

use crate::shared::binary::{Desk, stderr, unlearn};

/// Runs a command that must end with this code, and returns the one document on stdout.
#[track_caller]
fn failure(arguments: &[&str], code: i32) -> Value {
    let output = unlearn(arguments).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
    assert!(stderr(&output).contains("error: "), "{arguments:?}: stderr keeps its sentence: {}", stderr(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}"));
    assert_eq!((&document["schema"], &document["version"]), (&1.into(), &env!("CARGO_PKG_VERSION").into()));
    assert_eq!(document["error"]["exit_code"], code, "{arguments:?}");
    document["error"].clone()
}

#[test]
fn bad_input_is_a_document() {
    let desk = Desk::new();
    let config = desk.put("a.toml", "[data]\nloader = \"csv\"\nlabl = \"y\"\n[model]\nzoo = \"mlp\"\n");
    let out = desk.text("run");
    for arguments in [
        &["train", &config, "--out", &out, "--json"][..],
        &["--json", "train", &config, "--out", &out],
        &["train", "--json", &config, "--out", &out],
    ] {
        let error = failure(arguments, 2);
        assert_eq!(error["code"], "input");
        let said = error["message"].as_str().expect("a sentence");
        assert!(said.contains("labl") && said.contains("did you mean `label`"), "{said}");
    }
    assert_eq!(failure(&["eval", &out, "--json"], 2)["exit_code"], 2);
    assert_eq!(failure(&["check", "-k", "no such kernel", "--json"], 2)["code"], "input");
    assert_eq!(failure(&["list", "keyz", "--json"], 2)["code"], "input");
    let set = unlearn(&["list", "keyz"]).env("UNLEARN_JSON", "1").output().expect("starts");
    assert!(serde_json::from_slice::<Value>(&set.stdout).is_ok());
}

#[test]
fn bad_usage_is_a_document() {
    for (arguments, says) in [
        (&["train", "--json"][..], "--out"),
        (&["--json", "adapters", "--no-such-flag"], "--no-such-flag"),
        (&["adapters", "--json", "extra"], "extra"),
        (&["--json", "bogus"], "bogus"),
        (&["adapters", "--json", "--seed", "minus one"], "minus one"),
        (&["list", "--json", "--markdown"], "cannot be used with"),
        (&["schema", "configs", "--json"], "configs"),
    ] {
        let error = failure(arguments, 2);
        assert_eq!(error["code"], "usage", "{arguments:?}");
        let said = error["message"].as_str().expect("a sentence");
        assert!(said.contains(says) && !said.contains("Usage:") && !said.contains('\n'), "{said}");
    }
    let bare = unlearn(&["--json"]).output().expect("starts");
    assert_eq!(bare.status.code(), Some(2));
    let document: Value = serde_json::from_slice(&bare.stdout).expect("a document");
    assert_eq!(document["error"]["code"], "usage");
}

/// No file may have a byte: a disk that is full, as far as the program can tell.
#[cfg(unix)]
#[test]
fn an_error_of_the_machine_ends_with_1() {
    let (desk, program) = (Desk::new(), env!("CARGO_BIN_EXE_unlearn"));
    let limited = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    let dump = desk.text("shaders");
    let arguments = ["-c", limited, program, "shaders", "--dump", &dump, "-k", "linear.matmul$", "--json"];
    let output = std::process::Command::new("sh").args(arguments).output().expect("a shell");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let error = &document["error"];
    assert_eq!((&error["code"], &error["exit_code"]), (&"io".into(), &1.into()));
    assert!(error["message"].as_str().is_some_and(|said| said.contains("cannot write")), "{error}");
}

#[test]
fn without_json_stdout_stays_empty_and_help_stays_text() {
    let plain = unlearn(&["list", "keyz"]).output().expect("starts");
    assert_eq!((plain.status.code(), plain.stdout.is_empty()), (Some(2), true));
    // The word is a value here, not a flag.
    let value = unlearn(&["list", "--", "--json"]).output().expect("starts");
    assert!(value.stdout.is_empty(), "{}", String::from_utf8_lossy(&value.stdout));
    let help = unlearn(&["train", "--help", "--json"]).output().expect("starts");
    assert_eq!(help.status.code(), Some(0));
    assert!(serde_json::from_slice::<Value>(&help.stdout).is_err() && !help.stdout.is_empty());
}

/// A command that prints its document and then fails says no second one.
#[test]
fn a_check_that_fails_has_one_document() {
    let desk = Desk::new();
    let config = desk.put("a.toml", "[data]\nloader = \"digits\"\n[model]\nzoo = \"mlp\"\n");
    let output = unlearn(&["check", "--coverage", "--json", "-k", "linear.matmul"]).output().expect("starts");
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok(), "{}", stderr(&output));
    let twice = unlearn(&["train", &config, "--out", &config, "--json"]).output().expect("starts");
    assert!(serde_json::from_slice::<Value>(&twice.stdout).is_ok(), "{}", stderr(&twice));
}
