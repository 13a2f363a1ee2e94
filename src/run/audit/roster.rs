//! Whom the attacks ask about: the forgotten records, and records that no audited model was trained on, drawn so that
//! nothing but training tells the two apart.

use std::collections::HashSet;
use std::ops::Range;

use crate::base::splitmix::SplitMix64;
use crate::data::{Dataset, Place, Portion, Samples, TargetKind};
use crate::error::{Error, Result};
use crate::eval::Outputs;
use crate::run::target::Target;

/// Most records of a group, so that audits of large data stay affordable.
const MOST: usize = 2000;
/// Fewest records of the population that RMIA compares with.
const FEW: usize = 30;

/// Records by their places in the pool of [`pool`], and who is trained on whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roster {
    /// All records that stay.
    pub retained: Vec<u32>,
    /// All groups one after another: the forgotten, the held out, the population, retained ones, test ones.
    pub asked: Vec<u32>,
    groups: [Range<usize>; 5],
    seed: u64,
}

/// What a model said of each group.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// Of the forgotten records.
    pub forget: Outputs,
    /// Of as many records that no audited model had.
    pub held: Outputs,
    /// Of others of these.
    pub population: Outputs,
    /// Of some that stay.
    pub retain: Outputs,
    /// Of test records, for accuracy.
    pub test: Outputs,
}

/// The training records with the test and validation ones behind them, as a network's outputs are numbered: what
/// shadow models are trained on. A record of a class without an output has class 0, and nobody trains on it.
pub(super) fn pool(data: &Dataset) -> Samples {
    let mut all = Samples::default();
    for portion in [Portion::Train, Portion::Test, Portion::Validation] {
        let part = data.part(portion);
        all.x.extend_from_slice(&part.x);
        all.y.extend(part.y.iter().map(|class| data.output(*class).unwrap_or(0)));
    }
    all
}

impl Roster {
    /// Draws the groups.
    ///
    /// # Errors
    /// Records on a graph or with targets in place of a class ([`Error::Unsupported`]); a request that names no
    /// training record, or too few records to compare with ([`Error::Inconclusive`]).
    pub fn of(data: &Dataset, target: &Target, seed: u64) -> Result<Roster> {
        if data.graph.is_some() || data.target_kind() != TargetKind::Class {
            let what = if data.graph.is_some() { "records on a graph" } else { "targets in place of a class" };
            return Err(Error::Unsupported(format!(
                "`audit` attacks classifiers of records that stand alone, and these data have {what}; `unlearn verify` \
                    judges them"
            )));
        }
        let mut random = SplitMix64::new(seed ^ 0x0a0d_175e_ed00_0001);
        let mut some = |mut all: Vec<u32>, most: usize| {
            random.shuffle(&mut all);
            all.truncate(most);
            all.sort_unstable();
            all
        };
        let forget = some(target.split.forget.clone(), MOST);
        let candidates = held_out(data, target, forget.len());
        // Not more than a tenth of the training records beside the forgotten, so that shadow models are as large.
        let wanted = forget.len().max(data.train.len() / 5).min(candidates.len().saturating_sub(FEW)).min(MOST);
        if forget.is_empty() || wanted < 2 {
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
        let test = some(places_of(data, target, Portion::Test).filter(stays).map(|(at, _)| at).collect(), MOST);
        let all = [forget, held, population, retain, test];
        let (mut groups, mut asked) = ([const { 0..0 }; 5], Vec::new());
        for (range, group) in groups.iter_mut().zip(&all) {
            *range = asked.len()..asked.len() + group.len();
            asked.extend_from_slice(group);
        }
        Ok(Roster { retained: target.split.retain.clone(), asked, groups, seed })
    }

    /// The forgotten records that are asked about.
    pub fn forget(&self) -> &[u32] {
        &self.asked[self.groups[0].clone()]
    }

    /// The records that no audited model had, beside them.
    pub fn held(&self) -> &[u32] {
        &self.asked[self.groups[1].clone()]
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
        let label = |at: u32| {
            let [train, test] = [data.train.len() as u32, data.test.len() as u32];
            let (part, first) = match at {
                at if at < train => (&data.train, 0),
                at if at < train + test => (&data.test, train),
                _ => (&data.validation, train + test),
            };
            part.y[(at - first) as usize]
        };
        let mut groups = self.groups.iter().map(|group| {
            let numbers = logits.get(group.start * classes..group.end * classes);
            let numbers = numbers.ok_or_else(|| Error::internal("a model said too little"))?;
            let labels = self.asked[group.clone()].iter().map(|at| label(*at)).collect();
            let outputs = Outputs { logits: numbers.to_vec(), labels, classes, goals: None };
            outputs.check()?;
            Ok(outputs)
        });
        let mut next = || groups.next().unwrap_or_else(|| Err(Error::internal("a group is missing")));
        Ok(Said { forget: next()?, held: next()?, population: next()?, retain: next()?, test: next()? })
    }
}

/// Places in the pool of the records of a part that stay out of the request, with their classes.
fn places_of(data: &Dataset, target: &Target, portion: Portion) -> impl Iterator<Item = (u32, u32)> {
    let gone: HashSet<Place> = target.split.unseen.iter().copied().collect();
    let first = match portion {
        Portion::Train => 0,
        Portion::Test => data.train.len(),
        Portion::Validation => data.train.len() + data.test.len(),
    } as u32;
    let stays = move |place: &Place| !gone.contains(place);
    data.places(portion).filter(stays).map(move |place| {
        let class = data.part(portion).y[place.position as usize];
        (first + place.position, class)
    })
}

/// Test records, and validation ones where those are few; where whole classes go, of these classes.
fn held_out(data: &Dataset, target: &Target, forgotten: usize) -> Vec<u32> {
    let suits = |(_, class): &(u32, u32)| target.classes.is_empty() || target.classes.contains(class);
    let of = |portion| places_of(data, target, portion).filter(suits).map(|(at, _)| at).collect::<Vec<u32>>();
    let mut all = of(Portion::Test);
    if all.len() < 2 * forgotten {
        all.extend(of(Portion::Validation));
    }
    all
}
