//! Planted shader faults: each must be caught by some case of its kernel, or the cases are too weak.

use libtest_mimic::{Failed, Trial};
use unlearn::engine::Engine;
use unlearn::engine::case::Case;
use unlearn::harness::check::fault::{mutated, replace};
use unlearn::harness::trial::{Outcome, expected, trial_against};
use unlearn::kernels;

use crate::adapters::Shared;

/// A change of a kernel's source, and what it breaks.
struct Mutant {
    kernel: &'static str,
    what: &'static str,
    from: &'static str,
    to: &'static str,
}

const fn mutant(kernel: &'static str, what: &'static str, from: &'static str, to: &'static str) -> Mutant {
    Mutant { kernel, what, from, to }
}

static FAULTS: &[Mutant] = &[
    mutant("map.unary_bwd_tangent", "gelu bends the wrong way", "(2.0 - u * u)", "(2.0 + u * u)"),
    mutant(
        "map.unary_bwd_tangent",
        "elu bends on the right",
        "vec4<f32>(0.0), u > vec4<f32>(0.0)",
        "vec4<f32>(1.0), u > vec4<f32>(0.0)",
    ),
    mutant("map.unary_bwd_tangent", "overwrites where it must add", "sum += out[i];", ""),
    mutant("loss.softmax_xent_tangent", "mean not taken off", "- own - mean", "- own"),
    mutant("loss.softmax_xent_tangent", "no maximum subtracted", "exp(z[row + c] - top)", "exp(z[row + c])"),
    mutant("loss.softmax_xent_tangent", "rows that do not count", "COUNTED == 1u", "COUNTED == 2u"),
    mutant("norm.stats_tangent", "spread does not move", "-rstd * rstd * rstd * joint / count", "0.0"),
    mutant("norm.stats_tangent", "half of a share's spread", "2.0 * joint", "joint"),
    mutant("norm.merge_tangent", "shares' means taken for equal", "2.0 * count(l)", "0.0 * count(l)"),
    mutant("norm.apply_tangent", "scale does not move", "+ rstd * rgamma[c]", ""),
    mutant("norm.apply_tangent", "shift does not move", "rstd * gamma[c], rbeta[c])", "rstd * gamma[c], 0.0)"),
    mutant(
        "norm.channel_tangent",
        "spread does not move",
        "+ v * bend);\n        plain += rd",
        ");\n        plain += rd",
    ),
    mutant(
        "norm.channel_tangent",
        "tail forgets the gradient's own",
        "scaled.x += rdy[e] * (v * rstd) +",
        "scaled.x +=",
    ),
    mutant("norm.dx_tangent", "spread enters once", "-2.0 * bend", "-1.0 * bend"),
    mutant("norm.dx_tangent", "overwrites where it must add", "out[i] += w", "out[i] = w"),
    mutant("attention.spread", "target for source", "src[idx[e] * p.heads + h]", "src[w.x * p.heads + h]"),
    mutant("attention.leak", "slope on the wrong side", "+ dst <= 0.0", "+ dst > 0.0"),
    mutant("attention.centre", "mean not taken off", "x[at] - middle", "x[at]"),
    mutant("attention.centre", "pieces for rows", "mean[w.x * p.heads + h]", "mean[i % arrayLength(&mean)]"),
    mutant("pool.max_tangent", "place in the next plane", "r[i / p.outputs * p.inputs", "r[i / p.inputs * p.inputs"),
    mutant("graph.max_tangent", "entries taken for rows", "at = idx[at];", ""),
    mutant("graph.max_tangent", "nobody taken for the first", "ry[i] = 0.0;", "ry[i] = 1.0;"),
    mutant("linear.matmul", "first element skipped", "* WG + lid;", "* WG + lid + 1u;"),
    mutant("linear.matmul", "b transposed", "b[k * p.b_k + col * p.b_n]", "b[col * p.b_k + k * p.b_n]"),
    mutant("linear.matmul", "no bias", "if (BIAS == 1u)", "if (BIAS == 2u)"),
    mutant("linear.matmul", "bias by row", "bias[col]", "bias[row]"),
    mutant("linear.matmul", "lost scale", "p.alpha * sum", "sum"),
    mutant("linear.matmul", "last row missing", "if (i >= p.m * p.n)", "if (i + p.n >= p.m * p.n)"),
    mutant("linear.matmul", "nothing written", "y[i] = out;", ""),
    mutant("linear.matmul", "NaN written", "y[i] = out;", "y[i] = sqrt(-1.0 - out * out);"),
    mutant("linear.matmul", "last term dropped", "k < p.k; k", "k + 1u < p.k; k"),
    mutant("linear.matmul", "grid not folded", "group_index(wid, nwg)", "wid.x"),
    mutant("linear.matmul", "overwrites where it must add", "if (p.beta != 0.0)", "if (p.beta > 1.0)"),
    mutant("linear.matmul", "operands not squared", "w *= w;", ""),
    mutant("linear.matmul_broadcast", "wrong lane", "subgroupBroadcast(x1, 7u)", "subgroupBroadcast(x1, 6u)"),
    mutant(
        "linear.matmul_broadcast",
        "last column is its neighbour",
        "min(col0 + WG, p.n - 1u)",
        "min(col0 + WG, p.n - 2u)",
    ),
    mutant("conv.conv2d", "padding forgotten", "- p.py;", ";"),
    mutant("conv.conv2d", "dilation forgotten", "kx * p.dx", "kx"),
    mutant("conv.conv2d", "groups forgotten", "let first = (co / (p.co / p.groups)) * cig;", "let first = 0u;"),
    mutant("conv.conv2d_bwd_w", "squares before the sum", "sum += dy", "sum += f32(SQUARE) * 1e-3; sum += dy"),
    mutant(
        "conv.conv2d_bwd_w",
        "last sample missing",
        "min(first + p.per_chunk, p.n)",
        "min(first + p.per_chunk, p.n - 1u)",
    ),
    mutant("loss.softmax_xent", "no maximum subtracted", "exp(z[row + c] - top)", "exp(z[row + c])"),
    mutant("loss.sampled_score", "the place for the record", "ids[i]", "i"),
    mutant("loss.sampled_score", "every draw the same", "p.sample, 0u)", "0u, 0u)"),
    mutant("loss.sampled_score", "half of the seed", "p.seed_lo, p.seed_hi", "p.seed_lo, 0u"),
    mutant("loss.sampled_score", "one class too few", "below <= goal", "below + e <= goal"),
    mutant("loss.sampled_score", "digits of a confident gradient lost", "= -rest / sum;", "= dz[row + label] - 1.0;"),
    mutant("loss.softmax_xent", "label ignored", "dz[row + label] = -rest / sum;", ""),
    mutant("loss.softmax_xent", "digits of a confident gradient lost", "= -rest / sum;", "= own / sum - 1.0;"),
    mutant("optim.sgd", "decay lost", "+ p.weight_decay * w", ""),
    mutant("optim.sgd", "Nesterov ignored", "if (NESTEROV == 1u)", "if (NESTEROV == 2u)"),
    mutant("map.dropout", "same mask every step", "p.layer, step[2], 0u", "p.layer, 0u, 0u"),
    mutant("map.unary", "elu without its bend", "select(expm1_neg4(v), v, v > vec4<f32>(0.0))", "expm1_neg4(v)"),
    mutant("map.unary", "digits of a small elu lost", "expm1_neg4(v), v,", "exp(v) - 1.0, v,"),
    mutant("map.unary_bwd", "elu's slope from y", "exp(min(u, vec4<f32>(0.0)))", "exp(min(v, vec4<f32>(0.0)))"),
    mutant("map.relu_dropout", "negative numbers kept", "max(x[i], vec4<f32>(0.0))", "x[i]"),
    mutant("map.relu_dropout", "another stream", "vec4<u32>(i, p.layer", "vec4<u32>(i, p.layer + 1u"),
    mutant(
        "map.relu_dropout_bwd",
        "tiny numbers taken for dropped",
        "y[i] > vec4<f32>(0.0)",
        "y[i] > vec4<f32>(1e-20)",
    ),
    mutant("map.relu_dropout_bwd", "lost scale", "p.scale * dy[i]", "dy[i]"),
    mutant(
        "attention.pieces",
        "last piece of a row missing",
        "var last = i + 1u + end",
        "var last = i + max(end, 1u) - 1u + end",
    ),
    mutant("attention.pieces", "pieces start at the row", "min(max(first, start), to)", "min(start, to)"),
    mutant("attention.pieces", "unused slots left", "last = p.slots;", ""),
    mutant("attention.merge", "last piece lost", "(end - 1u) / p.chunk + 1u", "(end - 1u) / p.chunk"),
    mutant("attention.merge", "a row without edges takes its neighbour's", "if (first == end)", "if (first > end)"),
    mutant(
        "attention.merge",
        "slots not moved by rows before",
        "return vec2<u32>(row + first",
        "return vec2<u32>(first",
    ),
    mutant("attention.scores", "every head by the first vector", "(i % p.heads) * p.width", "0u"),
    mutant("attention.scores", "last feature dropped", "f < p.width; f", "f + 1u < p.width; f"),
    mutant("attention.scores_bwd", "overwrites where it must add", "dz[i] += vec4", "dz[i] = vec4"),
    mutant(
        "attention.scores_bwd",
        "ends swapped",
        "ds_src[nh] * att_src[a] + ds_dst[nh] * att_dst[a]",
        "ds_src[nh] * att_dst[a] + ds_dst[nh] * att_src[a]",
    ),
    mutant(
        "attention.scale",
        "one factor for four",
        "s[at.x], s[at.y], s[at.z], s[at.w]",
        "s[at.x], s[at.x], s[at.x], s[at.x]",
    ),
    mutant("attention.mean", "sum, not mean", "return sum / f32(p.heads);", "return sum;"),
    mutant("attention.mean", "last head missing", "h < p.heads; h", "h + 1u < p.heads; h"),
    mutant(
        "attention.mean_bwd",
        "heads told apart",
        "e / cols * p.width + e % p.width",
        "e / cols * p.width + e / p.heads % p.width",
    ),
    mutant("attention.softmax", "edges that take no part get weight", "if (takes[e] != 0.0)", "if (takes[e] < 1e30)"),
    mutant("attention.softmax", "negative weights do not take part", "if (takes[e] != 0.0)", "if (takes[e] > 0.0)"),
    mutant("attention.softmax", "no maximum subtracted", "+ dst) - n.x) / n.y", "+ dst)) / (n.y * exp(n.x))"),
    mutant(
        "attention.softmax",
        "scores of the edge, not its source",
        "s_src[idx[e] * p.heads + h]",
        "s_src[e * p.heads % arrayLength(&s_src) + h]",
    ),
    mutant("attention.softmax", "leaky relu lost", "exp(leaky(", "exp(("),
    mutant("attention.softmax_piece", "last edge of a piece lost", "w.y, w.z, h", "w.y, max(w.z, 1u) - 1u, h"),
    mutant("attention.softmax_merge", "sums of pieces not brought to one maximum", "* exp(part[at] - top)", ""),
    mutant(
        "attention.softmax_merge",
        "pieces without edges that take part count",
        "if (part[at + 1u] > 0.0)",
        "if (part[at + 1u] < 1.0)",
    ),
    mutant("attention.softmax_bwd", "row sum lost", "(g[at] - mean)", "g[at]"),
    mutant("attention.softmax_bwd", "slope on the wrong side", "+ dst <= 0.0", "+ dst > 0.0"),
    mutant("attention.softmax_bwd", "no slope", "d *= p.slope;", ""),
    mutant("attention.softmax_bwd", "last edge not summed", "sum += d;", "if (e + 1u < w.z) { sum += d; }"),
    mutant("attention.sums", "wrong perm", "e = perm[k];", "e = perm[w.y];"),
    mutant("attention.sums", "no product", "v *= b[at];", ""),
    mutant("attention.attend", "lost last edge", "k < w.z; k", "k + 1u < w.z; k"),
    mutant("attention.attend", "wrong perm", "if (PERM == 1u)", "if (PERM == 2u)"),
    mutant(
        "attention.attend",
        "every head by the first head's weights",
        "weight(k, 4u * q / p.width)",
        "weight(k, 0u)",
    ),
    mutant(
        "attention.attend_bwd",
        "target for source",
        "inner((w.x * p.heads + h) * p.width, (idx[e]",
        "inner((w.x * p.heads + h) * p.width, (w.x",
    ),
    mutant("attention.attend_bwd", "pieces for rows", "inner((w.x * p", "inner((i / p.heads * p"),
    mutant("reduce.total", "tail of the last quad counted", "if (4u * k + 4u > p.n)", "if (4u * k > p.n)"),
    mutant("krylov.dots", "every row by the first", "i / p.parts * p.quads", "0u"),
    mutant("krylov.dots", "last quad lost", "k < p.quads; k", "k + 1u < p.quads; k"),
    mutant("krylov.combine", "one weight for all rows", "sum += c[r]", "sum += c[0]"),
    mutant("krylov.combine", "overwrites where it must add", "y[i] + p.sign * sum", "p.sign * sum"),
    mutant("krylov.combine", "sign lost", "p.sign * sum", "sum"),
    mutant("krylov.curvature", "no shift", "q[k] + p.shift * d[k]", "q[k]"),
    mutant("krylov.curvature", "product without the shift kept", "q[k] = v;", ""),
    mutant("krylov.length", "negative curvature taken", "!is_finite(c) || c <= 0.0", "!is_finite(c)"),
    mutant("krylov.length", "curvature that is no number taken", "!is_finite(c) || c <= 0.0", "c <= 0.0"),
    mutant("krylov.length", "steps without end", "if (!is_finite(step))", "if (!is_finite(c))"),
    mutant("krylov.length", "goes on behind the goal", "if (state[2] != 0.0)", "if (state[2] > 1.0)"),
    mutant("krylov.length", "iterations not counted", "state[3] = state[3] + 1.0;", ""),
    mutant("krylov.advance", "residual the wrong way", "r[k] - step * q[k]", "r[k] + step * q[k]"),
    mutant("krylov.advance", "moves along the product", "x[k] + step * d[k]", "x[k] + step * q[k]"),
    mutant("krylov.advance", "sums left as they were", "part[i] = (sum.x + sum.y) + (sum.z + sum.w);", ""),
    mutant("krylov.turn", "divided by itself", "rho / state[0]", "rho / rho"),
    mutant("krylov.turn", "never at its goal", "if (rho <= state[1])", "if (rho <= -1.0)"),
    mutant("krylov.turn", "goes on behind the goal", "if (state[2] != 0.0)", "if (state[2] > 1.0)"),
    mutant("krylov.direction", "steepest descent", "r[i] + turn * d[i]", "r[i]"),
    mutant("krylov.direction", "turns without a turn", "if (turn != 0.0)", "if (turn > -1.0)"),
    mutant("conv.unfold", "first sample ignored", "(p.first + n)", "n"),
    mutant("conv.unfold", "padding ignored", "- p.px", ""),
    mutant("conv.unfold", "border not tested", "ih < p.h && iw < p.w", "ih < p.h"),
    mutant("conv.unfold", "dilation lost", "ky * p.dy", "ky"),
    mutant("solve.damp", "whole rows shifted", "i / p.n == i % p.n", "i / p.n != 0u"),
    mutant("solve.cholesky_update", "last column before the block lost", "m < p.first; m", "m + 1u < p.first; m"),
    mutant("solve.cholesky_update", "tiles of the block's own rows lost", "j > i)", "j + 4u > i)"),
    mutant("solve.cholesky_update", "last row lost", "if (i < p.n &&", "if (i + 1u < p.n &&"),
    mutant("solve.cholesky_diagonal", "bad pivots pass", "let good = d > 0.0;", "let good = d != 0.0;"),
    mutant("solve.cholesky_diagonal", "the last bad pivot for the first", "&& status[0] == 0u", ""),
    mutant("solve.cholesky_diagonal", "no square root", "sqrt(select(1.0, d, good))", "select(1.0, d, good)"),
    mutant("solve.cholesky_panel", "not divided", "v / a[j * p.n + j]", "v"),
    mutant("solve.cholesky_panel", "last term lost", "m < j; m", "m + 1u < j; m"),
    mutant("solve.triangular_update", "L for its transpose", "m_step = p.n;", "m_step = 1u;"),
    mutant("solve.triangular_update", "first solved row lost", "begin = p.last;", "begin = p.last + 1u;"),
    mutant("solve.triangular_update", "sides past the last quad lost", "r < p.sides)", "r < (p.sides & 0xfffffffcu))"),
    mutant("solve.triangular_diagonal", "rows in their order", "i = p.last - 1u - step;", "i = p.first + step;"),
    mutant("solve.triangular_diagonal", "strides exchanged", "r * p.b_col", "r * p.b_row"),
    mutant("guard.finite", "NaN passes", "!is_finite(v.y)", "!is_finite(v.y) && !is_nan(v.y)"),
    mutant("edit.restore", "nothing taken back", "origin[i], m[i]", "x[i], m[i]"),
    mutant("edit.restore", "the wrong half", "== vec4<f32>(0.0)", "!= vec4<f32>(0.0)"),
    mutant("pool.max", "ties go to the last", "v > best", "v >= best"),
    mutant("graph.spmm", "last entry of a row lost", "k < ptr[row + 1u]; k", "k + 1u < ptr[row + 1u]; k"),
    mutant("graph.spmm", "values in the wrong order", "at = perm[k];", "at = k;"),
    mutant("graph.spmm", "own row left out", "sum = p.own * quad(row, c);", ""),
    mutant("graph.spmm", "own row read where it must not be", "if (p.own != 0.0)", "if (p.own < 9.0)"),
    mutant("graph.spmm", "no bias", "if (BIAS == 1u)", "if (BIAS == 2u)"),
    mutant("graph.spmm", "columns past the last quad lost", "min(4u, p.cols - c)", "min(4u, (p.cols - c) & 4u)"),
    mutant("graph.off_diagonal", "self-loop counted twice", "select(weight[i], 0.0,", "select(weight[i], weight[i],"),
    mutant("graph.norms", "self-loop of its weight", "select(weight[i], 1.0,", "select(weight[i], weight[i],"),
    mutant("graph.norms", "mean without the guard of zero", "if (all[row] != 0.0)", "if (all[row] != -1.0)"),
    mutant("graph.norms", "no self-loop in the degree", "sqrt(1.0 + others[source])", "sqrt(0.5 + others[source])"),
    mutant("graph.norms", "the row before", "row_of(i, p.rows)", "row_of(max(i, 1u) - 1u, p.rows)"),
    mutant("graph.transpose", "not transposed", "x[(i % p.rows) * p.cols + i / p.rows]", "x[i]"),
    mutant(
        "graph.features_bwd_w",
        "squares before the sum",
        "if (b != sample)",
        "if (b != sample || sample != NOBODY)",
    ),
    mutant(
        "graph.features_bwd_w",
        "last sample lost",
        "    squares += close(sample, column, c, sum);\n    if",
        "    if",
    ),
    mutant("graph.features_bwd_w", "rows of no sample counted", "if (sample == NOBODY)", "if (sample == 7u)"),
    mutant("graph.features_bwd_w", "values in the wrong order", "at = perm[k];", "at = k;"),
    mutant("graph.features_bwd_w", "last quarter of a sum lost", "s3 += v", "s3 += 0.0 * v"),
    mutant("graph.features_bwd_w", "last output lost", "if (c >= p.cols)", "if (c + 1u >= p.cols)"),
    mutant("graph.densify", "values in the wrong order", "at = perm[i];", "at = i;"),
    mutant("graph.scatter_rows", "rows not moved", "y[row * p.cols", "y[(i / p.cols) * p.cols"),
    mutant("graph.segment", "last row lost", "t < end; t", "t + 1u < end; t"),
    mutant("graph.segment", "mean of one row more", "max(end - first, 1u)", "(end - first + 1u)"),
    mutant("graph.segment_max", "ties go to the last", "v > best", "v >= best"),
    mutant(
        "graph.segment_max",
        "zero among the candidates",
        "best = quad(first, c);",
        "best = max(quad(first, c), best);",
    ),
    mutant("graph.segment_bwd", "not divided", "MODE == 1u", "MODE == 3u"),
    mutant("graph.segment_bwd", "every row wins", "arg[at] == t", "arg[at] != 0xffffffffu"),
    mutant("graph.segment_outer", "squares before the sum", "sum += dy", "sum += f32(SQUARE) * 1e-3; sum += dy"),
    mutant(
        "graph.segment_outer",
        "last sample lost",
        "min(first + p.block, p.segments)",
        "min(first + p.block, p.segments - 1u)",
    ),
    mutant("graph.spmm_narrow", "second quarter of the columns lost", "s1 += v", "s1 += 0.0 * v"),
    mutant("graph.spmm_narrow", "last quarter of the columns lost", "s3 += v", "s3 += 0.0 * v"),
    mutant("graph.spmm_narrow", "own row read where it must not be", "if (p.own != 0.0)", "if (p.own < 9.0)"),
    mutant("graph.spmm_narrow", "values in the wrong order", "at = perm[k];", "at = k;"),
    mutant("graph.spmm_narrow", "last entry of a row lost", "k < ptr[i + 1u]; k", "k + 1u < ptr[i + 1u]; k"),
    mutant(
        "graph.spmm_balanced",
        "part of a row taken for all of it",
        "ptr[row + 1u] > chunk.y",
        "ptr[row + 1u] > chunk.y + 1u",
    ),
    mutant("graph.spmm_balanced", "beginning of a row taken for the rest", "ptr[row] < chunk.x", "ptr[row] <= chunk.x"),
    mutant("graph.spmm_balanced", "empty rows take entries", "row = row_after(row, k, p.rows);", "row = row + 1u;"),
    mutant("graph.spmm_balanced", "last entry of a chunk lost", "k < chunk.y; k", "k + 1u < chunk.y; k"),
    mutant("graph.spmm_balanced", "values in the wrong order", "at = perm[k];", "at = k;"),
    mutant("graph.spmm_fix", "last part lost", "j <= ends", "j < ends"),
    mutant("graph.spmm_fix", "first part lost", "sum = part(2u * begins + 1u, c);", ""),
    mutant("graph.spmm_fix", "own row left out", "sum += p.own * quad(row, c);", ""),
    mutant(
        "graph.spmm_fix",
        "empty rows left alone",
        "if (first < end)",
        "if (first == end) { return; } if (first < end)",
    ),
    mutant("graph.max_balanced", "ties go to the last", "v > best", "v >= best"),
    mutant("graph.max_balanced", "deleted edges take part", "if (val[k] != 0.0)", "if (val[k] != 9.0)"),
    mutant("graph.max_fix", "ties go to the last", "v > best", "v >= best"),
    mutant("graph.max_fix", "a part without entries wins", "other != NONE && (at == NONE || v > best)", "v > best"),
    mutant("graph.max_bwd_balanced", "place in the transpose", "vec4<u32>(perm[k])", "vec4<u32>(k)"),
    mutant("graph.max", "ties go to the last", "v > best", "v >= best"),
    mutant("graph.max", "deleted edges take part", "if (val[k] != 0.0)", "if (val[k] != 9.0)"),
    mutant("graph.max", "zero among the candidates", "(v > best) | (at == vec4<u32>(NONE))", "v > best"),
    mutant("graph.max_bwd", "place in the transpose", "vec4<u32>(perm[k])", "vec4<u32>(k)"),
    mutant("graph.max_bwd", "only columns that all won", "any(won)", "all(won)"),
    mutant(
        "graph.negatives",
        "same partners every step",
        "p.stream, step[2], 1u), seed);\n    let second",
        "p.stream, 0u, 1u), seed);\n    let second",
    ),
    mutant("graph.negatives", "partners past the last node", "while (number(to) >= p.n)", "while (number(to) > p.n)"),
    mutant(
        "graph.negatives",
        "rounds undone in their order",
        "backward(backward(start, second), first)",
        "backward(backward(start, first), second)",
    ),
    mutant("graph.partner_scores", "scored with itself", "partner[i] * p.cols", "i * p.cols"),
    mutant("graph.partner_scores_bwd", "one direction lost", " + ds[v] * quad(v, c)", ""),
    mutant("graph.partner_scores_bwd", "the other node's own score", "ds[v] * quad(v, c)", "ds[u] * quad(v, c)"),
    mutant("graph.partner_scores_bwd", "overwrites where it must add", "dz[at] += sum[j]", "dz[at] = sum[j]"),
    mutant(
        "graph.bce",
        "digits of a confident gradient lost",
        "((1.0 - p.goal) * positive - p.goal * negative)",
        "(positive - p.goal)",
    ),
    mutant("graph.bce", "digits of a confident loss lost", "log1p(e)", "log(1.0 + e)"),
    mutant("graph.bce", "pairs of no weight counted", "if (w == 0.0)", "if (w == -1.0)"),
    mutant("graph.sddmm", "row and source exchanged", "let b = idx[i] * p.cols;", "let b = a;"),
    mutant("graph.sddmm", "not sent to its place", "at = perm[i];", "at = i;"),
    mutant("graph.sddmm", "padding takes part", "if (i >= ptr[p.rows])", "if (i > ptr[p.rows])"),
    mutant("graph.segment_outer", "by input", "dy[t * p.outputs + o]", "dy[t * p.outputs]"),
    mutant("conv.conv2d_bwd_w", "norms of half the weights", "w < size; w", "2u * w < size; w"),
    mutant("conv.conv2d_bwd_w", "norms not squared", "total += g * g;", "total += g;"),
    mutant(
        "conv.conv2d_bwd_w_broadcast",
        "stand-ins for channels counted",
        "c7 * c7, channels > 7u)",
        "c7 * c7, true)",
    ),
    mutant(
        "conv.conv2d_bwd_w_broadcast",
        "stand-ins for columns counted",
        "squares = select(vec4<f32>(), squares, col < vec4<u32>(columns));",
        "",
    ),
    mutant("conv.conv2d_bwd_w_broadcast", "one part over another", "tile * WG + lid", "lid"),
    mutant("conv.ghost_norm", "pairs counted once", "select(2.0, 1.0, t == s)", "1.0"),
    mutant("conv.ghost_norm", "a pair's position one off", "let s = k - t * (t + 1u) / 2u;", "let s = 0u * k;"),
    mutant("conv.ghost_norm", "padding forgotten", "xt < p.w && xs < p.w", "xt < p.w"),
    mutant("conv.ghost_norm", "groups forgotten", "group * cog + c", "c"),
    mutant("linear.outer", "gaps forgotten", "n * p.stride + e", "n * size + e"),
    mutant("linear.outer", "outputs and inputs exchanged", "e / p.inputs] * x", "e % p.outputs] * x"),
    mutant("linear.outer_wide", "last output lost", "left > 7u", "left > 8u"),
    mutant("linear.outer_wide", "an output too many", "left > 3u", "left > 2u"),
    mutant("linear.outer_wide", "gaps forgotten", "n * (p.stride >> 2u)", "n * p.outputs * quads"),
    mutant("loss.clip_rows", "compared with the square", "if (norm > p.clip)", "if (squares[n] > p.clip)"),
    mutant("loss.clip_rows", "short gradients stretched", "if (norm > p.clip)", "if (norm > 0.0)"),
    mutant(
        "loss.clip_rows",
        "padding counted",
        "factor * weight[n], 0.0, weight[n] == 0.0",
        "factor, 0.0, weight[n] < 0.0",
    ),
    mutant(
        "loss.clip_rows",
        "what padding holds comes through",
        "select(factor * x[i], 0.0, factor == 0.0)",
        "factor * x[i]",
    ),
    mutant("reduce.row_norms", "sums, not squares", "sums += v * v;", "sums += v;"),
    mutant("reduce.row_norms", "tail of a row lost", "sums.x += at_b(e) * at_b(e);", ""),
    mutant("reduce.row_norms", "one factor of the two", "norm *= squares_b(row);", ""),
    mutant("reduce.row_norms_shared", "half of the shares", "half = 32u", "half = 16u"),
    mutant(
        "reduce.row_norms_shared",
        "no barrier's share",
        "e = first + lid; e < first + p.cols_b",
        "e = first + lid + 64u; e < first + p.cols_b",
    ),
    mutant("reduce.row_norms_shared", "one factor of the two", "sums[0].x * sums[0].y", "sums[0].x"),
    mutant(
        "graph.segment_outer",
        "norms of columns past the last",
        "let sum = select(vec4<f32>(0.0), gradient(b, at / quads, c), own);",
        "let sum = gradient(b, at / quads, c);",
    ),
    mutant(
        "graph.segment_outer",
        "norms of the first lanes alone",
        "at < p.outputs * quads; at += p.stride",
        "at < p.stride; at += p.stride",
    ),
    mutant("graph.features_bwd_w", "norms before the sum", "if (b != sample || first == NOBODY)", "if (true)"),
    mutant(
        "graph.features_bwd_w",
        "the last sample's norm lost",
        "    if (first != NOBODY) {\n        dw[first] = squared(c, sum);\n    }\n}",
        "}",
    ),
    mutant("graph.span_sums", "last entry lost", "e < end; e", "e + 1u < end; e"),
    mutant("graph.span_sums", "one lane for all", "e += p.lanes", "e += 1u"),
];

