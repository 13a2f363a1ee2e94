//! SalUn: wrong labels for the forgotten records, learned by the parameters that their loss is most sensitive to.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::Buf;
use crate::methods::prelude::*;
use crate::methods::shared::descent::{Until, descend};
use crate::nn::ParamEntry;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "salun",
    summary: "random labels on the forgotten records and cross-entropy on the others, on the most salient half of the \
        weights",
    citation: "Fan et al., ICLR 2024 (SalUn)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real(
                "share",
                "0.5",
                Range::PART,
                "Part of all parameters that may move, those with the largest |gradient|; the source's.",
            ),
            real(
                "weight",
                ABSENT,
                Range::POSITIVE,
                "Of the forget term in a step's objective; 1 is the paper's equation. Absent: n_F / n_R, as if all \
                    records were one set, as its code for CIFAR-100 has them.",
            ),
            flag(
                "true_label",
                "false",
                "Whether a drawn label may be the true one, as in the public code; the paper draws from the others.",
            ),
        ],
        &Sgd::settings(
            ("0.1", "Learning rate as a multiple of the recipe's; the source has an eighth of its own recipe's."),
            (
                "0.1",
                "Passes over the retained records as a part of the recipe's, at most; the forgotten begin again as \
                 often as that takes.",
            ),
            "constant",
        ),
        &StopRule::OR_NEVER,
        &Harm::SETTINGS,
    ],
    build: |table| settings::build::<SalUn>(&ROW, table),
};

/// Minimises L_R + weight · L_F(random labels) by SGD on the `share` of all parameters with the largest |∇L_F| at θ₀,
/// dropout off, ranked over all tensors at once. The other parameters keep their bits: neither decay nor momentum
/// reaches them (a leak of the public code until 2026). Batch size and, unless set, weight decay are the recipe's.
/// The forgotten records begin again as often as an epoch takes: with a weight of 1 each counts n_R / n_F times as much
/// as a retained one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SalUn {
    share: f64,
    weight: Option<f64>,
    true_label: bool,
    #[serde(flatten)]
    sgd: Sgd,
    #[serde(flatten)]
    rule: StopRule,
    #[serde(flatten)]
    harm: Harm,
}

impl SalUn {
    /// Puts the mask into the session's vector; returns it with the number of parameters in it.
    fn mask(&self, session: &mut Session, view: &View) -> Result<(Buf<f32>, usize)> {
        let mean = (1.0 / view.forget.len().max(1) as f64) as f32;
        statistics::gradient(session, Records::before(view.forget), mean, false)?;
        let gradient = session.engine.read(session.grad)?;
        let (mask, count) = most_salient(&gradient, session.model.layout.entries(), self.share);
        let kept = session.vector("salun.mask")?;
        session.engine.write(kept, &mask)?;
        Ok((kept, count))
    }
}

/// 1 for the `share` (rounded) of the parameters with the largest |gradient|, the first of equals; 0 for the others and
/// between tensors; and their number.
fn most_salient(gradient: &[f32], entries: &[ParamEntry], share: f64) -> (Vec<f32>, usize) {
    let mut places: Vec<usize> = entries.iter().flat_map(|e| e.offset..e.offset + e.len).collect();
    let count = (share * places.len() as f64).round() as usize;
    let mut mask = vec![0.0; gradient.len()];
    if count == 0 {
        return (mask, 0);
    }
    let by_size = |a: &usize, b: &usize| gradient[*b].abs().total_cmp(&gradient[*a].abs()).then(a.cmp(b));
    places.select_nth_unstable_by(count - 1, by_size);
    places[..count].iter().for_each(|i| mask[*i] = 1.0);
    (mask, count)
}

impl Method for SalUn {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "gives the forgotten records other classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let config = self.sgd.recipe(view.train);
        let weight = self.weight.unwrap_or(in_proportion(view));
        let terms = [
            Term { records: Records::train(view.retain), weight: 1.0 },
            Term { records: Records::before(view.forget), weight },
        ];
        let mut clock = 0.0;
        let (steps, chosen) = timed(&mut clock, || {
            let (mask, chosen) = self.mask(session, view)?;
            let goal = self.rule.of_relabelled(session, view).map(|rule| rule.goal(session, view)).transpose()?;
            session.draw_labels(terms[1].records, view.seed, self.true_label)?;
            let mut fit = Fit::new(session, &config, view.seed)?;
            fit.restrict(mask, origin.0);
            let taken = match goal {
                None => train_to_end(&mut fit, session, &terms, &mut ()),
                Some(goal) => {
                    let until = Until { goal, harm: Some(self.harm) };
                    descend(session, &mut fit, &terms, view, until, &mut account)
                }
            };
            session.restore_labels();
            Ok((taken?, chosen))
        })?;
        account.method_s += clock;
        account.took(steps);
        account.note("salient_fraction", chosen as f64 / session.model.layout.count().max(1) as f64);
        account.note("weight", weight);
        account.note("train", json!(config));
        account.close(session, &origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Init;

    #[test]
    fn exactly_the_share_with_the_largest_gradients_is_chosen() {
        let init = Init::HeUniform { fan_in: 1 };
        let entry = |name: &str, offset, len| ParamEntry { name: name.into(), shape: vec![len], init, offset, len };
        let entries = [entry("a", 0, 3), entry("b", 4, 3)];
        let gradient = [0.5, -3.0, 0.5, 9.0, 0.0, 0.5, -0.5];
        let chosen = |share| most_salient(&gradient, &entries, share);
        // Equal sizes go by their place; what lies between tensors is never chosen.
        assert_eq!(chosen(0.5), (vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0], 3));
        assert_eq!(chosen(0.75).1, 5);
        assert_eq!(chosen(1.0), (vec![1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0], 6));
        assert_eq!(chosen(0.01).1, 0);
    }
}
