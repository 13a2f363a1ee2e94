//! Activations and pools as ONNX has them, where that is more than one operator of their name.

use super::graph::{Attribute, Graph};
use super::settings::Settings;

/// Writes an activation over x; the name of its result.
pub(super) fn activation(g: &mut Graph, kind: &str, keys: &Settings, x: &str) -> String {
    match kind {
        "silu" => {
            let gate = g.node("Sigmoid", &[x], &[]);
            g.node("Mul", &[x, &gate], &[])
        }
        "leaky_relu" => g.node("LeakyRelu", &[x], &[Attribute::Float("alpha", keys.float("slope"))]),
        "hard_swish" => g.node("HardSwish", &[x], &[]),
        "relu6" => {
            let (least, most) = (g.float(0.0), g.float(6.0));
            g.node("Clip", &[x, &least, &most], &[])
        }
        _ => {
            // The operator has beta 1 and no threshold.
            let (beta, threshold) = (g.float(keys.float("beta")), g.float(keys.float("threshold")));
            let sharp = g.node("Mul", &[x, &beta], &[]);
            let soft = g.node("Softplus", &[&sharp], &[]);
            let soft = g.node("Div", &[&soft, &beta], &[]);
            let beyond = g.node("Greater", &[&sharp, &threshold], &[]);
            g.node("Where", &[&beyond, x, &soft], &[])
        }
    }
}

/// The mean of each bin: windows side by side, or where bins overlap a product with each side's shares.
pub(super) fn adaptive(g: &mut Graph, to: [i64; 2], x: &str, input: &[usize]) -> String {
    let sides: Vec<(usize, usize)> = match *input {
        [_, length] => vec![(length, to[1] as usize)],
        _ => vec![(input[1], to[0] as usize), (input[2], to[1] as usize)],
    };
    if sides.iter().all(|(from, to)| from.is_multiple_of(*to)) {
        let window: Vec<i64> = sides.iter().map(|(from, to)| (from / to) as i64).collect();
        let attributes = [Attribute::Ints("kernel_shape", &window), Attribute::Ints("strides", &window)];
        return g.node("AveragePool", &[x], &attributes);
    }
    let mut y = x.to_owned();
    if let [(from, to), _] = sides[..] {
        let down = g.anonymous(&[to, from], &shares(from, to));
        y = g.node("MatMul", &[&down, &y], &[]);
    }
    // [width, places]: the transpose of what the other side has.
    let (width, places) = sides[sides.len() - 1];
    let along = shares(width, places);
    let turned: Vec<f32> = (0..width * places).map(|i| along[i % places * width + i / places]).collect();
    let along = g.anonymous(&[width, places], &turned);
    g.node("MatMul", &[&y, &along], &[])
}

/// What each of `to` bins takes of each of `from` elements, [to, from].
fn shares(from: usize, to: usize) -> Vec<f32> {
    let row = |at: usize| {
        let (first, end) = (at * from / to, ((at + 1) * from).div_ceil(to));
        (0..from).map(move |i| if (first..end).contains(&i) { 1.0 / (end - first) as f32 } else { 0.0 })
    };
    (0..to).flat_map(row).collect()
}
