//! Convolutions of shapes asked for.

use super::*;
use crate::engine::Recording;
use crate::kernels::asked::Op;

const DIMS: &str = "NxCINxHxWxCOUTxKxSTRIDExPADDINGxGROUPS";

/// The forms of a kernel, the plain one first.
fn forms(plain: &'static Kernel) -> impl Iterator<Item = &'static Kernel> {
    KERNELS.iter().copied().filter(move |k| std::ptr::eq(k.plain(), plain))
}

/// Square windows; where the last numbers are missing, stride 1, half the kernel as padding, one group.
fn shape(s: &[usize]) -> Result<ConvShape, String> {
    let at = |i: usize, otherwise: usize| s.get(i).copied().unwrap_or(otherwise);
    let pair = |v: usize| hw([v as u32; 2]);
    let (kernel, stride, padding) = (pair(s[5]), pair(at(6, 1)), pair(at(7, s[5] / 2)));
    let shape = ConvShape {
        kernel,
        stride,
        padding,
        groups: at(8, 1),
        ..ConvShape::plain(s[0], s[1], s[2], s[3], s[4], kernel)
    };
    shape.out().map(|_| shape)
}

/// Fewer records, pixels and channels; strides, windows, groups and what is ragged stay.
fn small(s: &[usize]) -> Vec<usize> {
    let mut all = s.to_vec();
    let groups = s.get(8).copied().unwrap_or(1);
    all[0] = s[0].min(3);
    for i in [2, 3] {
        all[i] = if s[i] > 32 { 24 + s[i] % 8 } else { s[i] };
    }
    for i in [1, 4] {
        let each = s[i] / groups.max(1);
        all[i] = if each > 48 { groups * (32 + each % 16) } else { s[i] };
    }
    all
}

/// Forward, both gradients, the sum of squares of records' own gradients, and their norms.
pub fn asked() -> Vec<Op> {
    let chosen = |s: &ConvShape| Chunks::of(s);
    let weights = move |square: bool| {
        move |s: &ConvShape| forms(&CONV2D_BWD_W).map(|k| weight_gradient(k, s, chosen(s), square)).collect()
    };
    vec![
        of(
            "conv2d_fwd",
            "y = conv(x, w) + b",
            |s| forms(&CONV2D).map(|k| forward(k, s, true)).collect(),
            |rec, s| {
                let (x, w, y) = (rec.temp("x", size(s.x())), rec.temp("w", s.weights()), rec.temp("y", size(s.y())));
                let b = rec.temp("b", s.co);
                conv2d(rec, s, x, w, Some(b), y);
            },
        ),
        of(
            "conv2d_bwd_x",
            "the gradient in x",
            |s| forms(&CONV2D_BWD_X).map(|k| input_gradient(k, s)).collect(),
            |rec, s| {
                let (w, dy) = (rec.temp("w", s.weights()), rec.temp("dy", size(s.y())));
                let dx = rec.temp("dx", size(s.x()));
                conv2d_bwd_x(rec, s, w, dy, dx);
            },
        ),
        of("conv2d_bwd_w", "the gradient in w, in chunks of records", weights(false), |rec, s| recorded(rec, s, false)),
        of("conv2d_square", "Σ over records of their own squared gradients in w", weights(true), |rec, s| {
            recorded(rec, s, true);
        }),
        of(
            "conv2d_norms",
            "the squared length of each record's own gradient in w",
            |s| forms(&CONV2D_BWD_W).chain([&GHOST_NORM]).map(|k| norms(k, s)).collect(),
            |rec, s| {
                let (x, dy) = (rec.temp("x", size(s.x())), rec.temp("dy", size(s.y())));
                let out = rec.temp("norms", s.n);
                conv2d_norms(rec, s, x, dy, out);
            },
        ),
    ]
}

fn size<const N: usize>(dims: [usize; N]) -> usize {
    dims.iter().product()
}

fn recorded(rec: &mut Recording, s: &ConvShape, square: bool) {
    let (x, dy, chunks) = (rec.temp("x", size(s.x())), rec.temp("dy", size(s.y())), Chunks::of(s));
    let dw = rec.temp("dw", chunks.count * s.weights());
    conv2d_bwd_w(rec, s, x, dy, dw, WeightGrad { chunks, stride: s.weights(), square });
}

fn of(
    name: &'static str,
    about: &'static str,
    all: impl Fn(&ConvShape) -> Vec<Case> + 'static,
    record: fn(&mut Recording, &ConvShape),
) -> Op {
    let op = Op::new(name, DIMS, about, &[64, 6, 14, 14, 16, 5, 1, 0], move |s| shape(s).map(|s| all(&s)));
    op.optional(3).zero(7).scaled(small).chosen(move |mut rec, s| {
        if let Ok(s) = shape(s) {
            record(&mut rec, &s);
        }
        rec
    })
}
