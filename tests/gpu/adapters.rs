//! One engine per adapter, opened when its first trial runs. Trials run one at a time.

use std::sync::{Arc, Mutex};

use libtest_mimic::Failed;
use unlearn::engine::{AdapterChoice, Engine, GpuOptions, adapters};

/// An adapter's engine, shared by its trials.
#[derive(Clone)]
pub struct Shared {
    /// `<backend>:<name>`.
    pub name: String,
    options: GpuOptions,
    engine: Arc<Mutex<Option<Engine>>>,
}

/// Every adapter present, as training opens it.
pub fn each() -> Vec<Shared> {
    let shared = |report: unlearn::engine::AdapterReport| {
        let choice = AdapterChoice { adapter: Some(report.index.to_string()), backend: None };
        let options = GpuOptions { choice, ..Default::default() };
        Shared { name: format!("{}:{}", report.backend, report.name), options, engine: Default::default() }
    };
    adapters().into_iter().map(shared).collect()
}

impl Shared {
    /// Runs `work` on the adapter's engine. An engine that failed is dropped, so that the next trial starts afresh.
    pub fn with<T>(&self, work: impl FnOnce(&mut Engine) -> unlearn::Result<T>) -> Result<T, Failed> {
        let mut slot = self.engine.lock().unwrap_or_else(|e| e.into_inner());
        let mut engine = match slot.take() {
            Some(engine) => engine,
            None => Engine::gpu(self.options.clone())?,
        };
        let found = work(&mut engine)?;
        *slot = Some(engine);
        Ok(found)
    }
}
