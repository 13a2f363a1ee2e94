//! The memory of a long run: what a process holds after thousands of steps is what it held after a few.

use std::process::Stdio;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};

use crate::shared::binary::{Desk, unlearn};
use crate::times;

/// Widths that a driver compiled anew for each step (docs/drivers/llvmpipe-inlined-parameters.md).
const LAYERS: [&str; 2] = ["graph_conv", "sage_conv"];

/// Kilobytes that a run may gain in its second half. What leaked there was 150 MB and more.
const SLACK: u64 = 16 << 10;

pub fn trials() -> Vec<Trial> {
    // Elsewhere a process does not tell what it holds.
    let known = if cfg!(target_os = "linux") { &LAYERS[..] } else { &[] };
    known.iter().map(|layer| times::trial(format!("memory: 3000 steps of {layer}"), move || steady(layer))).collect()
}

/// Kilobytes that a process has in memory.
fn resident(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
}

fn steady(layer: &str) -> Result<(), Failed> {
    let desk = Desk::new();
    let config = desk.put(
        "c.toml",
        format!(
            "seed = 3\n[data]\nloader = \"sbm\"\nnodes = 200\nfeatures = 32\n[[model.layers]]\ntype = \"{layer}\"\n\
                [train]\nlr = 0.01\nepochs = 3000\n"
        ),
    );
    let out = desk.text("run");
    let mut command = unlearn(&["train", &config, "--out", &out, "-q"]);
    let mut child = command.stdout(Stdio::null()).spawn().map_err(|e| e.to_string())?;
    let mut seen = Vec::new();
    while child.try_wait().map_err(|e| e.to_string())?.is_none() {
        seen.extend(resident(child.id()));
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = child.wait().map_err(|e| e.to_string())?;
    if !ended.success() {
        return Err(format!("the training ended with {ended}").into());
    }
    let (half, end) = (seen[seen.len() / 2], seen.iter().rev().take(20).max().copied().unwrap_or_default());
    match end <= half + SLACK {
        true => Ok(()),
        false => Err(format!("{half} KB half-way and {end} KB at the end of 3000 steps").into()),
    }
}
