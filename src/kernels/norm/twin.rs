//! CPU twins of the `norm` family.

use super::rows::{Elements, Fold, Groups, Means, Planes, Rows, Running, Shares, Spread};
use crate::engine::TwinCall;

/// Bindings x out; see `stats.wgsl`.
pub fn stats(call: &mut TwinCall) {
    let p: Rows = call.params();
    let (last, centred) = (call.set("FINAL") == 1, call.set("CENTRED") == 1);
    let [x, out] = call.bufs();
    let (x, out) = (x.f(), out.f_mut());
    let (len, lanes) = (p.len as usize, p.lanes as usize);
    for row in 0..p.rows as usize {
        for lane in 0..lanes {
            let share: Vec<f64> = x[row * len..(row + 1) * len].iter().skip(lane).step_by(lanes).copied().collect();
            let count = share.len().max(1) as f64;
            let mean = if centred { share.iter().sum::<f64>() / count } else { 0.0 };
            let m2: f64 = share.iter().map(|v| (v - mean).powi(2)).sum();
            let at = 2 * (row * lanes + lane);
            out[at] = mean;
            out[at + 1] = if last { 1.0 / (m2 / count + f64::from(p.eps)).sqrt() } else { m2 };
        }
    }
}

/// Bindings part stats; see `merge.wgsl`.
pub fn merge(call: &mut TwinCall) {
    let p: Rows = call.params();
    let [part, stats] = call.bufs();
    let (part, stats) = (part.f(), stats.f_mut());
    let (len, lanes) = (p.len as usize, p.lanes as usize);
    for row in 0..p.rows as usize {
        let share = |lane: usize| {
            let at = 2 * (row * lanes + lane);
            ((len - lane).div_ceil(lanes) as f64, part[at], part[at + 1])
        };
        let mean = (0..lanes).map(|l| share(l).0 * share(l).1).sum::<f64>() / len as f64;
        let m2: f64 = (0..lanes).map(share).map(|(n, m, m2)| m2 + n * (m - mean).powi(2)).sum();
        stats[2 * row] = mean;
        stats[2 * row + 1] = 1.0 / (m2 / len as f64 + f64::from(p.eps)).sqrt();
    }
}

/// Bindings x gamma beta stats y; see `apply.wgsl`.
pub fn apply(call: &mut TwinCall) {
    let p: Elements = call.params();
    let [x, gamma, beta, stats, y] = call.bufs();
    let (x, gamma, beta, stats, y) = (x.f(), gamma.f(), beta.f(), stats.f(), y.f_mut());
    for e in 0..p.len as usize {
        let plane = e / p.p as usize;
        let (channel, row) = (plane % p.c as usize, plane / p.per as usize);
        y[e] = (x[e] - stats[2 * row]) * stats[2 * row + 1] * gamma[channel] + beta[channel];
    }
}

/// Bindings x stats dy dgamma dbeta; see `channel.wgsl`.
pub fn channel(call: &mut TwinCall) {
    let p: Planes = call.params();
    let [x, stats, dy, dgamma, dbeta] = call.bufs();
    let (x, stats, dy) = (x.f(), stats.f(), dy.f());
    for plane in 0..p.planes as usize {
        let row = plane / p.per as usize;
        let at = plane * p.p as usize..(plane + 1) * p.p as usize;
        let xhat = |e: usize| (x[e] - stats[2 * row]) * stats[2 * row + 1];
        dgamma.f_mut()[plane] = at.clone().map(|e| dy[e] * xhat(e)).sum();
        dbeta.f_mut()[plane] = at.map(|e| dy[e]).sum();
    }
}

/// Bindings gamma dgamma dbeta m; see `row.wgsl`.
pub fn row(call: &mut TwinCall) {
    let p: Groups = call.params();
    let centred = call.set("CENTRED") == 1;
    let [gamma, dgamma, dbeta, m] = call.bufs();
    let (gamma, dgamma, dbeta, m) = (gamma.f(), dgamma.f(), dbeta.f(), m.f_mut());
    let (groups, per) = (p.groups as usize, p.per as usize);
    for row in 0..p.rows as usize {
        let mean = |g: &[f64]| {
            let sum: f64 = (0..per).map(|c| gamma[row % groups * per + c] * g[row * per + c]).sum();
            sum / (per * p.p as usize) as f64
        };
        (m[2 * row], m[2 * row + 1]) = (if centred { mean(dbeta) } else { 0.0 }, mean(dgamma));
    }
}

/// Bindings x gamma stats m dy dx; see `dx.wgsl`.
pub fn dx(call: &mut TwinCall) {
    let p: Elements = call.params();
    let [x, gamma, stats, m, dy, dx] = call.bufs();
    let (x, gamma, stats, m, dy, dx) = (x.f(), gamma.f(), stats.f(), m.f(), dy.f(), dx.f_mut());
    for e in 0..p.len as usize {
        let plane = e / p.p as usize;
        let row = plane / p.per as usize;
        let (mean, rstd) = (stats[2 * row], stats[2 * row + 1]);
        let scaled = gamma[plane % p.c as usize] * dy[e];
        dx[e] = rstd * (scaled - m[2 * row] - (x[e] - mean) * rstd * m[2 * row + 1]);
    }
}

