//! Planted shader faults: each must be caught by some case of its kernel, or the cases are too weak.

use libtest_mimic::{Failed, Trial};
use unlearn::engine::case::Case;
use unlearn::engine::{Command, Engine, Kernel};
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
    mutant("conv.conv2d_bwd_w", "squares before the sum", "sum += dy", "total += f32(SQUARE) * 1e-3; sum += dy"),
    mutant(
        "conv.conv2d_bwd_w",
        "last sample missing",
        "min(first + p.per_chunk, p.n)",
        "min(first + p.per_chunk, p.n - 1u)",
    ),
    mutant("loss.softmax_xent", "no maximum subtracted", "exp(z[row + c] - top)", "exp(z[row + c])"),
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
    mutant("reduce.total", "tail of the last quad counted", "if (4u * k + 4u > p.n)", "if (4u * k > p.n)"),
    mutant("guard.finite", "NaN passes", "!is_finite(v.y)", "!is_finite(v.y) && !is_nan(v.y)"),
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
    mutant("graph.segment_outer", "squares before the sum", "sum += dy", "total += f32(SQUARE) * 1e-3; sum += dy"),
    mutant(
        "graph.segment_outer",
        "last sample lost",
        "min(first + p.block, p.segments)",
        "min(first + p.block, p.segments - 1u)",
    ),
    mutant("graph.max", "ties go to the last", "v > best", "v >= best"),
    mutant("graph.max", "deleted edges take part", "if (val[k] != 0.0)", "if (val[k] != 9.0)"),
    mutant("graph.max", "zero among the candidates", "(v > best) | (at == vec4<u32>(NONE))", "v > best"),
    mutant("graph.max_bwd", "place in the transpose", "vec4<u32>(perm[k])", "vec4<u32>(k)"),
    mutant("graph.max_bwd", "only columns that all won", "any(won)", "all(won)"),
    mutant("graph.sddmm", "row and source exchanged", "let b = idx[i] * p.cols;", "let b = a;"),
    mutant("graph.sddmm", "not sent to its place", "at = perm[i];", "at = i;"),
    mutant("graph.sddmm", "padding takes part", "if (i >= ptr[p.rows])", "if (i > ptr[p.rows])"),
    mutant("graph.segment_outer", "by input", "dy[t * p.outputs + o]", "dy[t * p.outputs]"),
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

/// A copy of the kernel with the change made; leaked, because rows live as long as the program.
fn planted(of: &'static Kernel, m: &Mutant) -> Result<&'static Kernel, Failed> {
    let source = of.source.replace(m.from, m.to);
    if source == of.source {
        return Err(format!("the source of {} has no `{}` any more", of.name, m.from).into());
    }
    let source: &'static str = source.leak();
    let (name, params, twin, requires) = (of.name, of.params, of.twin, of.requires);
    Ok(Box::leak(Box::new(Kernel { name, source, params, twin, requires })))
}

/// The first case that fails with the planted kernel in place of the real one, and why.
fn caught(device: &Shared, m: &Mutant) -> Result<Option<String>, Failed> {
    let of = kernels::kernels().into_iter().find(|k| k.name == m.kernel);
    let of = of.ok_or_else(|| format!("there is no kernel {}", m.kernel))?;
    let planted = planted(of, m)?;
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

fn replace(case: &mut Case, of: &'static Kernel, by: &'static Kernel) -> bool {
    let mut any = false;
    for command in &mut case.rec.commands {
        if let Command::Dispatch(d) = command
            && std::ptr::eq(d.kernel, of)
        {
            d.kernel = by;
            any = true;
        }
    }
    any
}

fn failure(engine: &mut Engine, case: &Case) -> unlearn::Result<Option<String>> {
    match trial_against(engine, case, &expected(case)?)? {
        Outcome::Fail(why) => Ok(Some(why)),
        Outcome::Pass(_) | Outcome::Unsupported(_) => Ok(None),
    }
}
