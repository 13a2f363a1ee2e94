//! Whom the attacks ask about: the forgotten records, and records that no audited model was trained on, drawn so that
//! nothing but training tells the two apart.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::pool::{self, records_of};
use crate::base::splitmix::SplitMix64;
use crate::data::{Dataset, Deletion, Portion};
use crate::error::{Error, Result};
use crate::eval::Outputs;
use crate::eval::graph::likeness;
use crate::run::reading::edges_and_strangers;
use crate::run::target::Target;

/// Most records of a group, so that audits of large data stay affordable.
const MOST: usize = 2000;
/// Records of the population that RMIA compares with, at least, where there are enough.
const FEW: usize = 30;

/// Records by their numbers in the pool, and who is trained on whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roster {
    /// All records that stay.
    pub retained: Vec<u32>,
    /// All groups one after another: the forgotten, the held out, the population, retained ones, test ones, ends of
    /// edges.
    pub asked: Vec<u32>,
    groups: [Range<usize>; 6],
    /// Deleted edges between nodes that stay and pairs that never had one, as places in the last group.
    pairs: [Vec<[usize; 2]>; 2],
    leaves: bool,
    seed: u64,
}

/// What a model said of each group.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// Of the forgotten records; where only edges or features went, of the nodes that these influence.
    pub forget: Outputs,
    /// Of as many records that no audited model had.
    pub held: Outputs,
    /// Of others of these.
    pub population: Outputs,
    /// Of some that stay.
    pub retain: Outputs,
    /// Of test records, for accuracy.
    pub test: Outputs,
    /// How alike the ends of deleted edges are, and those of pairs that never had one.
    pub pairs: [Vec<f64>; 2],
}

impl Roster {
    /// Draws the groups.
    ///
    /// # Errors
    /// Data or requests that there is no attack for ([`Error::Unsupported`]); a request that names no
    /// training record, or too few records to compare with ([`Error::Inconclusive`]).
    pub fn of(data: &Dataset, target: &Target, seed: u64) -> Result<Roster> {
        pool::suits(data)?;
        let leaves = leaves(target);
        let mut random = SplitMix64::new(seed ^ 0x0a0d_175e_ed00_0001);
        let mut some = |mut all: Vec<u32>, most: usize| {
            random.shuffle(&mut all);
            all.truncate(most);
            all.sort_unstable();
            all
        };
        let forget = some(target.split.forget.clone(), MOST);
        let candidates = if leaves { held_out(data, target, forget.len()) } else { Vec::new() };
        let spare = FEW.min(candidates.len() / 3);
        // Not more than a tenth of the training records beside the forgotten, so that shadow models are as large.
        let wanted =
            forget.len().max(records_of(data, Portion::Train).len() / 5).min(candidates.len() - spare).min(MOST);
        if forget.is_empty() || leaves && wanted < 2 {
            return Err(Error::Inconclusive(format!(
                "the request takes {} training records, and there are {} test and validation records of their classes \
                    to compare them with: too few for an attack",
                forget.len(),
                candidates.len()
            )));
        }
        let held = some(candidates.clone(), wanted);
        let left: Vec<u32> = candidates.into_iter().filter(|at| held.binary_search(at).is_err()).collect();
        let population = some(left, MOST);
        let retain = some(target.split.retain.clone(), MOST);
        // Nobody is to know classes that go.
        let stays = |(_, class): &(u32, u32)| !target.classes.contains(class);
        let test =
            some(staying(data, target, Portion::Test).into_iter().filter(stays).map(|(at, _)| at).collect(), MOST);
        let edges = if leaves { Default::default() } else { edges_and_strangers(data, target) };
        let mut ends: Vec<u32> = edges.iter().flatten().flatten().copied().collect();
        ends.sort_unstable();
        ends.dedup();
        let pairs =
            edges.map(|all| all.iter().map(|ends_of| ends_of.map(|v| ends.partition_point(|e| *e < v))).collect());
        let all = [forget, held, population, retain, test, ends];
        let (mut groups, mut asked) = ([const { 0..0 }; 6], Vec::new());
        for (range, group) in groups.iter_mut().zip(&all) {
            *range = asked.len()..asked.len() + group.len();
            asked.extend_from_slice(group);
        }
        Ok(Roster { retained: target.split.retain.clone(), asked, groups, pairs, leaves, seed })
    }

    /// The forgotten records that are asked about.
    pub fn forget(&self) -> &[u32] {
        &self.asked[self.groups[0].clone()]
    }

    /// The records that no audited model had, beside them.
    pub fn held(&self) -> &[u32] {
        &self.asked[self.groups[1].clone()]
    }

    /// Some of the records that stay.
    pub fn retain(&self) -> &[u32] {
        &self.asked[self.groups[3].clone()]
    }

