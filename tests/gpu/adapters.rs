//! One engine per adapter, opened when its first trial runs. Trials run one at a time. A software adapter runs every
//! trial twice: with the kernel variants that are chosen for it, and with those for GPUs, which may not be at hand.

use std::sync::{Arc, Mutex};

use libtest_mimic::{Failed, Trial};
use unlearn::engine::{AdapterChoice, AdapterReport, Engine, GpuOptions, Target, adapters};

use crate::times;

/// An adapter's engine, shared by its trials.
#[derive(Clone)]
pub struct Shared {
    /// `<backend>:<name>`, or `<backend>:<name> with GPU forms`.
    pub name: String,
    pub report: AdapterReport,
    /// Choose kernel variants as if the adapter were no software.
    as_gpu: bool,
    options: GpuOptions,
    engine: Arc<Mutex<Option<Engine>>>,
}

/// Every adapter present, as training opens it.
pub fn each() -> Vec<Shared> {
    adapters().into_iter().flat_map(of).collect()
}

/// Every adapter present, once: for trials that name their kernels themselves.
pub fn own() -> Vec<Shared> {
    each().into_iter().filter(|a| !a.as_gpu).collect()
}

fn of(report: AdapterReport) -> Vec<Shared> {
    let choice = AdapterChoice { adapter: Some(report.index.to_string()), backend: None };
    let options = GpuOptions { choice, ..Default::default() };
    let name = format!("{}:{}", report.backend, report.name);
    let software = report.is_software();
    let own = Shared { name, report, as_gpu: false, options, engine: Default::default() };
    let other = Shared { name: format!("{} with GPU forms", own.name), as_gpu: true, ..own.clone() };
    if software { vec![own, other] } else { vec![own] }
}

impl Shared {
    /// A trial named `what@adapter`.
    #[track_caller]
    pub fn trial(&self, what: &str, run: impl FnOnce(&Shared) -> Result<(), Failed> + Send + 'static) -> Trial {
        let adapter = self.clone();
        times::trial(format!("{what}@{}", self.name), move || run(&adapter))
    }

    /// Runs `work` on the adapter's engine. An engine that failed is dropped, so that the next trial starts afresh.
    pub fn with<T>(&self, work: impl FnOnce(&mut Engine, Target) -> unlearn::Result<T>) -> Result<T, Failed> {
        let mut slot = self.engine.lock().unwrap_or_else(|e| e.into_inner());
        let mut engine = match slot.take() {
            Some(engine) => engine,
            None => Engine::gpu(self.options.clone())?,
        };
        let target = engine.target();
        let found = work(&mut engine, Target { software: target.software && !self.as_gpu, ..target })?;
        *slot = Some(engine);
        Ok(found)
    }
}
