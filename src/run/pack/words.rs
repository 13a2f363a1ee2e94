//! The sentences of a certificate, for readers who know the law and not the field.

use super::certificate::{Certificate, Tests};
use crate::eval::Outcome;
use crate::methods::Tier;
use crate::run::lineage::{Place, Trace};

/// What a tier promises.
pub(super) fn claim(tier: Tier) -> String {
    let word = tier.as_str();
    match tier {
        Tier::Exact => format!(
            "{word}: no number of this model was computed from the removed records, directly or through anything that \
             was fitted on data; the model is, byte for byte, one that never had them"
        ),
        Tier::Distribution => format!(
            "{word}: the model is a draw from the same law as a training that never had the removed records; nobody \
             can tell the two apart who does not know the random numbers that were used"
        ),
        Tier::Certified => format!(
            "{word}: whoever sees the model can tell a model that never had the removed records from this one only \
             within the bounds (ε, δ) below, under the conditions below"
        ),
        Tier::Approximate => format!(
            "{word}: the model was changed so that it behaves as one that never had the removed records; how well is \
             measured below, and nothing is proven"
        ),
        Tier::Unverified => format!("{word}: nothing is claimed"),
    }
}

/// What the tests come to.
pub(super) fn tested(tier: Tier, tests: &Tests) -> String {
    let verdict = tests.verdict.as_ref().map(|judged| judged.verdict.outcome);
    let audit = tests.audit.as_ref().map(|attacked| attacked.verdict.outcome);
    let said = |what: &str, outcome: Outcome| match outcome {
        Outcome::Pass => format!("{what}: passed, with both controls as they must be"),
        Outcome::Fail => format!("{what}: FAILED"),
        Outcome::Inconclusive => format!("{what}: undecided, which is no pass"),
        Outcome::Unchanged => format!("{what}: the weights are unchanged"),
        Outcome::Destroyed => format!("{what}: the network no longer works"),
    };
    let mut parts: Vec<String> = Vec::new();
    parts.extend(verdict.map(|outcome| said("comparison with retrained models", outcome)));
    parts.extend(audit.map(|outcome| said("attacks", outcome)));
    match (parts.is_empty(), tier.is_exact()) {
        (false, _) => parts.join("; "),
        (true, true) => {
            "nothing was measured; the claim rests on how the model was made, which `unlearn replay` repeats".to_owned()
        }
        (true, false) => "NOTHING WAS MEASURED".to_owned(),
    }
}

/// What the document does not show.
pub(super) fn limits(certificate: &Certificate) -> Vec<String> {
    let mut all: Vec<String> =
        vec![match certificate.guarantee.tier {
        Tier::Exact => "The claim is about this model alone. That its records were chosen rightly, and that the files \
                        which were read are those that the model was trained from, is for their owner to say."
            .into(),
        Tier::Distribution | Tier::Certified => {
            "The claim holds against whoever does not know the seed. The seed is in replay.key, which is not in the \
             zip: destroy it, and nobody can repeat the computation or undo its noise."
                .into()
        }
        Tier::Approximate => "A measurement shows what the attacks and comparisons that were tried can find. It proves \
                              no absence: a stronger attack may find more."
            .into(),
        Tier::Unverified => "No claim is made.".to_owned(),
    }];
    if certificate.model.base_sha256.is_some() {
        all.push(
            "Training began with weights that came from elsewhere. Whether those saw the removed records is not known, \
             and what they know is not forgotten."
                .into(),
        );
    }
    let twins: usize = certificate.requests.iter().map(|asked| asked.twins).sum();
    if twins > 0 {
        all.push(format!(
            "{twins} records that stay are identical to removed ones, same input and same label: nobody asked about \
             them, and the model still learned from them."
        ));
    }
    if !certificate.data.source_lost_them {
        all.push(
            "The source still had the removed records when this was written: deleting them there is another step."
                .into(),
        );
    }
    let left = certificate.holders.iter().filter(|h| h.place != Place::Gone && h.trace == Trace::Holds).count();
    if left > 0 {
        all.push(format!(
            "{left} copies that hold something of the records were still there when this was written; they are listed \
             above."
        ));
    }
    all.push("Copies elsewhere, such as backups, caches and what was handed on, are not known to the program.".into());
    all.push(match certificate.ledger {
        Some(_) => {
            "The signature shows that the holder of the key wrote this, not when. Whoever has kept an earlier head of \
             the ledger can see that nothing before it was rewritten; without one, the holder of the key could write \
             another history."
        }
        None => {
            "The run belongs to no ledger: when it was asked for, and by whom it was decided, is not shown here. The \
             signature shows that the holder of the key wrote this, not when."
        }
    }
    .into());
    all.push("Times are those of the computer's clock.".into());
    all
}
