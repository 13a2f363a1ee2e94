//! How a dampening's choice came about: by what factor each parameter matters more to the forgotten records.

use serde::{Deserialize, Serialize};

use crate::base::Histogram;
use crate::error::Result;
use crate::records::Session;
use crate::statistics::Importance;

/// Axis of the histogram: powers of ten. An importance over all records that holds the forgotten ones bounds the ratio.
const AXIS: (f64, f64) = (-4.0, 2.0);
/// Bins of that axis.
const BINS: usize = 36;

/// Parameters by the ratio of their importances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Ratios {
    /// The ratio above which a parameter is dampened.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    pub alpha: f64,
    /// log10 of importance to the forgotten records over importance to all.
    pub log10: Histogram,
    /// Parameters that matter to no record, and have no ratio.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "parameters")))]
    pub idle: u64,
}

impl Ratios {
    /// Reads both importances. Belongs to no clock: only a report needs it.
    ///
    /// # Errors
    /// A lost device.
    pub fn of(session: &mut Session, alpha: f64, forget: &Importance, all: &Importance) -> Result<Ratios> {
        let (forget, all) = (session.engine.read(forget.values)?, session.engine.read(all.values)?);
        let ranges = session.model.layout.tensors().map(|(_, range)| range);
        let pairs = ranges.flatten().map(|i| (f64::from(forget[i]), f64::from(all[i])));
        let (some, idle): (Vec<_>, Vec<_>) = pairs.partition(|(forget, all)| *forget > 0.0 || *all > 0.0);
        // Without a share in all records a ratio is beyond every axis; without one in the forgotten ones, below.
        let log10 = some.into_iter().map(|(forget, all)| (forget / all).log10().clamp(AXIS.0, AXIS.1));
        Ok(Ratios { alpha, log10: Histogram::of(log10, AXIS, BINS), idle: idle.len() as u64 })
    }
}