    /// Whether the records themselves go; else they stay, and edges or features of theirs go.
    pub fn leaves(&self) -> bool {
        self.leaves
    }

    /// What is not there of a graph where models are asked: deleted nodes must be, to be asked about.
    pub fn hidden<'t>(&self, target: &'t Target) -> Option<&'t Deletion> {
        target.deletion().filter(|_| !self.leaves)
    }

    /// The first where the records themselves go, else the other.
    pub fn words(&self, [go, stay]: [&'static str; 2]) -> &'static str {
        if self.leaves { go } else { stay }
    }

    /// How many there are to compare with besides.
    pub fn population(&self) -> usize {
        self.groups[2].len()
    }

    /// Whether a shadow model is trained on each of the forgotten and held-out records. Models come in pairs, and one
    /// of a pair has each record: the first models are the same however many there are.
    pub fn membership(&self, model: usize) -> Vec<bool> {
        let drawn = |at: &u32| {
            let key = self.seed ^ (u64::from(*at) << 20) ^ (model as u64 / 2).wrapping_mul(0x9e37_79b9);
            SplitMix64::new(key).next() & 1 == (model & 1) as u64
        };
        self.forget().iter().chain(self.held()).map(drawn).collect()
    }

    /// The records of a shadow model: those that stay, and its half of the others.
    pub fn shadow(&self, model: usize) -> Vec<u32> {
        let both = self.forget().iter().chain(self.held());
        let drawn = both.zip(self.membership(model)).filter(|(_, member)| *member).map(|(at, _)| *at);
        let mut all: Vec<u32> = self.retained.iter().copied().chain(drawn).collect();
        all.sort_unstable();
        all
    }

    /// Of logits [asked, classes] over all classes of the data.
    ///
    /// # Errors
    /// Logits that are not finite, or not as many.
    pub fn said(&self, data: &Dataset, logits: &[f32]) -> Result<Said> {
        let classes = data.classes;
        let all = Portion::ALL.into_iter().flat_map(|portion| records_of(data, portion));
        let classes_of: HashMap<u32, u32> = all.collect();
        let label = |at: u32| classes_of.get(&at).copied().unwrap_or_default();
        let mut groups = self.groups.iter().map(|group| {
            let numbers = logits.get(group.start * classes..group.end * classes);
            let numbers = numbers.ok_or_else(|| Error::internal("a model said too little"))?;
            let labels = self.asked[group.clone()].iter().map(|at| label(*at)).collect();
            let outputs = Outputs { logits: numbers.to_vec(), labels, classes, goals: None };
            outputs.check()?;
            Ok(outputs)
        });
        let mut next = || groups.next().unwrap_or_else(|| Err(Error::internal("a group is missing")));
        let [forget, held, population, retain, test, ends] = [next()?, next()?, next()?, next()?, next()?, next()?];
        let row = |at: usize| &ends.logits[at * classes..(at + 1) * classes];
        let alike = |pairs: &Vec<[usize; 2]>| pairs.iter().map(|[u, v]| likeness(row(*u), row(*v))).collect();
        let pairs = [alike(&self.pairs[0]), alike(&self.pairs[1])];
        Ok(Said { forget, held, population, retain, test, pairs })
    }
}

/// The records of a part that the request leaves, with their classes.
fn staying(data: &Dataset, target: &Target, portion: Portion) -> Vec<(u32, u32)> {
    let gone: HashSet<u32> = match target.deletion() {
        Some(deletion) => deletion.nodes.iter().copied().collect(),
        None => {
            let of = target.split.unseen.iter().filter(|place| place.portion == portion);
            let first = records_of(data, portion).first().map_or(0, |(first, _)| *first);
            of.map(|place| first + place.position).collect()
        }
    };
    records_of(data, portion).into_iter().filter(|(at, _)| !gone.contains(at)).collect()
}

/// Whether the records that are forgotten go; where a request takes edges or features, the nodes that it influences
/// stay.
fn leaves(target: &Target) -> bool {
    let gone = |deletion: &Deletion| target.split.forget.iter().all(|v| deletion.nodes.binary_search(v).is_ok());
    target.deletion().is_none_or(gone)
}

/// Test records, and validation ones where those are few; where whole classes go, of these classes.
fn held_out(data: &Dataset, target: &Target, forgotten: usize) -> Vec<u32> {
    let suits = |(_, class): &(u32, u32)| target.classes.is_empty() || target.classes.contains(class);
    let of = |portion| staying(data, target, portion).into_iter().filter(suits).map(|(at, _)| at).collect::<Vec<u32>>();
    let mut all = of(Portion::Test);
    if all.len() < 2 * forgotten && data.graph.is_none() {
        all.extend(of(Portion::Validation));
    }
    all
}
