//! Which records each step of an epoch sees: a function of the state, the seed and the sets alone.

use std::collections::HashSet;

use super::coupled::draw;
use super::fit::Term;
use super::order::{keyed, shuffled};
use super::private::poisson_batch;
use super::progress::FitState;

/// The index lists of an epoch.
pub(crate) struct Batches {
    plan: Plan,
    /// First step of the epoch.
    start: u64,
    /// Records whose places stay empty.
    without: HashSet<u32>,
}

/// How the records of an epoch are drawn.
pub(crate) struct Draw<'a> {
    pub seed: u64,
    /// The stage of a training in slices, and its first step.
    pub stage: u32,
    pub begun: u64,
    /// What the records are put in order by, where that is not by chance alone.
    pub keys: Option<&'a [u64]>,
}

impl Draw<'_> {
    fn order(&self, indices: &[u32], pass: u64, term: u32) -> Vec<u32> {
        let stream = term | self.stage << 16;
        match self.keys {
            Some(keys) => keyed(indices, keys, self.seed, pass, stream),
            None => shuffled(indices, self.seed, pass, stream),
        }
    }
}

enum Plan {
    Shuffled {
        /// For each term: shuffles by pass, and its batch size.
        orders: Vec<(Vec<Vec<u32>>, usize)>,
        first_pass: Vec<u64>,
    },
    /// Each record by itself.
    Drawn { indices: Vec<u32>, batch_size: usize, seed: u64 },
    /// So many distinct ones, for each step anew.
    Subsets { indices: Vec<u32>, batch_size: usize, seed: u64 },
}

impl Batches {
    /// The lists of the epoch that `state` stands in, with batches of `batch_size`.
    pub(crate) fn new(state: &FitState, batch_size: usize, draw: Draw, terms: &[Term]) -> Batches {
        let per_epoch = terms[0].records.indices.len().div_ceil(batch_size) as u64;
        let start = state.step - state.at as u64 - draw.begun;
        let mut orders = Vec::new();
        let mut first_pass = Vec::new();
        for (i, term) in terms.iter().enumerate() {
            let indices = term.records.indices;
            let batch = batch_size.min(indices.len());
            let per_pass = indices.len().div_ceil(batch) as u64;
            let (first, last) = (start / per_pass, (start + per_epoch - 1) / per_pass);
            orders.push(((first..=last).map(|pass| draw.order(indices, pass, i as u32)).collect(), batch));
            first_pass.push(first);
        }
        Batches { plan: Plan::Shuffled { orders, first_pass }, start, without: HashSet::new() }
    }

    /// As [`Batches::new`] for one set whose records are drawn for each step, `batch_size` of them in expectation.
    pub(crate) fn drawn(state: &FitState, batch_size: usize, seed: u64, indices: &[u32]) -> Batches {
        let plan = Plan::Drawn { indices: indices.to_vec(), batch_size, seed };
        Batches { plan, start: state.step - state.at as u64, without: HashSet::new() }
    }

    /// The same with the places of some records left empty.
    pub(crate) fn without(self, records: &HashSet<u32>) -> Batches {
        Batches { without: records.clone(), ..self }
    }

    /// As [`Batches::new`] for one set of which each step draws `batch_size` distinct records.
    pub(crate) fn subsets(state: &FitState, batch_size: usize, seed: u64, indices: &[u32]) -> Batches {
        let plan = Plan::Subsets { indices: indices.to_vec(), batch_size, seed };
        Batches { plan, start: state.step - state.at as u64, without: HashSet::new() }
    }

    /// The index lists of one step of the epoch, one per term. Later terms begin again when they run out.
    fn step(&self, at: usize) -> Vec<Vec<u32>> {
        let mut lists = self.whole_step(at);
        if !self.without.is_empty() {
            lists.iter_mut().for_each(|list| list.retain(|record| !self.without.contains(record)));
        }
        lists
    }

    fn whole_step(&self, at: usize) -> Vec<Vec<u32>> {
        let global = self.start + at as u64;
        match &self.plan {
            Plan::Drawn { indices, batch_size, seed } => vec![poisson_batch(indices, *batch_size, *seed, global)],
            Plan::Subsets { indices, batch_size, seed } => vec![draw::batch(indices, *batch_size, *seed, global)],
            Plan::Shuffled { orders, first_pass } => {
                let list = |((passes, batch), first): (&(Vec<Vec<u32>>, usize), &u64)| {
                    let per_pass = passes[0].len().div_ceil(*batch) as u64;
                    let order = &passes[(global / per_pass - first) as usize];
                    let from = (global % per_pass) as usize * batch;
                    order[from..(from + batch).min(order.len())].to_vec()
                };
                orders.iter().zip(first_pass).map(list).collect()
            }
        }
    }

    /// As many steps from `at` on as share their batch sizes, `most` at most.
    pub(crate) fn group(&self, at: usize, per_epoch: usize, most: usize) -> Vec<Vec<Vec<u32>>> {
        let sizes = |step: &[Vec<u32>]| step.iter().map(Vec::len).collect::<Vec<_>>();
        let first = self.step(at);
        let like = sizes(&first);
        let rest = (at + 1..per_epoch).take(most - 1).map(|i| self.step(i)).take_while(|s| sizes(s) == like);
        std::iter::once(first).chain(rest).collect()
    }
}
