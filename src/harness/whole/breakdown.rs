//! What each kernel takes of a pass, by the GPU's clock.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Bench;
use crate::engine::Timing;
use crate::harness::bench::{median, range};

/// One kernel's share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelShare {
    /// The network, and the pass.
    pub of: String,
    /// Its name.
    pub kernel: &'static str,
    /// Whether `unlearn tune` chose this form for one of its dispatches.
    pub tuned: bool,
    /// Percent of the time of all dispatches.
    pub percent: f64,
    /// Nanoseconds of all its dispatches.
    pub total_ns: u64,
    /// Dispatches.
    pub count: usize,
    /// Mean of them, nanoseconds.
    pub mean_ns: f64,
    /// The middle one.
    pub median_ns: f64,
    /// The shortest.
    pub min_ns: f64,
    /// The longest.
    pub max_ns: f64,
}

/// Shares of the kernels of some dispatches, the largest first.
fn shares(of: &str, timings: &[Timing]) -> Vec<KernelShare> {
    let mut each: BTreeMap<&'static str, (bool, Vec<f64>)> = BTreeMap::new();
    for t in timings {
        let (tuned, ns) = each.entry(t.kernel).or_default();
        *tuned |= t.tuned;
        ns.push(t.duration_ns as f64);
    }
    let all: f64 = each.values().flat_map(|(_, ns)| ns).sum();
    let share = |(kernel, (tuned, ns)): (&'static str, (bool, Vec<f64>))| {
        let (total, (min_ns, max_ns)) = (ns.iter().sum::<f64>(), range(&ns));
        KernelShare {
            of: of.to_owned(),
            kernel,
            tuned,
            percent: if all > 0.0 { 100.0 * total / all } else { 0.0 },
            total_ns: total as u64,
            count: ns.len(),
            mean_ns: total / ns.len() as f64,
            median_ns: median(&ns),
            min_ns,
            max_ns,
        }
    };
    let mut shares: Vec<KernelShare> = each.into_iter().map(share).collect();
    shares.sort_by(|a, b| b.percent.total_cmp(&a.percent));
    shares
}

impl Bench<'_> {
    /// Adds the shares of a pass that ran in profile mode.
    pub(super) fn break_down(&mut self, of: &str, timings: Vec<Timing>) {
        self.report.kernels.extend(shares(of, &timings));
        self.report.timings.extend(timings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_dispatches_and_the_largest_comes_first() {
        let timing = |kernel, duration_ns| Timing {
            kernel,
            tuned: kernel == "x" && duration_ns == 20,
            label: String::new(),
            submitted_ns: 0,
            start_ns: 0,
            duration_ns,
            flops: 0,
            bytes: 0,
        };
        let all = shares("a", &[timing("x", 10), timing("y", 70), timing("x", 20)]);
        assert_eq!(
            all.iter().map(|s| (s.kernel, s.tuned, s.percent, s.count)).collect::<Vec<_>>(),
            [("y", false, 70.0, 1), ("x", true, 30.0, 2)]
        );
        assert_eq!((all[1].mean_ns, all[1].median_ns, all[1].min_ns, all[1].max_ns), (15.0, 15.0, 10.0, 20.0));
        assert!(shares("a", &[]).is_empty());
    }
}
