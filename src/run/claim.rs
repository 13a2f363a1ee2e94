//! What is claimed of a forgetting, with the conditions under which it holds. A word is printed only where every one of
//! its conditions is held by the code; a condition that cannot be checked is said with the word.

use super::info::ForgetInfo;
use crate::methods::{Account, Certificate, Guarantee, Read, Tier};

/// The tier of a result: what its method's row says, where what the method did bears it out. "Exact" takes a method
/// that read none of the records, "certified" one that came with its certificate or a
/// guarantee, whatever its row says.
pub fn tier(row: Tier, account: &Account) -> Tier {
    match row {
        Tier::Exact if account.reads.contains(&Read::ForgetData) || account.details.other_trajectory => {
            Tier::Approximate
        }
        Tier::Approximate | Tier::Certified if account.details.guarantee.is_some() => Tier::Certified,
        Tier::Certified if account.details.certificate.is_none() => Tier::Unverified,
        tier => tier,
    }
}

/// The tier of a run with its conditions, as it is stored and printed.
pub fn conditions(
    tier: Tier,
    base: Option<&str>,
    (certificate, guarantee): (Option<&Certificate>, Option<&Guarantee>),
    replayed: bool,
) -> Vec<String> {
    let mut all: Vec<String> = match (tier, certificate) {
        (Tier::Exact, _) => vec![
            match replayed {
                false => {
                    "no kept parameter was computed from the records: training began anew, on the retained records \
                     alone"
                }
                true => {
                    "no kept parameter was computed from the records: training went on from checkpoints that none of \
                     them had been an input to, on the retained records alone"
                }
            }
            .into(),
            FITTED.into(),
        ],
        (Tier::Distribution, _) => vec![
            "over the draws of its random numbers the model, with its trace, has the law of a training that never had \
             the records: not the same bytes, and nothing is claimed to whoever knows the seeds"
                .into(),
            "steps, batch size, learning rates, clipping and noise are fixed, whatever the number of records; batches \
             are uniform subsets of distinct records"
                .into(),
            "what is fitted on records is the same without them".into(),
            "to the rounding of 32-bit numbers, of 24-bit uniform numbers under the noise, and of this adapter".into(),
        ],
        (Tier::Certified, Some(c)) => vec![
            format!("(ε, δ) = ({}, {:e}) for all requests since the training together", c.epsilon, c.delta),
            format!("objective noise σ = {}, λ = {} per record", c.sigma, c.lambda),
            format!("gradient left {:.3e} of a budget of {:.3e}", c.spent, c.budget),
        ],
        (Tier::Certified, None) => guarantee
            .map_or_else(|| vec!["no certificate came of this run, so nothing is claimed".into()], Guarantee::said),
        (Tier::Approximate, _) => {
            vec!["nothing is proven: it is as good as `unlearn verify` measures it against retrains".into()]
        }
        (Tier::Unverified, _) => vec!["no claim".into()],
    };
    if let Some(hash) = base.filter(|_| tier.is_exact() || certificate.is_some()) {
        all.push(format!(
            "{GIVEN}the base model (SHA-256 {hash}) did not see the records, which cannot be checked here: what it \
                knows is not forgotten"
        ));
    }
    all
}

/// What is said of everything that is fitted on records.
const FITTED: &str = "whatever is fitted on records was fitted without them";

/// Says of an exact result on texts whose word pieces were learned from the forgotten ones too what it rests on.
pub fn of_word_pieces(conditions: &mut [String]) {
    for fitted in conditions.iter_mut().filter(|condition| *condition == FITTED) {
        *fitted = format!(
            "{GIVEN}the word pieces tell nothing of the texts: they were learned from all training texts, those that \
             are forgotten too, and are not learned again, which would move windows and tokens; with data.tokenizer = \
             \"bytes\" nothing is fitted"
        );
    }
}

/// Begins a condition that the code cannot check.
const GIVEN: &str = "given that ";

impl ForgetInfo {
    /// The tier as it may be printed: alone where the code holds every condition, otherwise with what it rests on.
    pub fn claim(&self) -> String {
        let given: Vec<&str> = self.conditions.iter().map(String::as_str).filter(|c| c.starts_with(GIVEN)).collect();
        match given.is_empty() {
            true => self.tier.as_str().to_owned(),
            false => format!("{}, {}", self.tier.as_str(), given.join(" and ")),
        }
    }
}
