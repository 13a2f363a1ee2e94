//! How long a training took to its first step, and on what.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::engine::Engine;

/// Seconds from the start of a training to its first step, and what they went by; they overlap nowhere, and what is
/// left of the whole is parameters, uploads and plans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct FirstStep {
    /// Until the losses of the first submission were on the host.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "s")))]
    pub seconds: f64,
    /// Reading configuration and data.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "s")))]
    pub load_s: f64,
    /// Starting the graphics interface and listing adapters.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "s")))]
    pub adapter_s: f64,
    /// Opening the device.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "s")))]
    pub device_s: f64,
    /// Making pipelines: shaders translated, and what the driver compiles when it is given them.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "s")))]
    pub pipelines_s: f64,
    /// Number of pipelines.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "pipelines")))]
    pub pipelines: usize,
    /// The first submission, from being sent off to its losses: what a driver compiles at a shader's first dispatch
    /// (llvmpipe compiles all then) is in here.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "s")))]
    pub submission_s: f64,
    /// Steps of that submission.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    pub steps: usize,
}

impl FirstStep {
    /// All but the submission, for an engine that is about to take its first step.
    pub(super) fn before(engine: &Engine, load_s: f64, steps: usize) -> FirstStep {
        let spent = engine.startup();
        let (adapter_s, device_s, pipelines_s) = (spent.adapter_s, spent.device_s, spent.pipelines_s);
        let pipelines = spent.pipelines;
        FirstStep { load_s, adapter_s, device_s, pipelines_s, pipelines, steps, ..FirstStep::default() }
    }

    /// The first losses are here: the training began at `began`, its first submission was sent off at `sent`.
    pub(super) fn reached(self, began: Instant, sent: Instant) -> FirstStep {
        FirstStep { seconds: began.elapsed().as_secs_f64(), submission_s: sent.elapsed().as_secs_f64(), ..self }
    }

    /// What is done once for each network before its first submission, whatever its records: pipelines and plans, and
    /// neither data nor device.
    pub fn setup_s(&self) -> f64 {
        (self.seconds - self.load_s - self.adapter_s - self.device_s - self.submission_s).max(0.0)
    }

    /// `first step after 0.62 s: load 0.05, adapter 0.08, device 0.02, 31 pipelines 0.11, 8 steps 0.34`.
    pub fn line(&self) -> String {
        format!(
            "first step after {:.2} s: load {:.2}, adapter {:.2}, device {:.2}, {} pipelines {:.2}, the submission of \
                the first {} steps {:.2}",
            self.seconds,
            self.load_s,
            self.adapter_s,
            self.device_s,
            self.pipelines,
            self.pipelines_s,
            self.steps,
            self.submission_s
        )
    }
}