/// Bindings x out r rout; see `stats_tangent.wgsl`.
pub fn stats_tangent(call: &mut TwinCall) {
    let p: Rows = call.params();
    let (last, centred) = (call.set("FINAL") == 1, call.set("CENTRED") == 1);
    let [x, out, r, rout] = call.bufs();
    let (x, out, r, rout) = (x.f(), out.f(), r.f(), rout.f_mut());
    let (len, lanes) = (p.len as usize, p.lanes as usize);
    for i in 0..p.rows as usize * lanes {
        let share: Vec<usize> = (i / lanes * len..(i / lanes + 1) * len).skip(i % lanes).step_by(lanes).collect();
        let count = share.len().max(1) as f64;
        let (mean, spread) = (out[2 * i], out[2 * i + 1]);
        let along = if centred { share.iter().map(|e| r[*e]).sum::<f64>() / count } else { 0.0 };
        let m2: f64 = share.iter().map(|e| 2.0 * (x[*e] - mean) * (r[*e] - along)).sum();
        rout[2 * i] = along;
        rout[2 * i + 1] = if last { -0.5 * spread.powi(3) * m2 / count } else { m2 };
    }
}

/// Bindings part stats rpart rstats; see `merge_tangent.wgsl`.
pub fn merge_tangent(call: &mut TwinCall) {
    let p: Rows = call.params();
    let [part, stats, rpart, rstats] = call.bufs();
    let (part, stats, rpart, rstats) = (part.f(), stats.f(), rpart.f(), rstats.f_mut());
    let (len, lanes) = (p.len as usize, p.lanes as usize);
    for row in 0..p.rows as usize {
        let count = |lane: usize| (len - lane).div_ceil(lanes) as f64;
        let at = |lane: usize| 2 * (row * lanes + lane);
        let along = (0..lanes).map(|l| count(l) * rpart[at(l)]).sum::<f64>() / len as f64;
        let (mean, rstd) = (stats[2 * row], stats[2 * row + 1]);
        let term = |l: usize| rpart[at(l) + 1] + 2.0 * count(l) * (part[at(l)] - mean) * (rpart[at(l)] - along);
        let m2: f64 = (0..lanes).map(term).sum();
        rstats[2 * row] = along;
        rstats[2 * row + 1] = -0.5 * rstd.powi(3) * m2 / len as f64;
    }
}

/// Bindings x gamma stats r rgamma rbeta rstats ry; see `apply_tangent.wgsl`.
pub fn apply_tangent(call: &mut TwinCall) {
    let p: Elements = call.params();
    let [x, gamma, stats, r, rgamma, rbeta, rstats, ry] = call.bufs();
    let (x, gamma, stats, r) = (x.f(), gamma.f(), stats.f(), r.f());
    let (rgamma, rbeta, rstats, ry) = (rgamma.f(), rbeta.f(), rstats.f(), ry.f_mut());
    for e in 0..p.len as usize {
        let plane = e / p.p as usize;
        let (c, row) = (plane % p.c as usize, plane / p.per as usize);
        let (xhat, rxhat) = normalised(x[e], &stats[2 * row..], r[e], &rstats[2 * row..]);
        ry[e] = rxhat * gamma[c] + xhat * rgamma[c] + rbeta[c];
    }
}

/// (x − mean) rstd and its derivative.
fn normalised(x: f64, stats: &[f64], r: f64, rstats: &[f64]) -> (f64, f64) {
    ((x - stats[0]) * stats[1], (r - rstats[0]) * stats[1] + (x - stats[0]) * rstats[1])
}

/// Bindings x stats dy r rstats rdy rdgamma rdbeta; see `channel_tangent.wgsl`.
pub fn channel_tangent(call: &mut TwinCall) {
    let p: Planes = call.params();
    let [x, stats, dy, r, rstats, rdy, rdgamma, rdbeta] = call.bufs();
    let (x, stats, dy, r, rstats, rdy) = (x.f(), stats.f(), dy.f(), r.f(), rstats.f(), rdy.f());
    for plane in 0..p.planes as usize {
        let row = plane / p.per as usize;
        let at = plane * p.p as usize..(plane + 1) * p.p as usize;
        let term = |e: usize| {
            let (xhat, rxhat) = normalised(x[e], &stats[2 * row..], r[e], &rstats[2 * row..]);
            rdy[e] * xhat + dy[e] * rxhat
        };
        rdgamma.f_mut()[plane] = at.clone().map(term).sum();
        rdbeta.f_mut()[plane] = at.map(|e| rdy[e]).sum();
    }
}

