//! Is this model one of the retrains? Every check is a number of a model with its distribution over retrains; the
//! original says whether the check has power, a retrain that was held out whether it holds.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::holm::holm;
use super::student::{above, exceeded};
use crate::eval::verdict::{Aspect, Outcome};

/// To which side of the retrains a value may not lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Neither: an attack that succeeds in reverse betrays the records as well.
    Either,
    /// Above them: more of the forgotten records than a retrain has.
    Above,
    /// Below them: better than a retrain is not worse.
    Below,
}

/// One number of every model.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// Its name.
    pub name: &'static str,
    /// What it is, in words that stand before a value.
    pub what: &'static str,
    /// Which question it answers.
    pub aspect: Aspect,
    /// Where a value may not lie.
    pub side: Side,
    /// Of the audited model.
    pub run: f64,
    /// Of the model before forgetting.
    pub original: Option<f64>,
    /// Of each retrain that it is compared with.
    pub retrains: Vec<f64>,
    /// Of retrains that are not among those.
    pub held_out: Vec<f64>,
    /// Least spread that is believed: what the number can be told apart to.
    pub finest: f64,
}

/// A check with its reason in a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Judged {
    /// What was compared.
    pub name: String,
    /// Which question it answers.
    pub aspect: Aspect,
    /// What came of it.
    pub outcome: Outcome,
    /// The comparison in words and figures.
    pub reason: String,
    /// What the check can see at all, in words.
    pub power: String,
    /// Where a value may not lie.
    pub side: Side,
    /// Of the audited model.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    pub value: f64,
    /// Of the model before forgetting.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub original: Option<f64>,
    /// Mean over the retrains.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retrain: Option<f64>,
    /// Their standard deviation.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sd: Option<f64>,
    /// Of the retrains that were held out.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub held_out: Vec<f64>,
    /// Chance of a further retrain to lie so far off (Student's t).
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub p: f64,
    /// The same, corrected for the number of checks (Holm 1979).
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub p_corrected: f64,
}

/// All checks, and what they come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Weighed {
    /// What all of them come to.
    pub outcome: Outcome,
    /// One sentence for the whole, with what the controls did.
    pub summary: String,
    /// Each check, in order.
    pub checks: Vec<Judged>,
}

/// Fewest retrains that a spread is believed of.
const RETRAINS: usize = 3;

/// Where a value lies among the retrains.
struct Among {
    mean: f64,
    sd: f64,
    freedom: f64,
    side: Side,
}

impl Among {
    fn of(values: &[f64], side: Side, finest: f64) -> Among {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        Among { mean, sd: variance.sqrt().max(finest), freedom: (n - 1.0).max(1.0), side }
    }

    /// Of the distance of one further retrain from their mean.
    fn unit(&self) -> f64 {
        self.sd * (1.0 + 1.0 / (self.freedom + 1.0)).sqrt()
    }

    /// Chance of a further retrain to lie as far off as this value, to the side that counts.
    fn p(&self, value: f64) -> f64 {
        let t = (value - self.mean) / self.unit();
        match self.side {
            Side::Either => 2.0 * above(t.abs(), self.freedom),
            Side::Above => above(t, self.freedom),
            Side::Below => above(-t, self.freedom),
        }
    }

    /// How far off a value must lie to be seen at this level.
    fn reach(&self, level: f64) -> f64 {
        let tail = if self.side == Side::Either { 0.5 * level } else { level };
        exceeded(tail, self.freedom) * self.unit()
    }
}

/// Judges a model by all of its probes together: a retrain fails any of them with a chance of at most `alpha`.
///
/// *Fail* if a check whose held-out retrains pass is failed. *Pass* if none is, the model passes at least one check of
/// forgetting that the original fails, and every check of utility. Otherwise *inconclusive*: so it is with fewer than
/// three retrains, and with none that was held out.
pub fn judge(probes: &[Probe], alpha: f64) -> Weighed {
    let all: Vec<Among> = probes.iter().map(|p| Among::of(&p.retrains, p.side, p.finest)).collect();
    let enough = |p: &Probe| p.retrains.len() >= RETRAINS;
    let p: Vec<f64> = probes.iter().zip(&all).map(|(p, among)| if enough(p) { among.p(p.run) } else { 1.0 }).collect();
    let corrected = holm(&p);
    // What a control is held to: the level of the first step, whatever the other checks say.
    let level = alpha / probes.len().max(1) as f64;
    let checks: Vec<Judged> = probes
        .iter()
        .zip(&all)
        .zip(p.iter().zip(corrected))
        .map(|((probe, among), (p, corrected))| one(probe, among, (*p, corrected), (alpha, level)))
        .collect();
    weigh(probes, checks)
}

