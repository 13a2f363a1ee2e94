//! Cases with the numbers that f32 has beside ordinary ones, made of the families' own cases: a NaN, an infinite number
//! or nothing but subnormal ones in one input. What stands in an input must reach what depends on it, and nothing else.

use std::collections::BTreeMap;

use crate::engine::Data;
use crate::engine::case::{Case, CaseBuf, Hazard, OnNan, Role};

/// What one input of a case holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    Nan,
    Infinite,
    Subnormal,
}

/// Whether every implementation must agree on a case with such an input.
fn decided(input: &CaseBuf, odd: Odd) -> bool {
    let undecided: &[Hazard] = match odd {
        Odd::Nan => &[Hazard::Compared, Hazard::Padding],
        Odd::Infinite => &[Hazard::Merged, Hazard::Padding],
        Odd::Subnormal => &[Hazard::Compared, Hazard::NotZero],
    };
    !input.hazards.iter().any(|hazard| undecided.contains(hazard))
}

/// Of each kernel with each set of override values a case with a NaN in each input; of each kernel one with an infinite
/// number and one with subnormal ones, in its inputs by turns.
pub(super) fn cases(plain: &[Case]) -> Vec<Case> {
    let mut all = Vec::new();
    for (case, first) in representatives(plain) {
        let fits = |odd| inputs(case).filter(move |(_, b)| decided(b, odd)).map(|(i, _)| i);
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

/// Overrides that are sizes, say which way operands lie, or add to what was there: every value is the same code as far
/// as inputs go.
const SIZES: [&str; 13] =
    ["WG", "KH", "KW", "KX", "KY", "BM", "BN", "BK", "DOUBLE", "COLS", "ADD", "A_ALONG_K", "B_ALONG_N"];

/// The smallest cases that hold each kernel with each set of override values, and whether one is the first of some
/// kernel.
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
    case.on_nan = if case.buffers[i].hazards.contains(&Hazard::Exponent) { OnNan::Anything } else { OnNan::Same };
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
