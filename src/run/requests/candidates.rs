//! Which methods suit the run that serves and the records that are to go, and which of them is to be used.

use super::cost::Known;
use super::document::Candidate;
use super::sight::Sight;
use crate::error::{Error, Result};
use crate::methods::{self, METHODS, Method, MethodRow, Role, Tier};
use crate::run::ensemble::check_method;
use crate::run::import::check_needs;
use crate::run::refit::{check_base, reads_records};
use crate::run::target::Target;

/// What is wished of a method.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// The weakest tier.
    pub tier: Option<Tier>,
    /// The greatest share of a retrain.
    pub max_cost: Option<f64>,
}

/// Strength of a claim: the smaller, the stronger.
pub(super) fn rank(tier: Tier) -> usize {
    [Tier::Exact, Tier::Distribution, Tier::Certified, Tier::Approximate, Tier::Unverified]
        .iter()
        .position(|known| *known == tier)
        .unwrap_or(usize::MAX)
}

/// Every method that can be proposed, and what is against it.
pub(super) fn candidates(sight: &Sight, target: &Target, known: &Known) -> Vec<Candidate> {
    let proposed = METHODS.iter().filter(|row| row.role != Role::Floor && row.name != crate::methods::composite::NAME);
    let forgotten = target.split.forget.len();
    let one = |row: &&'static MethodRow| {
        let method = (row.build)(toml::Table::new());
        let checked = method.and_then(|method| suits(sight, target, row, method.as_ref()));
        let unsuited = checked.err().map(|e| e.to_string());
        let predicted = known.of_method(row, &toml::Table::new(), forgotten).filter(|_| unsuited.is_none());
        Candidate { method: row.name.into(), tier: row.tier, unsuited, predicted }
    };
    proposed.map(one).collect()
}

/// Whether a method can work on the run and the records, as far as that is known before it works.
///
/// # Errors
/// Why it cannot.
pub(super) fn suits(sight: &Sight, target: &Target, row: &MethodRow, method: &dyn Method) -> Result<()> {
    let run = &sight.run;
    if run.info.ensemble.is_some() {
        return check_method(&run.config, &run.folder.path, row.name);
    }
    row.check_data(&run.data)?;
    if !row.takes.contains(&run.data.kind()) {
        return Err(Error::input(format!("method `{}` does not work on records of this kind", row.name)));
    }
    check_needs(&run.info, &run.folder.path, row.name, method.needs())?;
    method.suits_targets(run.data.target_kind())?;
    method.suits_recipe(&run.config.train)?;
    methods::suits_cuts(row, method, &target.split.cuts)?;
    method.suits(&run.model)?;
    if row.tier.is_exact() {
        check_base(run)?;
    }
    if method.goes_on() && reads_records(&run.data, target) {
        return Err(crate::run::forget_run::refitted(row.name));
    }
    Ok(())
}

/// The method to be used, and why: of those within the limits the one of the strongest claim, and of these the
/// cheapest.
///
/// # Errors
/// None is within the limits.
pub(super) fn recommend<'a>(all: &'a [Candidate], limits: &Limits, kept: bool) -> Result<(&'a Candidate, String)> {
    let strong = |c: &&Candidate| limits.tier.is_none_or(|least| rank(c.tier) <= rank(least));
    let cheap = |c: &&Candidate| match (limits.max_cost, &c.predicted) {
        (None, _) => true,
        (Some(most), Some(predicted)) => predicted.of_retrain <= most,
        (Some(_), None) => false,
    };
    let suited = all.iter().filter(|c| c.unsuited.is_none());
    // What was never measured is not proposed, but for a replay, which costs at most what a training does.
    let replays = |c: &Candidate| kept && c.method == "replay";
    let able = suited.filter(strong).filter(cheap).filter(|c| c.predicted.is_some() || replays(c));
    let cost = |c: &Candidate| c.predicted.as_ref().map_or(1.0, |predicted| predicted.of_retrain);
    let order = |c: &&Candidate| (rank(c.tier), !replays(c));
    let best = able
        .min_by(|a, b| order(a).0.cmp(&order(b).0).then(cost(a).total_cmp(&cost(b))).then(order(a).1.cmp(&order(b).1)));
    let Some(best) = best else {
        let tier = limits.tier.map_or("any".to_owned(), |tier| tier.as_str().to_owned());
        let cost = limits.max_cost.map_or("any".to_owned(), |cost| format!("at most {cost} of a retrain"));
        return Err(Error::CheckFailed(format!(
            "no method that suits and whose cost is known keeps to tier {tier} and cost {cost}; allow more, or measure \
             others with `unlearn requests plan --measure NAME`"
        )));
    };
    let cost = best
        .predicted
        .as_ref()
        .map_or("at most a retrain".to_owned(), |p| format!("{:.1} % of a retrain", 100.0 * p.of_retrain));
    let reason = format!(
        "the strongest claim within the limits ({}), and of its methods the cheapest ({cost})",
        best.tier.as_str()
    );
    Ok((best, reason))
}
