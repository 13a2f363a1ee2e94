//! Convolution transpose: every kernel is mirrored along its diagonal, and the network finds its way back on the
//! retained records.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;
use crate::nn::{Family, Model, ParamEntry};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "ct",
    summary: "transposes the height and width of every convolution's weights, on graphs the square projections, then \
              some epochs on the retained records",
    citation: "rank 5 of the NeurIPS 2023 unlearning competition; as CT in Cadet et al. 2024 (DeepUnlearn); on graphs \
               its transfer to projections, which no source has",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&Sgd::settings(
        ("2", "Learning rate as a multiple of the recipe's."),
        ("0.15", "Passes over the retained records as a part of the recipe's; the source has 3 of 50."),
        "cosine",
    )],
    build: |table| settings::build::<ConvTranspose>(&ROW, table),
};

/// For networks with square kernels. Layers that pass messages project, and no weight of theirs has a height and a
/// width: of a graph network every weight [n, n] is transposed, so that what came from one feature goes to it. The
/// weights stay what they are, in other places. Batch size, clipping and, unless set, weight decay are the recipe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ConvTranspose {
    #[serde(flatten)]
    sgd: Sgd,
}

/// Weights [out, in, side, side] of more than one place; of a graph network [side, side] too.
fn squares(model: &Model) -> impl Iterator<Item = &ParamEntry> {
    let graph = model.family() == Family::Gnn;
    model.layout.entries().iter().filter(move |e| match e.shape[..] {
        [_, _, high, wide] => high == wide && high > 1,
        [out, from] => graph && out == from && out > 1,
        _ => false,
    })
}

/// Swaps the last two axes of a kernel.
fn transpose(weights: &mut [f32], side: usize) {
    for picture in weights.chunks_exact_mut(side * side) {
        for i in 0..side {
            (0..i).for_each(|j| picture.swap(i * side + j, j * side + i));
        }
    }
}

impl Method for ConvTranspose {
    fn suits(&self, model: &Model) -> Result<()> {
        match squares(model).next() {
            Some(_) => Ok(()),
            None => Err(Error::input(
                "method `ct` transposes square kernels of convolutions or, of a graph network, square projections (two \
                 hidden layers of one width have one), and the network has none; use msg or finetune",
            )),
        }
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.suits(session.model)?;
        learn(session, view, &self.sgd.recipe(view.train), &[Read::RetainData], |session| {
            let mut theta = session.read_theta()?;
            for e in squares(session.model) {
                transpose(&mut theta[e.offset..e.offset + e.len], e.shape[e.shape.len() - 1]);
            }
            session.write_theta(&theta)?;
            Ok(Plan { tasks: vec![Task::retained(view, 1.0)], ..Plan::default() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_mirrored_along_its_diagonal() {
        let mut two: Vec<f32> = (0..8).map(|v| v as f32).collect();
        transpose(&mut two, 2);
        assert_eq!(two, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }
}
