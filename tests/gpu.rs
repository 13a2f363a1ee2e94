//! Trials that need an adapter: every kernel's cases on every adapter present, named `kernel shape@adapter`.

#[path = "gpu/adapters.rs"]
mod adapters;
#[path = "shared/fixtures.rs"]
mod fixtures;
#[path = "gpu/layers.rs"]
mod layers;
#[path = "shared/nets.rs"]
mod nets;
#[path = "gpu/parity.rs"]
mod parity;

use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use unlearn::engine::{AdapterChoice, Checks, Engine, GpuOptions, adapters};
use unlearn::harness::trial::{Outcome, trial};
use unlearn::kernels;

fn main() {
    let mut args = Arguments::from_args();
    // One device at a time: llvmpipe uses every core by itself.
    args.test_threads = Some(1);
    let mut trials = Vec::new();
    for report in adapters() {
        let choice = AdapterChoice { adapter: Some(report.index.to_string()), backend: None };
        let options = GpuOptions { choice, checks: Checks::Checked, ..Default::default() };
        let engine = Arc::new(Mutex::new(None::<Engine>));
        for case in kernels::cases() {
            let (engine, options) = (engine.clone(), options.clone());
            let name = format!("{}@{}:{}", case.name, report.backend, report.name);
            trials.push(Trial::test(name, move || {
                let mut slot = engine.lock().unwrap_or_else(|e| e.into_inner());
                if slot.is_none() {
                    *slot = Some(Engine::gpu(options).map_err(Failed::from)?);
                }
                let Some(engine) = slot.as_mut() else { return Err(Failed::without_message()) };
                match trial(engine, &case).map_err(Failed::from)? {
                    Outcome::Pass(_) | Outcome::Unsupported(_) => Ok(()),
                    Outcome::Fail(what) => Err(what.into()),
                }
            }));
        }
    }
    trials.extend(parity::trials());
    trials.extend(layers::trials());
    if trials.is_empty() {
        eprintln!("no adapter was found: install a Vulkan driver (tools/setup.sh does)");
        std::process::exit(1);
    }
    libtest_mimic::run(&args, trials).exit();
}
