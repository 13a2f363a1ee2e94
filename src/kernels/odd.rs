//! Cases with the numbers that f32 has beside ordinary ones, made of the families' own cases: a NaN, an infinite number or
//! nothing but subnormal ones in one input. What stands in an input must reach what depends on it, and nothing else.

use std::collections::BTreeMap;

use crate::engine::Data;
use crate::engine::case::{Case, CaseBuf, OnNan, Role};

/// What one input of a case holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    Nan,
    Infinite,
    Subnormal,
}

/// Inputs on which a comparison decides, by the beginning of a case's name and the buffer's. WGSL lets an implementation take a
/// comparison with NaN either way, return either side of `max(NaN, x)` (15.7.2: it may assume that there is none), and take
/// subnormal numbers for 0, so nobody promises what follows. Where a family must know (pool.max, guard, krylov) it reads the
/// bits, and has cases of its own.
const COMPARED: &[(&str, &[&str])] = &[
    ("map.unary Relu", &["x"]),
    ("map.unary Elu", &["x"]),
    ("map.unary_bwd Relu", &["x"]),
    ("map.unary_bwd Elu", &["x"]),
    ("map.unary_bwd_tangent Elu", &["v"]),
    ("map.relu_dropout ", &["x"]),
    ("map.relu_dropout_bwd", &["y"]),
    ("loss.soft_kl", &["t"]),
    ("loss.clip_rows", &["squares", "weight"]),
    ("reduce.argmax", &["x"]),
    ("pool.max ", &["x"]),
    ("graph.max ", &["x", "val"]),
    ("graph.max_balanced", &["x", "val"]),
    ("graph.segment_max", &["x"]),
    ("graph.norms", &["weight"]),
    ("graph.bce", &["weight"]),
    ("attention.softmax ", &["takes"]),
    ("attention.softmax_bwd", &["s_src", "s_dst"]),
    ("attention.spread", &["takes", "s_src", "s_dst"]),
    ("attention.centre", &["s_src", "s_dst"]),
    ("krylov.", &["state", "d", "q"]),
    ("edit.dampen", &["full", "forget"]),
    ("edit.threshold", &["num", "den"]),
    ("edit.clip", &["norm2"]),
    ("edit.rescale", &["den2"]),
    ("edit.noise", &["fisher"]),
    ("edit.variance", &["fisher"]),
    ("edit.precondition", &["fisher", "mean_fisher"]),
    ("edit.ewc", &["mean_fisher"]),
    ("edit.restore", &["m"]),
    ("solve.cholesky", &["a"]),
];

/// What must not be taken for 0: divisors, and logits of which the first largest one counts.
const NOT_ZERO: &[(&str, &[&str])] = &[
    ("solve.triangular", &["l"]),
    ("optim.adam", &["hyper"]),
    ("edit.dampen", &["one"]),
    ("loss.softmax_xent ", &["z"]),
];

/// Inputs of exponentials. SwiftShader's exp(NaN) is 0, as WGSL allows: what the NaN reaches may be anything, the rest may not.
const EXPONENTS: &[(&str, &[&str])] =
    &[("loss.", &["z"]), ("map.unary Sigmoid", &["x"]), ("attention.softmax ", &["s_src", "s_dst"])];

/// Weights of convolutions: what lies in the padding may be left out or be multiplied as a 0.
const BESIDE_PADDING: &[(&str, &[&str])] = &[("conv.conv2d", &["w"])];

/// Inputs of sums that a kernel takes apart in its own order, where one infinite number may become the difference of two.
const MERGED: &[(&str, &[&str])] = &[
    ("norm.stats", &["x", "gamma"]),
    ("norm.channel_tangent", &["gamma"]),
    ("conv.ghost_norm", &["x", "dy"]),
    ("attention.spread", &["s_src", "s_dst"]),
];

fn listed(list: &[(&str, &[&str])], case: &Case, buffer: &str) -> bool {
    list.iter().any(|(kernel, buffers)| case.name.starts_with(kernel) && buffers.contains(&buffer))
}

/// Whether every implementation must agree on a case with such an input.
fn decided(case: &Case, buffer: &str, odd: Odd) -> bool {
    let undecided: &[&[(&str, &[&str])]] = match odd {
        Odd::Nan => &[COMPARED, BESIDE_PADDING],
        Odd::Infinite => &[MERGED, BESIDE_PADDING],
        Odd::Subnormal => &[COMPARED, NOT_ZERO],
    };
    !undecided.iter().any(|list| listed(list, case, buffer))
}

