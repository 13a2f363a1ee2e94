//! Columns of `unlearn check --driver`: one whose driver crashes or hangs while it is listed costs no other, and each
//! can have an environment of its own, which reports show.

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::adapters::Shared;
use crate::check::{THREE, document, hold, wrong};
use crate::shared::binary::{Desk, stderr, unlearn};

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let Some(first) = devices.first() else { return Vec::new() };
    let mut all = vec![first.trial("check with an environment of a column's own", environment)];
    // The drivers are made up with the C compiler that Rust links with on Linux.
    if cfg!(target_os = "linux") && first.report.backend == "vulkan" {
        all.push(first.trial("check survives drivers that cannot be listed", dead));
    }
    all
}

/// A manifest of a driver that does this as soon as it is loaded.
fn driver(desk: &Desk, name: &str, does: &str) -> Result<String, Failed> {
    let source = desk.put(
        &format!("{name}.c"),
        format!(
            "#include <stdlib.h>\n#include <unistd.h>\n__attribute__((constructor)) static void start(void) {{ \
            {does}; }}\n"
        ),
    );
    let library = desk.text(&format!("{name}.so"));
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, &source]).output()?;
    hold(built.status.success() && Path::new(&library).exists(), || stderr(&built))?;
    let manifest = json!({
        "file_format_version": "1.0.0", "ICD": { "library_path": library, "api_version": "1.3.0" },
    });
    Ok(format!("{name}={}", desk.put(&format!("{name}.json"), manifest.to_string())))
}

fn dead(_: &Shared) -> Result<(), Failed> {
    let desk = Desk::new();
    let (crashes, hangs) = (driver(&desk, "crashes", "abort()")?, driver(&desk, "hangs", "for (;;) sleep(60)")?);
    let arguments = ["check", "-k", THREE, "--timeout", "10", "--json", "--md", &desk.text("out.md")];
    let drivers = ["--driver", &crashes, "--driver", &hangs, "--driver", "sound=system"];
    let output = unlearn(&[&arguments[..], &drivers].concat()).output()?;
    hold(output.status.code() == Some(4), || stderr(&output))?;
    let report = document(&output)?;
    for (i, status, says) in [(0, "crash", "listing its adapters ended with signal"), (1, "timeout", "within 10 s")] {
        let cases = report["adapters"][i]["cases"].as_array().ok_or("no cases")?;
        let message = cases[0]["message"].as_str().unwrap_or_default();
        hold(cases[0]["status"] == status && message.contains(says), || format!("{report}"))?;
        hold(cases[1..].iter().all(|c| c["status"] == "skipped"), || format!("{report}"))?;
    }
    let sound = &report["adapters"][2];
    let passed = sound["cases"].as_array().ok_or("no cases")?.iter().all(|c| c["status"] == "pass");
    hold(sound["label"].as_str().is_some_and(|l| l.starts_with("sound")) && passed, || format!("{report}"))?;
    let page = std::fs::read_to_string(desk.path("out.md"))?;
    hold(page.contains("| hangs | not listed |") && page.contains("**crash** `linear.matmul"), || page.clone())
}

fn environment(device: &Shared) -> Result<(), Failed> {
    let desk = Desk::new();
    let backend = &device.report.backend;
    let own = format!("own=system,LP_NATIVE_VECTOR_WIDTH=128,WGPU_BACKEND={backend},A=1,2");
    let arguments = ["check", "-k", THREE, "--json", "--md", &desk.text("out.md"), "--junit", &desk.text("out.xml")];
    let drivers = ["--driver", &own, "--driver", "plain=system"];
    let fault = wrong("linear.matmul nt 13x17x1");
    let mut command = unlearn(&[&arguments[..], &drivers].concat());
    let output = command.env("UNLEARN_CHECK_FAULTS", json!([fault]).to_string()).output()?;
    hold(output.status.code() == Some(4), || stderr(&output))?;
    let report = document(&output)?;
    let (own_column, plain) = (&report["adapters"][0], &report["adapters"][1]);
    hold(own_column["env"]["A"] == "1,2" && plain["env"].is_null(), || format!("{report}"))?;
    // llvmpipe tells the width of its vectors in its name: the variable reached this column's child and no other.
    if backend == "vulkan" && device.report.name.contains("llvmpipe") {
        let bits = |column: &Value| column["adapter"]["name"].as_str().is_some_and(|n| n.contains("128 bits"));
        hold(bits(own_column) && !bits(plain), || format!("{report}"))?;
    }
    let page = std::fs::read_to_string(desk.path("out.md"))?;
    let shown = format!("| A=1,2, LP_NATIVE_VECTOR_WIDTH=128, WGPU_BACKEND={backend} |");
    hold(page.contains(&shown), || page.clone())?;
    let xml = std::fs::read_to_string(desk.path("out.xml"))?;
    let again = format!("unlearn check test --driver '{own}' --repro 'linear.matmul nt 13x17x1'");
    hold(xml.replace("&apos;", "'").contains(&again), || xml.clone())?;
    let none = ["check", "-k", THREE, "--driver", "none=system,WGPU_BACKEND=noop"];
    crate::shared::binary::refused(&none, &["driver none", "no adapter in this environment"]).map_err(Failed::from)
}
