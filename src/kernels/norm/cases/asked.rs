//! Normalisations of shapes asked for.

use super::{Case, NormShape, forward, input_gradient};
use crate::kernels::asked::{Op, short};

/// Groups of channels; a layer normalisation is one group of a row.
pub fn asked() -> Vec<Op> {
    let layer = |s: &[usize]| NormShape { n: s[0], c: s[1], p: 1, groups: 1, eps: 1e-5, centred: true };
    let groups = |s: &[usize]| -> Result<Vec<Case>, String> {
        let [n, c, p, groups] = [s[0], s[1], s[2], s[3]];
        match c.is_multiple_of(groups) {
            true => Ok(vec![forward(NormShape { n, c, p, groups, eps: 1e-5, centred: true }, 0.0)]),
            false => Err(format!("{c} channels cannot be split into {groups} groups")),
        }
    };
    vec![
        Op::new("layer_norm", "ROWSxWIDTH", "y = (x − mean) rstd γ + β over each row", &[1024, 768], move |s| {
            Ok(vec![forward(layer(s), 0.0)])
        }),
        Op::new("layer_norm_bwd", "ROWSxWIDTH", "its gradient in x", &[1024, 768], move |s| {
            Ok(vec![input_gradient(layer(s))])
        }),
        Op::new("group_norm", "NxCxPxGROUPS", "the same over groups of channels", &[64, 16, 196, 4], groups)
            .scaled(|s| vec![s[0].min(4), s[1], short(s[2]), s[3]]),
    ]
}