/// Of each kernel with each set of override values a case with a NaN in each input; of each kernel one with an infinite number
/// and one with subnormal ones, in its inputs by turns.
pub(super) fn cases(plain: &[Case]) -> Vec<Case> {
    let mut all = Vec::new();
    for (case, first) in representatives(plain) {
        let fits = |odd| inputs(case).filter(move |(_, b)| decided(case, b.name, odd)).map(|(i, _)| i);
        all.extend(fits(Odd::Nan).map(|i| with(case, i, Odd::Nan)));
        if first {
            all.extend(fits(Odd::Infinite).step_by(2).map(|i| with(case, i, Odd::Infinite)));
            let subnormal = if fits(Odd::Subnormal).count() > 1 { 1 } else { 0 };
            all.extend(fits(Odd::Subnormal).skip(subnormal).step_by(2).map(|i| with(case, i, Odd::Subnormal)));
        }
    }
    all
}

/// The f32 buffers that hold something before the run.
fn inputs(case: &Case) -> impl Iterator<Item = (usize, &CaseBuf)> {
    let holds = |b: &CaseBuf| b.role != Role::Output && matches!(&b.init, Data::F32(v) if !v.is_empty());
    case.buffers.iter().enumerate().filter(move |(_, b)| holds(b))
}

/// Elements that each buffer should have, so that most results do not depend on the odd one.
const ENOUGH: usize = 5;

/// Overrides that are sizes, or add to what was there: every value is the same code as far as inputs go.
const SIZES: [&str; 5] = ["WG", "KH", "KW", "COLS", "ADD"];

/// The smallest cases that hold each kernel with each set of override values, and whether one is the first of some kernel.
fn representatives(plain: &[Case]) -> Vec<(&Case, bool)> {
    let size = |case: &Case| {
        let short = case.buffers.iter().filter(|b| b.init.bytes().len() / 4 < ENOUGH).count();
        (short, case.rec.dispatches().map(|d| d.flops.max(d.bytes)).sum::<u64>())
    };
    let mut smallest: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (i, case) in plain.iter().enumerate().filter(|(_, c)| c.test && !c.bench && !c.name.starts_with("guard.")) {
        for d in case.rec.dispatches() {
            let set: BTreeMap<_, _> =
                d.consts.iter().filter(|c| !SIZES.contains(&c.0)).map(|c| (c.0, c.1.to_bits())).collect();
            let best = smallest.entry((d.kernel.name, format!("{set:?}"))).or_insert(i);
            if size(case) < size(&plain[*best]) {
                *best = i;
            }
        }
    }
    let mut chosen: BTreeMap<usize, bool> = BTreeMap::new();
    let mut last = "";
    for ((kernel, _), i) in smallest {
        *chosen.entry(i).or_insert(false) |= kernel != last;
        last = kernel;
    }
    chosen.into_iter().map(|(i, first)| (&plain[i], first)).collect()
}

/// A case whose buffer `i` holds an odd number, or nothing but.
fn with(case: &Case, i: usize, odd: Odd) -> Case {
    let mut case = case.clone();
    let word = match odd {
        Odd::Nan => "NaN",
        Odd::Infinite => "infinity",
        Odd::Subnormal => "subnormal numbers",
    };
    case.name += &format!(" with {word} in {}", case.buffers[i].name);
    // Several inputs may have one name.
    let before = case.buffers[..i].iter().filter(|b| b.name == case.buffers[i].name).count();
    if before > 0 {
        case.name += &format!(" {before}");
    }
    case.on_nan = if listed(EXPONENTS, &case, case.buffers[i].name) { OnNan::Anything } else { OnNan::Same };
    if let Data::F32(v) = &mut case.buffers[i].init {
        let n = v.len();
        let middle = if n < 4 { 0 } else { n / 2 };
        match odd {
            // Several: one may be dropped, or win no maximum.
            Odd::Nan if n > 12 => [n / 5, n / 3, middle].iter().for_each(|at| v[*at] = f32::NAN),
            Odd::Nan => v[middle] = f32::NAN,
            Odd::Infinite => v[middle] = f32::INFINITY,
            // Whoever takes them for 0 is off by what a product makes of the smallest normal number.
            Odd::Subnormal => {
                v.iter_mut().for_each(|v| *v *= 1e-38);
                case.atol = case.atol.max(1e-34);
            }
        }
    }
    case
}