fn one(probe: &Probe, among: &Among, (p, corrected): (f64, f64), (alpha, level): (f64, f64)) -> Judged {
    let shows = probe.original.is_some_and(|original| among.p(original) <= level);
    let (outcome, because) = match () {
        () if probe.retrains.len() < RETRAINS => {
            (Outcome::Inconclusive, "fewer than three retrains, so how far they scatter is unknown")
        }
        () if probe.held_out.is_empty() => (Outcome::Inconclusive, "no retrain was held out to control the check"),
        () if probe.held_out.iter().any(|value| among.p(*value) <= level) => {
            (Outcome::Inconclusive, "a held-out retrain fails this check too, so it is tighter than the noise")
        }
        () if corrected <= alpha => (Outcome::Fail, "no retrain lies there"),
        () if probe.aspect == Aspect::Forgetting && probe.original.is_none() => {
            (Outcome::Inconclusive, "the model before forgetting was not measured, so what it can see is unknown")
        }
        () if probe.aspect == Aspect::Forgetting && !shows => {
            (Outcome::Inconclusive, "the original passes this check too, so that it has no power here")
        }
        () => (Outcome::Pass, "not to be told from a retrain"),
    };
    let (there, count) = (probe.retrains.len() > 1, probe.retrains.len());
    let among_them = match there {
        true => format!("retrains {:.4} ± {:.4} ({count} of them)", among.mean, among.sd),
        false => format!("{count} retrains"),
    };
    let mut reason = format!("{} {:.4}, {among_them}", probe.what, probe.run);
    reason += &probe.original.map_or(String::new(), |original| format!(", original {original:.4}"));
    reason += &format!(": {because} (p = {corrected:.2e}, corrected).");
    Judged {
        name: probe.name.into(),
        aspect: probe.aspect,
        outcome,
        reason,
        power: power(probe, among, level, shows),
        side: probe.side,
        value: probe.run,
        original: probe.original,
        retrain: there.then_some(among.mean),
        sd: there.then_some(among.sd),
        held_out: probe.held_out.clone(),
        p,
        p_corrected: corrected,
    }
}

/// What a check can see, in words.
fn power(probe: &Probe, among: &Among, level: f64, shows: bool) -> String {
    if probe.retrains.len() < RETRAINS {
        return "unknown: there are fewer than three retrains".into();
    }
    let (mean, reach) = (among.mean, among.reach(level));
    let blind = match probe.side {
        Side::Either => format!("between {:.3} and {:.3}", mean - reach, mean + reach),
        Side::Above => format!("under {:.3}", mean + reach),
        Side::Below => format!("above {:.3}", mean - reach),
    };
    let original = match (probe.aspect, shows) {
        (Aspect::Forgetting, true) => "; the original lies outside",
        (Aspect::Forgetting, false) => "; the original does not lie outside, so that it shows nothing here",
        _ => "",
    };
    format!("a value {blind} cannot be told from a retrain's {mean:.3}{original}")
}

fn weigh(probes: &[Probe], checks: Vec<Judged>) -> Weighed {
    let of = |outcome| checks.iter().filter(move |check| check.outcome == outcome);
    let (failed, forgot) = (of(Outcome::Fail).count(), of(Outcome::Pass).any(|c| c.aspect == Aspect::Forgetting));
    let useful = checks.iter().filter(|c| c.aspect != Aspect::Forgetting).all(|c| c.outcome == Outcome::Pass);
    let outcome = match (failed, forgot && useful) {
        (0, true) => Outcome::Pass,
        (0, false) => Outcome::Inconclusive,
        _ => Outcome::Fail,
    };
    let names = |outcome| of(outcome).map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ");
    let forgetting = || checks.iter().filter(|check| check.aspect == Aspect::Forgetting);
    let seen = forgetting().filter(|check| check.power.ends_with("lies outside")).count();
    let lead = match outcome {
        Outcome::Pass => "No check tells it from a retrain".to_owned(),
        Outcome::Fail => format!("Fails: {}", names(Outcome::Fail)),
        _ => format!("Inconclusive; undecided: {}", names(Outcome::Inconclusive)),
    };
    let retrains = probes.iter().map(|probe| probe.retrains.len()).min().unwrap_or(0);
    let held_out = probes.iter().map(|probe| probe.held_out.len()).min().unwrap_or(0);
    let summary = format!(
        "{lead}. Controls: the original fails {seen} of {} checks of forgetting (at least one required); {retrains} \
            retrains to compare with, {held_out} held out.",
        forgetting().count()
    );
    Weighed { outcome, summary, checks }
}

/// How many of the retrains, the first of those that were held out among them, fail no check when each is judged as the
/// audited model is and against the others; and of how many.
pub fn calibration(probes: &[Probe], alpha: f64) -> [usize; 2] {
    let of = |probe: &Probe| probe.retrains.iter().chain(probe.held_out.first()).copied().collect::<Vec<f64>>();
    let all: Vec<Vec<f64>> = probes.iter().map(of).collect();
    let retrains = all.iter().map(Vec::len).min().unwrap_or(0);
    let passes = |k: &usize| {
        let p = probes.iter().zip(&all).map(|(probe, values)| {
            let others: Vec<f64> = (0..retrains).filter(|at| at != k).map(|at| values[at]).collect();
            Among::of(&others, probe.side, probe.finest).p(values[*k])
        });
        holm(&p.collect::<Vec<f64>>()).iter().all(|p| *p > alpha)
    };
    match retrains > RETRAINS {
        true => [(0..retrains).filter(passes).count(), retrains],
        false => [0, 0],
    }
}
