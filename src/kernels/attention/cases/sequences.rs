//! Cases of sequences: attention within them, and positions.

use crate::engine::case::{Case, Gen, Hazard};
use crate::engine::{Buf, Target};
use crate::kernels::attention::{Sequences, Within, aligned, positions, rotate, within, within_bwd};
use crate::kernels::tangent::along;

/// Lengths of sequences, and rows of nobody behind them.
#[derive(Clone, Debug)]
pub(super) struct Ragged {
    lengths: Vec<usize>,
    nobody: usize,
}

impl Ragged {
    fn new(lengths: &[usize], nobody: usize) -> Ragged {
        Ragged { lengths: lengths.to_vec(), nobody }
    }

    fn rows(&self) -> usize {
        self.lengths.iter().sum::<usize>() + self.nobody
    }

    fn longest(&self) -> usize {
        self.lengths.iter().copied().max().unwrap_or(0)
    }

    fn name(&self) -> String {
        match self.lengths.len() {
            0..8 => format!("{:?} and {}", self.lengths, self.nobody).replace(", ", ","),
            n => format!("{n} of {} and {}", self.longest(), self.nobody),
        }
    }

    fn put(&self, case: &mut Case) -> Sequences {
        let ends = self.lengths.iter().scan(0, |end, n| {
            *end += *n as u32;
            Some(*end)
        });
        let ptr = std::iter::once(0).chain(ends).collect();
        let each = self.lengths.iter().zip(0..).flat_map(|(n, b)| std::iter::repeat_n(b, *n));
        let of = each.chain(std::iter::repeat_n(u32::MAX, self.nobody)).collect();
        let (ptr, of) = (case.input_u32("ptr", ptr), case.input_u32("seg", of));
        Sequences { ptr, of, longest: self.longest() }
    }
}

/// Heads, heads of keys and values, width.
type Size = [usize; 3];

pub(super) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let some = [
        (Ragged::new(&[1], 0), [1, 1, 4]),
        (Ragged::new(&[2, 17], 3), [3, 1, 8]),
        (Ragged::new(&[3, 0, 5, 1], 2), [4, 2, 12]),
        (Ragged::new(&[64, 65], 0), [2, 2, 16]),
        (Ragged::new(&[], 5), [3, 3, 4]),
        (Ragged::new(&[], 0), [1, 1, 4]),
    ];
    for (rows, size) in &some {
        all.extend([false, true].iter().flat_map(|causal| at(rows, *size, *causal)));
        all.extend(places(rows, size[0], size[2]));
    }
    all.extend(at(&Ragged::new(&[257, 30], 1), [1, 1, 8], true));
    all.extend(at(&Ragged::new(&[9], 0), [1, 1, 128], false));
    all.push(scored(Target::default(), &Ragged::new(&[40], 0), [1, 1, 8], true, 60.0));
    for (rows, size) in [(&some[1].0, [3, 1, 8]), (&some[2].0, [4, 2, 12]), (&Ragged::new(&[9, 1, 6, 4], 1), [2, 2, 4])]
    {
        all.extend([false, true].iter().flat_map(|causal| moving(rows, size, *causal)));
    }
    // A row of edges that is cut into pieces.
    all.extend(moving(&Ragged::new(&[257], 0), [1, 1, 4], true));
    let many = Ragged::new(&[3; 22_003], 7);
    all.extend(at(&many, [1, 1, 4], true).map(Case::folded));
    all.extend(places(&many, 1, 2).map(Case::folded));
    all.extend(moving(&Ragged::new(&[2; 17_003], 2), [2, 2, 4], false).map(Case::folded));
    all.extend(forms(&Ragged::new(&[31, 1, 8], 3), [4, 2, 8]));
    all.extend(forms(&some[2].0, [2, 1, 4]));
    all.extend(broadcast(&Ragged::new(&[3; 22_003], 7), [8, 8, 4]).into_iter().filter(causal).map(Case::folded));
    let batch = Ragged::new(&[256; 8], 0);
    all.extend(at(&batch, [4, 4, 32], true).map(Case::timed));
    all.extend(forms(&batch, [4, 4, 32]).into_iter().map(Case::only_timed));
    all
}

