//! Methods across experiments: how often each passes, how near it comes, what it costs, and how it ranks.

use std::collections::BTreeMap;

use super::results::{Row, RowKind, by_experiment};
use crate::eval::{Metrics, Outcome, Reference};

/// A method over all experiments that tried it.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Its name.
    pub method: String,
    /// Experiments that tried it.
    pub tried: usize,
    /// Of these it passed so many.
    pub passed: usize,
    /// Failed, did nothing, broke the network or came to no result.
    pub failed: usize,
    /// Mean and spread over experiments of [`RANK`], [`DISTANCE`], [`LOST`] and [`TIME`], each where all that tried it
    /// have it.
    pub over: Reference,
    /// No other method is as good in distance, utility and time and better in one.
    pub unbeaten: bool,
}

/// Place among the methods of an experiment, from 1, by distance; ties share the mean of their places.
pub const RANK: &str = "rank";
/// Distance to the retrains on the forgotten records, as a multiple of how far retrains lie from each other.
pub const DISTANCE: &str = "distance";
/// Test accuracy lost against the retrain, in points.
pub const LOST: &str = "lost";
/// Seconds with precomputation, as a multiple of a retrain's.
pub const TIME: &str = "time";

impl Standing {
    /// Mean, where it is known.
    pub fn mean(&self, key: &str) -> Option<f64> {
        self.over.mean.get(key)
    }

    /// Half the width of the mean's 95 % confidence interval, over two experiments or more.
    pub fn half(&self, key: &str) -> Option<f64> {
        self.over.interval().get(key)
    }

    fn beats(&self, other: &Standing) -> bool {
        let pairs: Option<Vec<(f64, f64)>> =
            [DISTANCE, LOST, TIME].iter().map(|key| Some((self.mean(key)?, other.mean(key)?))).collect();
        pairs.is_some_and(|pairs| pairs.iter().all(|(a, b)| a <= b) && pairs.iter().any(|(a, b)| a < b))
    }
}

/// Every method, best first: most passes, then fewest failures, then rank. Empty for fewer than two experiments.
pub fn standings(rows: &[Row]) -> Vec<Standing> {
    let groups = by_experiment(rows);
    if groups.len() < 2 {
        return Vec::new();
    }
    let mut cells: BTreeMap<&str, Vec<(Metrics, Outcome)>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (_, rows) in &groups {
        for (row, figures) in figures(rows) {
            // What has scores and no verdict was not decided.
            let undecided = if row.metrics.is_empty() { Outcome::Fail } else { Outcome::Inconclusive };
            let outcome = row.verdict.as_ref().map_or(undecided, |verdict| verdict.outcome);
            let cell = cells.entry(&row.method).or_default();
            if cell.is_empty() {
                order.push(&row.method);
            }
            cell.push((figures, outcome));
        }
    }
    let standing = |method: &&str| {
        let cells = &cells[method];
        let count = |these: fn(Outcome) -> bool| cells.iter().filter(|(_, outcome)| these(*outcome)).count();
        Standing {
            method: (*method).to_owned(),
            tried: cells.len(),
            passed: count(|outcome| outcome == Outcome::Pass),
            failed: count(|outcome| !matches!(outcome, Outcome::Pass | Outcome::Inconclusive)),
            over: Reference::over(&cells.iter().map(|(figures, _)| figures.clone()).collect::<Vec<_>>()),
            unbeaten: false,
        }
    };
    let mut all: Vec<Standing> = order.iter().map(standing).collect();
    for at in 0..all.len() {
        let known = [DISTANCE, LOST, TIME].iter().all(|key| all[at].mean(key).is_some());
        all[at].unbeaten = known && !all.iter().any(|other| other.beats(&all[at]));
    }
    let share = |count: usize, standing: &Standing| count as f64 / standing.tried.max(1) as f64;
    all.sort_by(|a, b| {
        let passed = share(b.passed, b).total_cmp(&share(a.passed, a));
        let failed = share(a.failed, a).total_cmp(&share(b.failed, b));
        let rank = |standing: &Standing| standing.mean(RANK).unwrap_or(f64::INFINITY);
        passed.then(failed).then(rank(a).total_cmp(&rank(b)))
    });
    all
}

