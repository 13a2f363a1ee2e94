//! `unlearn check --validation`: the children open their adapter under the Vulkan validation layers, and a case during
//! which these complain fails.

use super::item::Verdict;
use super::process::unset;
use super::{Column, Status};
use crate::engine::{AdapterChoice, Engine, GpuOptions, Listener, Precision};
use crate::error::{Error, Result};

/// Variables of the layers' own. wgpu asks the layers for synchronisation validation itself; up to version 1.3.280 or
/// so they look from one submission to the next only when told to.
const ENV: [(&str, &str); 2] = [
    ("VK_LAYER_ENABLES", "VALIDATION_CHECK_ENABLE_SYNCHRONIZATION_VALIDATION_QUEUE_SUBMIT"),
    // They would fall silent after the tenth message of a kind, and later cases would pass.
    ("VK_LAYER_DUPLICATE_MESSAGE_LIMIT", "1000000000"),
];

/// What the parent sets for the children.
pub(super) fn env() -> impl Iterator<Item = (&'static str, &'static str)> {
    unset(ENV)
}

/// The columns that can stand under the layers if that is asked for, and a sentence about each that cannot. One whose
/// adapter could not even be listed stays, for its failure is to be told.
///
/// # Errors
/// No column can.
pub(super) fn split(columns: &[Column], validation: bool) -> Result<(Vec<&Column>, Vec<String>)> {
    let can = |c: &&Column| !validation || c.dead.is_some() || c.adapter.backend == "vulkan";
    let (kept, rest): (Vec<&Column>, Vec<&Column>) = columns.iter().partition(can);
    let told =
        |c: &Column| format!("{}: the validation layers are Vulkan's, not {}'s; left out", c.label, c.adapter.backend);
    let left_out: Vec<String> = rest.into_iter().map(told).collect();
    if kept.is_empty() && !left_out.is_empty() {
        return Err(Error::Unsupported(left_out.join("; ")));
    }
    Ok((kept, left_out))
}

/// Whoever opens the adapter, under the layers or not.
pub(super) struct Watch {
    listener: Option<Listener>,
    /// Said while the adapter was opened: the first case answers for it.
    early: Vec<String>,
    /// Other than f32: with the adapter's matrix units.
    precision: Precision,
}

impl Watch {
    /// # Errors
    /// The layers cannot be heard.
    pub fn new(validation: bool, precision: Precision) -> Result<Watch> {
        let listener = if validation { Some(Listener::start()?) } else { None };
        Ok(Watch { listener, early: Vec::new(), precision })
    }

    /// Opens an adapter. Under the layers a hazard is planted first: silence must mean that nothing is wrong.
    ///
    /// # Errors
    /// The adapter cannot be opened; or the layers are missing, or do not see the hazard.
    pub fn open(&mut self, choice: &AdapterChoice) -> Result<Engine> {
        let validation = self.listener.is_some();
        let (choice, precision) = (choice.clone(), self.precision);
        let mut engine = Engine::gpu(GpuOptions { choice, validation, precision, ..Default::default() })?;
        if let Some(listener) = &self.listener {
            self.early = listener.take();
            engine.race()?;
            if !listener.take().iter().any(|said| said.contains("WRITE-AFTER-WRITE")) {
                let layers = engine.layers().unwrap_or_default();
                return Err(Error::Unsupported(format!(
                    "{layers} did not report a missing barrier that was planted for it: its synchronisation validation \
                        is off or its messages are muted; look for VK_LAYER_… in the environment and for a \
                        vk_layer_settings.txt"
                )));
            }
        }
        Ok(engine)
    }

    /// Turns a result into a failure if the layers have complained since the last one.
    pub fn judge(&mut self, verdict: &mut Verdict) {
        let Some(listener) = &self.listener else { return };
        let mut all = std::mem::take(&mut self.early);
        all.extend(listener.take());
        let Some(first) = all.first() else { return };
        let more = if all.len() > 1 { format!(" (and {} more)", all.len() - 1) } else { String::new() };
        let said = format!("the validation layers say {first}{more}");
        if !verdict.status.is_bad() {
            (verdict.status, verdict.message) = (Status::Fail, Some(said));
        } else if let Some(message) = &mut verdict.message {
            *message += &format!("; {said}");
        }
    }
}