pub(super) fn random(g: &mut Gen) -> Vec<Case> {
    let lengths: Vec<usize> = (0..g.size(1, 6)).map(|_| g.below(40)).collect();
    let rows = Ragged::new(&lengths, g.below(5));
    let (kv_heads, share, causal) = (g.size(1, 3), g.size(1, 3), g.below(2) == 0);
    let size = [kv_heads * share, kv_heads, 4 * g.size(1, 9)];
    let mut all: Vec<Case> = at(&rows, size, causal).into();
    all.extend(places(&rows, size[0], size[2]));
    all.extend(moving(&rows, size, causal));
    all
}

/// Both passes in the form of an adapter, the backward one under the name of each of its kernels.
fn formed(target: Target, rows: &Ragged, size: Size) -> Vec<Case> {
    let each = [false, true].map(|causal| {
        let second = backward(target, rows, size, causal);
        let third = Case { name: second.name.replace("bwd_q", "bwd_kv"), ..second.clone() };
        [scored(target, rows, size, causal, 1.0), second, third]
    });
    each.into_iter().flatten().map(|case| Case { name: format!("{} in both forms", case.name), ..case }).collect()
}

/// The plain form and that for software adapters.
fn forms(rows: &Ragged, size: Size) -> Vec<Case> {
    let mut all = formed(Target::default(), rows, size);
    all.extend(broadcast(rows, size));
    all
}

fn causal(case: &Case) -> bool {
    case.name.contains("causal")
}

/// The form for software adapters.
fn broadcast(rows: &Ragged, size: Size) -> Vec<Case> {
    let named = |case: Case| {
        let kernels = ["attention.within_bwd_kv", "attention.within_bwd_q", "attention.within"];
        let found = kernels.iter().find_map(|kernel| Some((kernel, case.name.strip_prefix(kernel)?)));
        let name = found.map_or(String::new(), |(kernel, rest)| format!("{kernel}_broadcast{rest}"));
        // What some rows of a block look at, the others read too, and multiply by 0.
        let own: &[&str] = if name.contains("bwd") { &["q", "k", "v", "y", "dy", "lse"] } else { &["q", "k", "v"] };
        Case { name, ..case }.hazard(Hazard::Padding, own)
    };
    formed(Target::software(8), rows, size).into_iter().map(named).collect()
}

fn new(target: Target, kernel: &str, rows: &Ragged, [heads, kv_heads, width]: Size, causal: bool) -> (Case, Gen) {
    let form = if causal { "causal" } else { "both ways" };
    let name = format!("attention.{kernel} {} heads {heads} of {kv_heads} width {width} {form}", rows.name());
    (Case::new(name, target), Gen::new((rows.rows() * 31 + heads * 7 + width) as u64))
}

fn looks(case: &mut Case, rows: &Ragged, [heads, kv_heads, width]: Size, causal: bool) -> Within {
    Within { sequences: rows.put(case), heads, kv_heads, width, causal }
}

/// q, k and v; scores spread over (−4, 4), and `times` that.
fn operands(case: &mut Case, g: &mut Gen, rows: &Ragged, [heads, kv_heads, width]: Size, times: f32) -> [Buf<f32>; 3] {
    let mut input = |name, heads: usize, by: f32| {
        let values = g.values(rows.rows() * heads * width).iter().map(|v| by * v).collect();
        case.input(name, values)
    };
    [input("q", heads, 3.0 * times), input("k", kv_heads, 2.0), input("v", kv_heads, 1.0)]
}

pub(super) fn at(rows: &Ragged, size: Size, causal: bool) -> [Case; 2] {
    [forward(rows, size, causal), backward(Target::default(), rows, size, causal)]
}

fn forward(rows: &Ragged, size: Size, causal: bool) -> Case {
    scored(Target::default(), rows, size, causal, 1.0)
}