/// Bindings x gamma stats m dy r rstats out; see `dx_tangent.wgsl`.
pub fn dx_tangent(call: &mut TwinCall) {
    let p: Elements = call.params();
    let [x, gamma, stats, m, dy, r, rstats, out] = call.bufs();
    let (x, gamma, stats, m, dy, r, rstats) = (x.f(), gamma.f(), stats.f(), m.f(), dy.f(), r.f(), rstats.f());
    for e in 0..p.len as usize {
        let plane = e / p.p as usize;
        let row = plane / p.per as usize;
        let (rstd, rrstd) = (stats[2 * row + 1], rstats[2 * row + 1]);
        let (xhat, rxhat) = normalised(x[e], &stats[2 * row..], r[e], &rstats[2 * row..]);
        let inner = gamma[plane % p.c as usize] * dy[e] - m[2 * row] - xhat * m[2 * row + 1];
        out.f_mut()[e] += rrstd * inner - rstd * rxhat * m[2 * row + 1];
    }
}

/// Bindings part out; see `fold.wgsl`.
pub fn fold(call: &mut TwinCall) {
    let p: Fold = call.params();
    let mode = call.set("MODE");
    let [part, out] = call.bufs();
    let (part, out) = (part.f(), out.f_mut());
    let (n, c) = (p.n as usize, p.c as usize);
    if mode == 2 {
        (0..n * c).for_each(|i| out[i / c * p.stride as usize + i % c] = part[i]);
        return;
    }
    let block = p.block as usize;
    for (i, out) in out.iter_mut().enumerate().take(n.div_ceil(block).max(1) * c) {
        let column = part.iter().skip(i / c * block * c + i % c).step_by(c).take(block.min(n - i / c * block));
        let sum: f64 = column.map(|g| if mode == 1 { g * g } else { *g }).sum();
        let before = if p.beta == 0.0 { 0.0 } else { f64::from(p.beta) * *out };
        *out = f64::from(p.alpha) * sum + before;
    }
}

/// Bindings part mean variance; see `batch.wgsl`.
pub fn batch(call: &mut TwinCall) {
    let p: Shares = call.params();
    let [part, mean, variance] = call.bufs();
    let (part, mean, variance) = (part.f(), mean.f_mut(), variance.f_mut());
    let (n, c, len, lanes) = (p.n as usize, p.c as usize, p.len as usize, p.lanes as usize);
    let all = ((n * len) as f64).max(1.0);
    for channel in 0..c {
        let share = |record: usize, lane: usize| {
            let at = 2 * ((record * c + channel) * lanes + lane);
            ((lane..len).step_by(lanes).count() as f64, part[at], part[at + 1])
        };
        let shares: Vec<_> = (0..n).flat_map(|record| (0..lanes).map(move |lane| (record, lane))).collect();
        let found = || shares.iter().map(|(record, lane)| share(*record, *lane));
        let m = found().map(|(held, m, _)| held * m).sum::<f64>() / all;
        mean[channel] = m;
        variance[channel] = found().map(|(held, own, m2)| m2 + held * (own - m).powi(2)).sum::<f64>() / all;
    }
}

/// Bindings mean variance stats; see `spread.wgsl`.
pub fn spread(call: &mut TwinCall) {
    let p: Spread = call.params();
    let [mean, variance, stats] = call.bufs();
    let (mean, variance, stats) = (mean.f(), variance.f(), stats.f_mut());
    for i in 0..(p.n * p.c) as usize {
        let c = i % p.c as usize;
        (stats[2 * i], stats[2 * i + 1]) = (mean[c], 1.0 / (variance[c] + f64::from(p.eps)).sqrt());
    }
}

/// Bindings mean variance state; see `running.wgsl`.
pub fn running(call: &mut TwinCall) {
    let p: Running = call.params();
    let [mean, variance, state] = call.bufs();
    let (mean, variance, state) = (mean.f(), variance.f(), state.f_mut());
    let momentum = f64::from(p.momentum);
    for c in 0..p.c as usize {
        let at = p.spread as usize + c;
        state[c] = (1.0 - momentum) * state[c] + momentum * mean[c];
        state[at] = (1.0 - momentum) * state[at] + momentum * f64::from(p.unbiased) * variance[c];
    }
    if p.c > 0 {
        state[p.batches as usize] += 1.0;
    }
}

/// Bindings gamma dgamma dbeta m; see `batch_row.wgsl`.
pub fn batch_row(call: &mut TwinCall) {
    let p: Means = call.params();
    let [gamma, dgamma, dbeta, m] = call.bufs();
    let (gamma, dgamma, dbeta, m) = (gamma.f(), dgamma.f(), dbeta.f(), m.f_mut());
    for i in 0..(p.n * p.c) as usize {
        let c = i % p.c as usize;
        let scale = f64::from(p.share) * gamma[c];
        (m[2 * i], m[2 * i + 1]) = (scale * dbeta[c], scale * dgamma[c]);
    }
}