/// The same meaning in other words: must pass, or the judge is arbitrary.
static EQUIVALENTS: &[Mutant] = &[
    mutant("linear.matmul", "another form of the bounds check", "if (i >= p.m * p.n)", "if (!(i < p.m * p.n))"),
    mutant("pool.max", "another order of the tests", "iy < p.h && ix < p.w", "ix < p.w && iy < p.h"),
];

/// Floating point operations above which a case is left to `kernels.rs`.
const SMALL: u64 = 40_000_000;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let Some(first) = devices.first() else { return Vec::new() };
    let fault = |m: &'static Mutant| {
        first.trial(&format!("mutant {} {}", m.kernel, m.what), |device| match caught(device, m)? {
            Some(_) => Ok(()),
            None => Err(format!("no case of {} notices: {}", m.kernel, m.what).into()),
        })
    };
    let equivalent = |m: &'static Mutant| {
        first.trial(&format!("equivalent {} {}", m.kernel, m.what), |device| match caught(device, m)? {
            Some(why) => Err(why.into()),
            None => Ok(()),
        })
    };
    FAULTS.iter().map(fault).chain(EQUIVALENTS.iter().map(equivalent)).collect()
}

/// The first case that fails with the planted kernel in place of the real one, and why.
fn caught(device: &Shared, m: &Mutant) -> Result<Option<String>, Failed> {
    let of = kernels::kernels().into_iter().find(|k| k.name == m.kernel);
    let of = of.ok_or_else(|| format!("there is no kernel {}", m.kernel))?;
    let planted = mutated(of, m.from, m.to)?;
    let family = kernels::FAMILIES.iter().find(|f| f.name == of.family());
    for mut case in family.map(|f| (f.cases)()).unwrap_or_default() {
        if !replace(&mut case, of, planted) || case.rec.dispatches().map(|d| d.flops).sum::<u64>() > SMALL {
            continue;
        }
        if let Some(why) = device.with(|engine, _| failure(engine, &case))? {
            return Ok(Some(format!("{}: {why}", case.name)));
        }
    }
    Ok(None)
}

fn failure(engine: &mut Engine, case: &Case) -> unlearn::Result<Option<String>> {
    match trial_against(engine, case, &expected(case)?)? {
        Outcome::Fail(why) => Ok(Some(why.what)),
        Outcome::Pass(_) | Outcome::Unsupported(_) => Ok(None),
    }
}