/// Scores so many times as wide: exponentials overflow and underflow unless the maximum is taken off.
fn scored(target: Target, rows: &Ragged, size: Size, causal: bool, times: f32) -> Case {
    let kernel = if times == 1.0 { "within" } else { "within wide" };
    let (mut case, mut g) = new(target, kernel, rows, size, causal);
    let w = looks(&mut case, rows, size, causal);
    let [q, k, v] = operands(&mut case, &mut g, rows, size, times);
    let (y, lse) = (case.output("y", q.len), case.output("lse", rows.rows() * size[0]));
    within(&mut case.rec, &w, [q, k, v], y, lse);
    let case = case.hazard(Hazard::Compared, &["q", "k"]).hazard(Hazard::Exponent, &["q", "k"]);
    // An exponential carries the rounding of its argument.
    case.hazard(Hazard::Merged, &["q", "k", "v"])
        .contracting()
        .tolerance(f64::from(times) * 2e-5, f64::from(times) * 1e-5)
}

/// From what is plausible for y and lse: the gradient must follow what it is given.
fn backward(target: Target, rows: &Ragged, size: Size, causal: bool) -> Case {
    let (mut case, mut g) = new(target, "within_bwd_q", rows, size, causal);
    let w = looks(&mut case, rows, size, causal);
    let operands = operands(&mut case, &mut g, rows, size, 1.0);
    let [queries, keys] = [operands[0].len, operands[1].len];
    let (y, dy) = (case.input("y", g.values(queries)), case.input("dy", g.values(queries)));
    let top = (rows.longest().max(1) as f32).ln() + 1.5;
    let lse = case.input("lse", g.between(rows.rows() * size[0], top, top + 1.0));
    let [dq, dk, dv] = [("dq", queries), ("dk", keys), ("dv", keys)].map(|(name, len)| case.output(name, len));
    within_bwd(&mut case.rec, &w, operands, [y, lse, dy], [dq, dk, dv]);
    let case = case.hazard(Hazard::Exponent, &["q", "k", "lse"]).hazard(Hazard::Merged, &["q", "k", "v", "y", "dy"]);
    // The slope of a score is a small difference of sums, and llvmpipe rounds those otherwise with guards than without.
    case.contracting().tolerance(3e-5, 1e-5 * (rows.longest() as f64).sqrt().max(2.0))
}

/// The derivatives of both passes.
fn moving(rows: &Ragged, size: Size, causal: bool) -> [Case; 2] {
    let [forward, backward] = at(rows, size, causal);
    let named = |case: &Case, from, to| case.name.replace(from, to);
    let (first, second) = (
        named(&forward, "attention.within", "attention.within_weights"),
        named(&backward, "attention.within_bwd_q", "attention.within_edges"),
    );
    let off = 3e-5 * (rows.longest() as f64).sqrt().max(2.0);
    [along(forward, first, 3).tolerance(5e-5, off), along(backward, second, 4).tolerance(5e-5, 4.0 * off)]
}

fn places(rows: &Ragged, heads: usize, width: usize) -> [Case; 4] {
    let turned = [false, true].map(|back| {
        let note = format!("{} heads {heads} width {width}{}", rows.name(), if back { " back" } else { "" });
        let mut case = Case::new(format!("attention.rotate {note}"), Target::default());
        let mut g = Gen::new((rows.rows() + width) as u64);
        let sequences = rows.put(&mut case);
        let x = case.input("x", g.values(rows.rows() * heads * width));
        let y = case.output("y", x.len);
        rotate(&mut case.rec, &sequences, x, y, heads, width, 10_000.0, back);
        // The angle is a rounded product: it is off by as much as the position is large.
        case.tolerance(1e-6, 1e-6 + 5e-7 * rows.longest() as f64)
    });
    let mut index = Case::new(format!("attention.positions {} for {width}", rows.name()), Target::default());
    let sequences = rows.put(&mut index);
    let to = index.output("places", rows.rows());
    positions(&mut index.rec, &sequences, to);
    let mut side = Case::new(format!("attention.aligned {} for {width}", rows.name()), Target::default());
    let (sequences, length) = (rows.put(&mut side), rows.longest() / 2 + 3);
    let to = side.output("rows", sequences.count() * length);
    aligned(&mut side.rec, sequences.ptr, to, length);
    let [there, back] = turned;
    [there, back, index, side]
}