/// The methods of one experiment with their figures.
fn figures<'a>(rows: &[&'a Row]) -> Vec<(&'a Row, Metrics)> {
    let retrain = rows.iter().find(|row| row.row == RowKind::Retrain);
    let methods: Vec<&'a Row> = rows.iter().copied().filter(|row| row.row == RowKind::Method).collect();
    let key = match rows.iter().any(|row| row.metrics.get("js.forget").is_some()) {
        true => ("js.forget", "js.noise_floor_forget"),
        false => ("distance.forget", "distance.noise_floor_forget"),
    };
    let floor = retrain.and_then(|row| row.metrics.get(key.1)).filter(|floor| *floor > 0.0);
    let distance = |row: &Row| Some(row.metrics.get(key.0)? / floor?);
    let test = match rows.iter().any(|row| row.request.is_class()) {
        true => "class_request.retained_test_accuracy",
        false => "splits.test.accuracy",
    };
    // One without scores is behind all others.
    let place = |row: &Row| distance(row).unwrap_or(f64::INFINITY);
    let ranked = |row: &Row| {
        let ahead = methods.iter().filter(|other| place(other) < place(row)).count() as f64;
        let level = methods.iter().filter(|other| place(other) == place(row)).count() as f64;
        ahead + (level + 1.0) / 2.0
    };
    let of = |row: &'a Row| {
        let lost = retrain.and_then(|retrain| Some(100.0 * (retrain.metrics.get(test)? - row.metrics.get(test)?)));
        let mut figures = Metrics::default();
        for (key, value) in
            [(RANK, Some(ranked(row))), (DISTANCE, distance(row)), (LOST, lost), (TIME, row.times_retrain())]
        {
            // A number that is none is left out.
            figures.put(key, value.filter(|value| value.is_finite())).unwrap_or_default();
        }
        (row, figures)
    };
    methods.iter().map(|row| of(row)).collect()
}

/// Which method to take, and why; none without standings.
pub fn choice(standings: &[Standing]) -> Option<String> {
    let best = standings.first()?;
    if best.passed == 0 {
        return Some(
            "Retrain: no method passes in any of these experiments, so that none can be said to forget here.".into(),
        );
    }
    let time = best.mean(TIME).map_or(String::new(), |time| format!(", and takes {time:.2} of a retrain on average"));
    let rest = standings.iter().filter(|other| other.passed == best.passed && other.tried == best.tried).count() - 1;
    let why = match rest {
        0 => "more often than any other".to_owned(),
        n => {
            format!("as often as {n} other{}, of which it comes nearest to the retrains", if n == 1 { "" } else { "s" })
        }
    };
    Some(format!("Take {}: it passes in {} of {} experiments, {why}{time}.", best.method, best.passed, best.tried))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(method: &str, passed: usize, figures: &[[f64; 3]]) -> Standing {
        let one = |[distance, lost, time]: &[f64; 3]| {
            let mut metrics = Metrics::default();
            for (key, value) in [(DISTANCE, distance), (LOST, lost), (TIME, time)] {
                metrics.put(key, Some(*value)).unwrap();
            }
            metrics
        };
        let over = Reference::over(&figures.iter().map(one).collect::<Vec<_>>());
        Standing { method: method.into(), tried: figures.len(), passed, failed: 0, over, unbeaten: false }
    }

    #[test]
    fn one_beats_another_where_it_is_nowhere_worse_and_somewhere_better() {
        let one = standing("a", 2, &[[1.0, 0.5, 0.1], [1.2, 0.5, 0.1]]);
        let same = standing("b", 2, &[[1.0, 0.5, 0.1], [1.2, 0.5, 0.1]]);
        let slow = standing("c", 2, &[[1.1, 0.5, 0.3]]);
        let near = standing("d", 0, &[[0.9, 0.5, 0.3]]);
        assert!(!one.beats(&same) && one.beats(&slow) && !one.beats(&near) && !near.beats(&one) && near.beats(&slow));
    }

    #[test]
    fn the_choice_says_why() {
        let (one, two) = (standing("a", 2, &[[1.0, 0.5, 0.1]; 2]), standing("b", 1, &[[1.0, 0.5, 0.1]; 2]));
        let said = choice(&[one.clone(), two]).unwrap();
        assert_eq!(
            said,
            "Take a: it passes in 2 of 2 experiments, more often than any other, and takes 0.10 of a retrain on \
             average."
        );
        assert!(choice(&[one.clone(), one]).unwrap().contains("as often as 1 other, of which it comes nearest"));
        assert!(choice(&[standing("a", 0, &[[1.0; 3]])]).unwrap().starts_with("Retrain: no method passes"));
        assert_eq!(choice(&[]), None);
    }
}
