//! The attacks on what one model said, each with scores that are larger for records it was trained on.

use super::roster::Said;
use crate::error::Result;
use crate::eval::Outputs;
use crate::eval::accuracy::{accuracy, losses};
use crate::eval::attacks::{Gaussians, Rmia, Spreads, Table, confidences, probabilities, rmia};

/// What shadow models teach of each record.
pub(super) struct Attacker {
    gaussians: Gaussians,
    spreads: Spreads,
    /// Mean probability over models without each record, the forgotten first.
    out: Vec<f64>,
    population_out: Vec<f64>,
    /// Places of the most memorised records among the forgotten and among the held out.
    vulnerable: [Vec<usize>; 2],
}

/// Scores of the forgotten records and of those that no audited model had.
pub(super) type Scores = [Vec<f64>; 2];

/// One attack.
pub(super) struct Attack {
    pub name: &'static str,
    /// What a check compares.
    pub what: &'static str,
    /// Whether it is a check; the others are only reported.
    pub judged: bool,
    pub scores: fn(&Attacker, &Said) -> Result<Scores>,
}

/// All of them, in the order of the table.
pub(super) static ATTACKS: &[Attack] = &[
    Attack { name: "loss threshold", what: "AUC of the loss threshold", judged: true, scores: threshold },
    Attack { name: "LiRA", what: "AUC of LiRA", judged: true, scores: Attacker::online },
    Attack { name: "LiRA, offline", what: "AUC of LiRA offline", judged: false, scores: Attacker::offline },
    Attack {
        name: "LiRA on vulnerable records",
        what: "AUC of LiRA on the most memorised quarter",
        judged: true,
        scores: Attacker::on_vulnerable,
    },
    Attack { name: "RMIA", what: "AUC of RMIA", judged: true, scores: Attacker::rmia },
];

/// The one attack where edges of records that stay went.
pub(super) static EDGES: &[Attack] = &[Attack {
    name: "edge attack",
    what: "AUC of the edge attack",
    judged: true,
    scores: |_, said| Ok(said.pairs.clone()),
}];

impl Attacker {
    /// Of what shadow models said, and whom each was trained on (the forgotten first).
    ///
    /// # Errors
    /// Outputs that are not finite.
    pub fn of(shadows: &[Said], member: Vec<Vec<bool>>) -> Result<Attacker> {
        let mut table = Table { said: Vec::new(), member };
        let (mut chances, mut population) = (Vec::new(), Vec::new());
        for said in shadows {
            table.said.push(both(said, confidences)?.concat());
            chances.push(both(said, probabilities)?.concat());
            population.push(probabilities(&said.population)?);
        }
        let spreads = Spreads::for_models(shadows.len());
        let gaussians = Gaussians::of(&table, spreads);
        let memorised = gaussians.memorised();
        let forgotten = shadows.first().map_or(0, |said| said.forget.len());
        let (forget, held) = memorised.split_at(forgotten);
        let without = |model: usize, record: usize| !table.member[model][record];
        Ok(Attacker {
            out: means(&chances, without),
            population_out: means(&population, |_, _| true),
            vulnerable: [most(forget), most(held)],
            gaussians,
            spreads,
        })
    }

    /// Whose spread the distributions have.
    pub fn spreads(&self) -> Spreads {
        self.spreads
    }

    /// How many of the forgotten records count as vulnerable.
    pub fn vulnerable(&self) -> usize {
        self.vulnerable[0].len()
    }

    fn split(&self, said: &Said, scores: Vec<f64>) -> Scores {
        let (forget, held) = scores.split_at(said.forget.len());
        [forget.to_vec(), held.to_vec()]
    }

    /// Scores of LiRA, as an attack that knows models with each record too.
    ///
    /// # Errors
    /// Outputs that are not finite.
    pub fn online(&self, said: &Said) -> Result<Scores> {
        Ok(self.split(said, self.gaussians.online(&both(said, confidences)?.concat())))
    }

    /// Scores of the attack that sees most: LiRA, or that on edges where only those went.
    ///
    /// # Errors
    /// Outputs that are not finite.
    pub fn strongest(&self, said: &Said) -> Result<Scores> {
        if said.held.is_empty() { Ok(said.pairs.clone()) } else { self.online(said) }
    }

    fn offline(&self, said: &Said) -> Result<Scores> {
        Ok(self.split(said, self.gaussians.offline(&both(said, confidences)?.concat())))
    }

    fn on_vulnerable(&self, said: &Said) -> Result<Scores> {
        let [forget, held] = self.online(said)?;
        let of = |scores: Vec<f64>, places: &[usize]| places.iter().map(|at| scores[*at]).collect();
        Ok([of(forget, &self.vulnerable[0]), of(held, &self.vulnerable[1])])
    }

    fn rmia(&self, said: &Said) -> Result<Scores> {
        let (chances, population) = (both(said, probabilities)?.concat(), probabilities(&said.population)?);
        let (out, population_out) = (&self.out, &self.population_out);
        Ok(self.split(said, rmia(Rmia { said: &chances, out, population: &population, population_out })))
    }
}

fn threshold(_: &Attacker, said: &Said) -> Result<Scores> {
    both(said, |outputs| Ok(losses(outputs)?.into_iter().map(|loss| -loss).collect()))
}

/// The mean φ of some records.
///
/// # Errors
/// Outputs that are not finite.
pub(super) fn confidence(outputs: &Outputs) -> Result<f64> {
    let all = confidences(outputs)?;
    Ok(all.iter().sum::<f64>() / all.len().max(1) as f64)
}

/// The share of some records that is classified as labelled.
///
/// # Errors
/// Outputs that are not finite.
pub(super) fn share(outputs: &Outputs) -> Result<f64> {
    Ok(accuracy(outputs)?.unwrap_or(f64::NAN))
}

fn both(said: &Said, of: impl Fn(&Outputs) -> Result<Vec<f64>>) -> Result<Scores> {
    Ok([of(&said.forget)?, of(&said.held)?])
}

/// The mean of each record over the models that count.
fn means(all: &[Vec<f64>], counts: impl Fn(usize, usize) -> bool) -> Vec<f64> {
    let records = all.first().map_or(0, Vec::len);
    let mean = |record: usize| {
        let some: Vec<f64> = (0..all.len()).filter(|m| counts(*m, record)).map(|m| all[m][record]).collect();
        some.iter().sum::<f64>() / some.len() as f64
    };
    (0..records).map(mean).collect()
}

/// Places of the largest quarter; of ten at least, where there are so many.
fn most(memorised: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..memorised.len()).filter(|at| !memorised[*at].is_nan()).collect();
    order.sort_by(|a, b| memorised[*b].total_cmp(&memorised[*a]));
    order.truncate((memorised.len() / 4).max(10));
    order.sort_unstable();
    order
}
