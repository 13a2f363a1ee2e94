//! `unlearn check --validation`: the layers are heard, their silence is not taken for a pass, and adapters without them
//! are left out or refused by name.

use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use unlearn::harness::doctor::Facts;

use crate::adapters::Shared;
use crate::check::{THREE, check, document, fault, hold, of};
use crate::shared::binary::{Desk, stderr};

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let vulkan = devices.iter().find(|d| d.report.backend == "vulkan");
    let other = devices.iter().find(|d| d.report.backend != "vulkan");
    let mut all = Vec::new();
    all.extend(vulkan.map(|d| d.trial("check without validation layers", missing)));
    all.extend(other.map(|d| d.trial("check under layers that are not there", refused)));
    if Facts::gather().validation_layers {
        all.extend(vulkan.map(|d| d.trial("check under validation layers", heard)));
        all.extend(vulkan.map(|d| d.trial("check under muted validation layers", muted)));
    }
    all
}

/// A missing barrier fails its case alone, however often it was reported before.
fn heard(device: &Shared) -> Result<(), Failed> {
    let case = "linear.matmul nn 3x5x7";
    let report = document(&check(device, &[fault(case, "race")], &["-k", THREE, "--validation", "--json"], 4)?)?;
    let found = of(&report, case);
    let message = found["message"].as_str().unwrap_or_default();
    hold(found["status"] == "fail" && message.contains("SYNC-HAZARD-WRITE-AFTER-WRITE"), || format!("{report}"))?;
    let cases = report["adapters"][0]["cases"].as_array().ok_or("no cases")?;
    hold(cases.iter().filter(|c| c["status"] == "pass").count() + 1 == cases.len(), || format!("{report}"))?;
    let layers = report["adapters"][0]["layers"].as_str();
    hold(layers.is_some_and(|l| l.contains("Validation Layer")), || format!("{report}"))?;
    let race = serde_json::json!({ "case": "^linear.matmul n", "fault": "race" });
    let report = document(&check(device, &[race], &["-k", "^linear.matmul n", "--validation", "--json"], 4)?)?;
    let cases = report["adapters"][0]["cases"].as_array().ok_or("no cases")?;
    hold(cases.len() > 15 && cases.iter().all(|c| c["status"] == "fail"), || format!("{report}"))
}

/// Layers that do not see the hazard planted for them are no witnesses.
fn muted(device: &Shared) -> Result<(), Failed> {
    let driver = "mute=system,WGPU_BACKEND=vulkan,VK_LAYER_MESSAGE_ID_FILTER=SYNC-HAZARD-WRITE-AFTER-WRITE";
    alone_refused(device, driver, "did not report a missing barrier")
}

fn missing(device: &Shared) -> Result<(), Failed> {
    let desk = Desk::new();
    let driver = format!("none=system,WGPU_BACKEND=vulkan,VK_LAYER_PATH={}", desk.path("").display());
    alone_refused(device, &driver, "apt-get install vulkan-validationlayers")
}

/// The column of this driver says so in its first case and tries no other; the plain run is not touched.
fn alone_refused(device: &Shared, driver: &str, says: &str) -> Result<(), Failed> {
    let arguments = ["-k", THREE, "--validation", "--json", "--driver", driver];
    let output = crate::shared::binary::unlearn(&[&["check"][..], &arguments].concat()).output()?;
    hold(output.status.code() == Some(4), || stderr(&output))?;
    let report = document(&output)?;
    let statuses: Vec<&Value> =
        report["adapters"][0]["cases"].as_array().into_iter().flatten().map(|c| &c["status"]).collect();
    let message = report["adapters"][0]["cases"][0]["message"].as_str().unwrap_or_default();
    hold(message.contains(says) && statuses[0] == "crash", || format!("{report}"))?;
    hold(statuses[1..].iter().all(|s| **s == "skipped"), || format!("{report}"))?;
    check(device, &[], &["-k", THREE], 0)?;
    Ok(())
}

fn refused(device: &Shared) -> Result<(), Failed> {
    let output = check(device, &[], &["-k", THREE, "--validation"], 6)?;
    hold(stderr(&output).contains("the validation layers are Vulkan's"), || stderr(&output))
}
