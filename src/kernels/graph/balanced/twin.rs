//! CPU twins of the balanced forms.

use super::Chunked;
use crate::engine::TwinCall;

/// A row's entries cut where chunks end: each piece and its place in carry, none for a row that lies in one chunk.
fn pieces(ptr: &[u32], r: usize, span: u32) -> Vec<(std::ops::Range<usize>, Option<usize>)> {
    let (mut first, end) = (ptr[r], ptr[r + 1]);
    let mut all = Vec::new();
    while first < end {
        let (j, begins) = (first / span, first == ptr[r]);
        let cut = ((j + 1) * span).min(end);
        let slot = (!begins || cut < end).then_some(2 * j as usize + usize::from(begins));
        all.push((first as usize..cut as usize, slot));
        first = cut;
    }
    all
}

/// Bindings ptr idx perm val x bias y carry; see `spmm_balanced.wgsl`.
pub fn spmm(call: &mut TwinCall) {
    let p: Chunked = call.params();
    let (permuted, has_bias) = (call.set("PERM") == 1, call.set("BIAS") == 1);
    let [ptr, idx, perm, val, x, bias, y, carry] = call.bufs();
    let (ptr, idx, perm, val, x, bias) = (ptr.u(), idx.u(), perm.u(), val.f(), x.f(), bias.f());
    let (y, carry, cols) = (y.f_mut(), carry.f_mut(), p.cols as usize);
    carry.fill(0.0);
    for r in 0..p.rows as usize {
        for (entries, slot) in pieces(ptr, r, p.span) {
            for c in 0..cols {
                let value = |k: usize| val[if permuted { perm[k] as usize } else { k }];
                let sum: f64 = entries.clone().map(|k| value(k) * x[idx[k] as usize * cols + c]).sum();
                match slot {
                    Some(slot) => carry[slot * cols + c] = sum,
                    None => y[r * cols + c] = sum + rest(p.own, has_bias, x, bias, (r, c, cols)),
                }
            }
        }
    }
}

/// What a row gets besides the sum over its entries.
fn rest(own: f32, has_bias: bool, x: &[f64], bias: &[f64], (r, c, cols): (usize, usize, usize)) -> f64 {
    let own = if own == 0.0 { 0.0 } else { f64::from(own) * x[r * cols + c] };
    if has_bias { own + bias[c] } else { own }
}

/// Bindings ptr x bias carry y; see `spmm_fix.wgsl`.
pub fn fix(call: &mut TwinCall) {
    let p: Chunked = call.params();
    let has_bias = call.set("BIAS") == 1;
    let [ptr, x, bias, carry, y] = call.bufs();
    let (ptr, x, bias, carry, y, cols) = (ptr.u(), x.f(), bias.f(), carry.f(), y.f_mut(), p.cols as usize);
    for r in 0..p.rows as usize {
        let slots: Vec<_> = pieces(ptr, r, p.span).into_iter().map(|(_, slot)| slot).collect();
        if slots == [None] {
            continue;
        }
        for c in 0..cols {
            let sum: f64 = slots.iter().flatten().map(|slot| carry[slot * cols + c]).sum();
            y[r * cols + c] = sum + rest(p.own, has_bias, x, bias, (r, c, cols));
        }
    }
}

/// The first of the entries with the largest value.
fn winner(entries: impl Iterator<Item = u32> + Clone, value: impl Fn(u32) -> f64) -> u32 {
    let top = entries.clone().map(&value).reduce(f64::max);
    entries.into_iter().find(|k| Some(value(*k)) == top).unwrap_or(u32::MAX)
}

/// Bindings ptr idx val x arg carry; see `max_balanced.wgsl`.
pub fn max(call: &mut TwinCall) {
    let p: Chunked = call.params();
    let [ptr, idx, val, x, arg, carry] = call.bufs();
    let (ptr, idx, val, x, cols) = (ptr.u(), idx.u(), val.f(), x.f(), p.cols as usize);
    let (arg, carry) = (arg.u_mut(), carry.u_mut());
    carry.fill(u32::MAX);
    for r in 0..p.rows as usize {
        for (entries, slot) in pieces(ptr, r, p.span) {
            let taking_part = entries.map(|k| k as u32).filter(|k| val[*k as usize] != 0.0);
            for c in 0..cols {
                let at = winner(taking_part.clone(), |k| x[idx[k as usize] as usize * cols + c]);
                match slot {
                    Some(slot) => carry[slot * cols + c] = at,
                    None => arg[r * cols + c] = at,
                }
            }
        }
    }
}

/// Bindings ptr idx x carry arg y; see `max_fix.wgsl`.
pub fn max_fix(call: &mut TwinCall) {
    let p: Chunked = call.params();
    let [ptr, idx, x, carry, arg, y] = call.bufs();
    let (ptr, idx, x, carry, cols) = (ptr.u(), idx.u(), x.f(), carry.u(), p.cols as usize);
    let (arg, y) = (arg.u_mut(), y.f_mut());
    for at in 0..y.len() {
        let (r, c) = (at / cols, at % cols);
        let value = |k: u32| x[idx[k as usize] as usize * cols + c];
        let slots: Vec<_> = pieces(ptr, r, p.span).into_iter().map(|(_, slot)| slot).collect();
        if slots != [None] {
            let parts = slots.iter().flatten().map(|slot| carry[slot * cols + c]);
            arg[at] = winner(parts.filter(|k| *k != u32::MAX), value);
        }
        y[at] = if arg[at] == u32::MAX { 0.0 } else { value(arg[at]) };
    }
}

/// Bindings ptr idx perm arg dy dx carry; see `max_bwd_balanced.wgsl`.
pub fn max_bwd(call: &mut TwinCall) {
    let p: Chunked = call.params();
    let [ptr, idx, perm, arg, dy, dx, carry] = call.bufs();
    let (ptr, idx, perm, arg, dy, cols) = (ptr.u(), idx.u(), perm.u(), arg.u(), dy.f(), p.cols as usize);
    let (dx, carry) = (dx.f_mut(), carry.f_mut());
    carry.fill(0.0);
    for r in 0..p.rows as usize {
        for (entries, slot) in pieces(ptr, r, p.span) {
            for c in 0..cols {
                let won = entries.clone().filter(|k| arg[idx[*k] as usize * cols + c] == perm[*k]);
                let sum: f64 = won.map(|k| dy[idx[k] as usize * cols + c]).sum();
                match slot {
                    Some(slot) => carry[slot * cols + c] = sum,
                    None => dx[r * cols + c] = sum,
                }
            }
        }
    }
}
