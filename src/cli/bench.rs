//! `unlearn bench`: how fast, and how far from what the adapter can do at most.

mod columns;
mod format;
mod kernels;
mod peaks;
mod select;
mod whole;

pub(super) use select::listed;

use super::{Context, Run};
use crate::error::{Error, Result};
use crate::harness::whole::What as Whole;

/// Verify kernels against their twins, then time them beside what the adapter can do at most
///
/// Without a word after it `bench` is `bench kernels`. What is wrong is not timed. Forms of one kernel take turns, so
/// that drift of the machine meets all of them; a control that must not change runs among them.
#[derive(clap::Args, Debug)]
pub struct Bench {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    kernels: kernels::Kernels,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    Peaks(peaks::PeaksCommand),
    Kernels(Box<kernels::Kernels>),
    /// Time epochs of LeNet-5 and an MLP: records a second, the first step, what each kernel takes
    Train(whole::Whole),
    /// Time Fisher diagonals, norms, clipped sums, rows and products beside a gradient
    Fisher(whole::Whole),
    /// Time methods beside the retraining that they are to save
    Unlearn(whole::Whole),
    /// Time a GCN on Cora: epochs, gradient, the Fisher diagonal of its training nodes
    Graph(whole::Whole),
    /// Time stacks of MLPs, GCNs and LeNets beside the same models one after another, to the same bytes
    Stack(whole::Whole),
}

impl Run for Bench {
    fn run(self, cx: &Context) -> Result<()> {
        let Some(what) = self.what else { return self.kernels.run(cx) };
        if self.kernels != kernels::Kernels::default() {
            return Err(Error::input("options of `bench kernels` stand before another word; write them after it"));
        }
        match what {
            What::Peaks(peaks) => peaks.run(cx),
            What::Kernels(kernels) => kernels.run(cx),
            What::Train(whole) => whole.run(Whole::Train, cx),
            What::Fisher(whole) => whole.run(Whole::Fisher, cx),
            What::Unlearn(whole) => whole.run(Whole::Unlearn, cx),
            What::Graph(whole) => whole.run(Whole::Graph, cx),
            What::Stack(whole) => whole.run(Whole::Stack, cx),
        }
    }
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.0..=3600.0).contains(&s) => Ok(s),
        _ => Err("expected seconds between 0 and 3600".into()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>() {
        Ok(p) if p >= 0.0 && p.is_finite() => Ok(p / 100.0),
        _ => Err("expected a percentage such as 5%".into()),
    }
}
