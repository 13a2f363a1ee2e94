//! Trials that need an adapter, on every adapter present. No adapter at all is a failure, so that a machine without a
//! driver cannot look healthy; UNLEARN_ALLOW_NO_ADAPTER=1 says that there is none on purpose.

#[path = "gpu/adapters.rs"]
mod adapters;
#[path = "gpu/engine.rs"]
mod engine;
#[path = "shared/fixtures.rs"]
mod fixtures;
#[path = "gpu/kernels.rs"]
mod kernels;
#[path = "gpu/layers.rs"]
mod layers;
#[path = "gpu/mutants.rs"]
mod mutants;
#[path = "shared/nets.rs"]
mod nets;
#[path = "gpu/parity.rs"]
mod parity;

use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use unlearn::engine::{AdapterReport, Engine, adapters};
use unlearn::harness::check::open;

/// An adapter and the engine that its trials share; opened by the first one, and again after a failure.
pub struct Device {
    pub report: AdapterReport,
    engine: Mutex<Option<Engine>>,
}

impl Device {
    pub fn with<T>(&self, work: impl FnOnce(&mut Engine) -> unlearn::Result<T>) -> Result<T, Failed> {
        let mut slot = self.engine.lock().unwrap_or_else(|e| e.into_inner());
        let mut engine = match slot.take() {
            Some(engine) => engine,
            None => open(&self.report)?,
        };
        let result = work(&mut engine)?;
        *slot = Some(engine);
        Ok(result)
    }

    /// `case@vulkan:llvmpipe …`.
    pub fn trial(
        self: &Arc<Self>,
        name: &str,
        run: impl FnOnce(&Device) -> Result<(), Failed> + Send + 'static,
    ) -> Trial {
        let device = self.clone();
        Trial::test(format!("{name}@{}:{}", self.report.backend, self.report.name), move || run(&device))
    }
}

fn main() {
    let mut args = Arguments::from_args();
    // One device at a time: llvmpipe uses every core by itself.
    args.test_threads = Some(1);
    let device = |report| Arc::new(Device { report, engine: Mutex::new(None) });
    let devices: Vec<_> = adapters().into_iter().map(device).collect();
    if devices.is_empty() && std::env::var("UNLEARN_ALLOW_NO_ADAPTER").as_deref() != Ok("1") {
        eprintln!(
            "no adapter was found: install a Vulkan driver (tools/setup.sh does), or set UNLEARN_ALLOW_NO_ADAPTER=1"
        );
        std::process::exit(1);
    }
    let mut trials = kernels::trials(&devices);
    trials.extend(mutants::trials(&devices));
    trials.extend(devices.iter().flat_map(engine::trials));
    trials.extend(parity::trials());
    trials.extend(layers::trials());
    libtest_mimic::run(&args, trials).exit();
}
