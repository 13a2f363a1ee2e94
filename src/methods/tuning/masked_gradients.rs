//! Masked small gradients: the weights that neither set of records pulls at begin anew, and learn fastest.

use std::ops::Range as Places;

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;
use crate::nn::ParamEntry;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "msg",
    summary: "new values for the weights with the smallest |gradient of L_retain - L_forget|, then epochs on the \
              retained records in which the other weights may follow a part of theirs",
    citation: "rank 2 of the NeurIPS 2023 unlearning competition; as MSG in Cadet et al. 2024 (DeepUnlearn)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real("share", "0.3", Range::PART, "Part of each layer's weights that begin anew; the source's."),
            real(
                "gain",
                "1",
                Range::UNIT,
                "Factor on the gradient of the other weights; 0.1 in the source, with which a class of digits stays \
                 known.",
            ),
        ],
        &Sgd::settings(
            ("4", "Learning rate as a multiple of the recipe's."),
            ("0.15", "Passes over the retained records as a part of the recipe's; the source has 5 of 50."),
            "linear",
        ),
    ],
    build: |table| settings::build::<MaskedGradients>(&ROW, table),
};

/// Layers by themselves: convolutions, or every matrix where there is none (the source knows convolutions alone). The
/// gradient is that of the two sums in evaluation form, over as many retained records as there are forgotten ones. What
/// is no weight of such a layer follows its whole gradient, and decay is not scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct MaskedGradients {
    share: f64,
    gain: f64,
    #[serde(flatten)]
    sgd: Sgd,
}

/// Keeps the draw of retained records apart from the seed's other uses.
const STREAM: u32 = 0x6d73_6721;

/// The tensors that are masked.
fn tensors(entries: &[ParamEntry]) -> Vec<Places<usize>> {
    let of = |least: usize| entries.iter().filter(move |e| e.shape.len() >= least);
    let least = if of(3).next().is_some() { 3 } else { 2 };
    of(least).map(|e| e.offset..e.offset + e.len).collect()
}

/// The `share` (rounded) of a tensor's places with the smallest |gradient|, the first of equals.
fn smallest(gradient: &[f32], place: Places<usize>, share: f64) -> Vec<usize> {
    let count = (share * place.len() as f64).round() as usize;
    let mut places: Vec<usize> = place.collect();
    places.sort_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs()).then(a.cmp(b)));
    places.truncate(count);
    places
}

impl Method for MaskedGradients {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let reads = [Read::RetainData, Read::ForgetData];
        learn(session, view, &self.sgd.recipe(view.train), &reads, |session| {
            let sample = view.drawn(view.forget.len(), STREAM);
            statistics::gradient(session, Records::train(&sample), 1.0, false)?;
            statistics::gradient(session, Records::before(view.forget), -1.0, true)?;
            let gradient = session.engine.read(session.grad)?;
            let fresh = view.past.start(session.model, view.seed);
            let (mut theta, mut gains) = (session.read_theta()?, vec![1.0; session.model.layout.total()]);
            for place in tensors(session.model.layout.entries()) {
                gains[place.clone()].fill(self.gain as f32);
                for i in smallest(&gradient, place, self.share) {
                    (theta[i], gains[i]) = (fresh[i], 1.0);
                }
            }
            session.write_theta(&theta)?;
            let kept = session.vector("msg.gains")?;
            session.engine.write(kept, &gains)?;
            Ok(Plan { tasks: vec![Task::retained(view, 1.0)], gains: Some(kept), ..Plan::default() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_gradients_are_chosen_and_the_first_of_equals() {
        let gradient = [9.0, -0.5, 3.0, 0.0, 0.5, -2.0, 0.1];
        assert_eq!(smallest(&gradient, 1..6, 0.4), [3, 1]);
        assert_eq!(smallest(&gradient, 1..6, 1.0).len(), 5);
        assert!(smallest(&gradient, 1..6, 0.01).is_empty());
    }
}
