//! What this adapter can do at most, measured: the roofs that kernels are held to, and what a launch costs.

mod cache;
mod measure;

pub use cache::{load, store};
pub use measure::measure;

use serde::{Deserialize, Serialize};

use crate::engine::AdapterReport;

/// One thing that was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peak {
    /// `copy`, `fma`, …
    pub name: String,
    /// Median of the samples, in `unit`.
    pub value: f64,
    /// The best sample: a roof is what was reached.
    pub best: f64,
    /// `GB/s` (10⁹ bytes), `GFLOP/s`, or `µs`.
    pub unit: String,
    /// Median absolute deviation, in `unit`.
    pub mad: f64,
    /// Samples taken.
    pub samples: usize,
    /// `gpu` or `wall`.
    pub timer: String,
    /// What ran.
    pub how: String,
}

/// The peaks of one adapter and driver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peaks {
    /// Version of the document.
    pub schema: u32,
    /// Version of the program.
    pub version: String,
    /// Of the build, where the builder set UNLEARN_COMMIT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When, in UTC.
    pub measured: String,
    /// Threads of the host, which are the adapter where that is software.
    pub host_threads: usize,
    /// Where.
    pub adapter: AdapterReport,
    /// What.
    pub peaks: Vec<Peak>,
}

/// Version of the document, and of how its numbers are measured.
pub(super) const SCHEMA: u32 = 1;

/// Threads that the host gives a process.
pub(super) fn host_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

/// What binds an operation at its roof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// Multiply-adds.
    Comp,
    /// Memory.
    Mem,
}

impl Peaks {
    /// One by its name.
    pub fn get(&self, name: &str) -> Option<&Peak> {
        self.peaks.iter().find(|p| p.name == name)
    }

    /// The two roofs: floating-point operations and bytes a nanosecond.
    pub fn roofs(&self) -> Option<(f64, f64)> {
        let (fma, copy) = (self.get("fma")?.best, self.get("copy")?.best);
        (fma > 0.0 && copy > 0.0).then_some((fma, copy))
    }

    /// The least time that so many operations and bytes take here, nanoseconds, and what binds them: the roof is
    /// min(peak FLOP/s, AI · copy B/s).
    pub fn least_ns(&self, flops: u64, bytes: u64) -> Option<(f64, Bound)> {
        let (fma, copy) = self.roofs()?;
        let (compute, memory) = (flops as f64 / fma, bytes as f64 / copy);
        match compute > memory {
            true => Some((compute, Bound::Comp)),
            false if memory > 0.0 => Some((memory, Bound::Mem)),
            false => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn peaks(fma: f64, copy: f64) -> Peaks {
        let one = |name: &str, best: f64, unit: &str| Peak {
            name: name.into(),
            value: best / 2.0,
            best,
            unit: unit.into(),
            mad: 0.0,
            samples: 5,
            timer: "gpu".into(),
            how: String::new(),
        };
        Peaks {
            schema: SCHEMA,
            version: "0".into(),
            commit: None,
            measured: String::new(),
            host_threads: 2,
            adapter: AdapterReport::default(),
            peaks: vec![one("fma", fma, "GFLOP/s"), one("copy", copy, "GB/s")],
        }
    }

    #[test]
    fn the_roof_is_the_lower_of_arithmetic_and_memory() {
        let peaks = peaks(100.0, 10.0);
        // 10 FLOP a byte is the ridge: 1000 operations on 50 bytes are bound by arithmetic, on 500 by memory.
        assert_eq!(peaks.least_ns(1000, 50), Some((10.0, Bound::Comp)));
        assert_eq!(peaks.least_ns(1000, 500), Some((50.0, Bound::Mem)));
        assert_eq!(peaks.least_ns(0, 80), Some((8.0, Bound::Mem)));
        assert_eq!(peaks.least_ns(0, 0), None);
    }
}
