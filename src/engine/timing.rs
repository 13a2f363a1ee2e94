//! What profile mode measures, and the Chrome trace it can be written as.

use std::collections::BTreeMap;

use serde::Serialize;

/// One dispatch, timed by the GPU's own clock.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Whether a measurement, not the table of adapters, chose this form in its recording.
    pub tuned: bool,
    /// The scope it was recorded under.
    pub label: String,
    /// Host time at which its submission was handed over, in nanoseconds since the engine was opened.
    pub submitted_ns: u64,
    /// Start relative to the first timestamp of the submission.
    pub start_ns: u64,
    /// Nanoseconds by the device's clock.
    pub duration_ns: u64,
    /// Floating-point operations, as the record function counts them.
    pub flops: u64,
    /// Bytes moved at least.
    pub bytes: u64,
}

/// Sums over the dispatches of one kernel.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct KernelTotal {
    /// Dispatches.
    pub count: u64,
    /// Nanoseconds of all of them.
    pub total_ns: u64,
    /// 10⁹ floating-point operations per second.
    pub gflops: f64,
    /// 10⁹ bytes per second.
    pub gbps: f64,
}

/// Totals per kernel.
pub fn totals(timings: &[Timing]) -> BTreeMap<&'static str, KernelTotal> {
    let mut all: BTreeMap<&'static str, (KernelTotal, u64, u64)> = BTreeMap::new();
    for t in timings {
        let entry = all.entry(t.kernel).or_default();
        entry.0.count += 1;
        entry.0.total_ns += t.duration_ns;
        entry.1 += t.flops;
        entry.2 += t.bytes;
    }
    let rate = |amount: u64, ns: u64| if ns == 0 { 0.0 } else { amount as f64 / ns as f64 };
    all.into_iter()
        .map(|(kernel, (total, flops, bytes))| {
            let (gflops, gbps) = (rate(flops, total.total_ns), rate(bytes, total.total_ns));
            (kernel, KernelTotal { gflops, gbps, ..total })
        })
        .collect()
}

/// The Trace Event Format that chrome://tracing and Perfetto open (complete events, microseconds).
pub fn chrome_trace(timings: &[Timing]) -> String {
    let events: Vec<_> = timings
        .iter()
        .map(|t| {
            serde_json::json!({
                "name": t.kernel, "cat": "gpu", "ph": "X", "pid": 1, "tid": 1,
                "ts": (t.submitted_ns + t.start_ns) as f64 / 1e3, "dur": t.duration_ns as f64 / 1e3,
                "args": { "scope": t.label, "tuned": t.tuned, "flops": t.flops, "bytes": t.bytes },
            })
        })
        .collect();
    serde_json::json!({ "traceEvents": events, "displayTimeUnit": "ns" }).to_string()
}
