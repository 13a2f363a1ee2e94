//! The kinds of case that people forget: each kernel has one of every kind that it can have.

use std::collections::BTreeSet;

use unlearn::engine::case::{Case, OnNan, Role};
use unlearn::engine::{Data, Dispatch, Lane};
use unlearn::harness::check::{Shapes, folds};
use unlearn::harness::trial::expected;
use unlearn::kernels;

/// Kernels that no case records in the way that is asked for.
fn without(cases: &[Case], like: impl Fn(&Case, &Dispatch) -> bool) -> Vec<&'static str> {
    let mut left: BTreeSet<&str> = kernels::kernels().iter().map(|k| k.name).collect();
    for case in cases {
        for d in case.rec.dispatches().filter(|d| like(case, d)) {
            left.remove(d.kernel.name);
        }
    }
    left.into_iter().collect()
}

/// Kernels whose number of workgroups is bounded, or needs a gigabyte to pass 65 535: sums in parts, one workgroup for
/// a block of a factor, two long rows merged.
const FEW_GROUPS: [&str; 10] = [
    "krylov.advance",
    "krylov.curvature",
    "krylov.length",
    "krylov.turn",
    "norm.merge",
    "norm.merge_tangent",
    "reduce.total",
    "solve.cholesky_diagonal",
    "solve.cholesky_panel",
    "solve.cholesky_update",
];

/// Kernels whose grid folds in the full shapes alone: a smaller case would not need so many workgroups.
const LARGE: [&str; 16] = [
    "attention.within_broadcast",
    "attention.within_bwd_kv_broadcast",
    "attention.within_bwd_q_broadcast",
    "attention.within_edges",
    "attention.within_weights",
    "graph.max_balanced",
    "graph.max_bwd_balanced",
    "graph.max_fix",
    "graph.negatives",
    "graph.span_sums",
    "graph.spmm_balanced",
    "linear.matmul_quads",
    "norm.channel_tangent",
    "norm.dx_tangent",
    "reduce.columns_team",
    "solve.triangular_update",
];

#[test]
fn every_kernel_has_a_grid_that_folds() {
    let cases = kernels::cases();
    assert_eq!(without(&cases, |case, d| case.test && folds(d)), FEW_GROUPS);
    let large = without(&cases, |case, d| Shapes::Edge.holds(case) && folds(d));
    let large: Vec<_> = large.into_iter().filter(|k| !FEW_GROUPS.contains(k)).collect();
    assert_eq!(large, LARGE);
}

/// Kernels of which every f32 input is compared with something, or that have none; and three in whose case
/// it stands where no result looks.
const UNDECIDED: [&str; 30] = [
    "attention.aligned",
    "attention.positions",
    "attention.within_broadcast",
    "attention.within_bwd_kv_broadcast",
    "attention.within_bwd_q_broadcast",
    "edit.variance",
    "graph.diagonal",
    "graph.laplacian",
    "graph.looped",
    "graph.max",
    "graph.max_balanced",
    "graph.max_fix",
    "graph.negatives",
    "graph.norms",
    "graph.segment_bwd",
    "graph.segment_max",
    "graph.spmm_relu",
    "graph.spmm_relu_team",
    "guard.finite",
    "map.augment",
    "map.fill",
    "map.gather_words",
    "map.normal",
    "map.philox",
    "map.relu_dropout",
    "pool.max_tangent",
    "reduce.argmax",
    "solve.cholesky_diagonal",
    "solve.cholesky_panel",
    "solve.cholesky_update",
];

/// Whether a NaN stands in a result of the twins that was not there before.
fn arrives(case: &Case) -> bool {
    let want = expected(case).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    case.buffers.iter().zip(&want).any(|(b, lane)| match (lane, &b.init) {
        (Lane::F32(v), Data::F32(_)) => b.role != Role::Input && v.iter().any(|x| x.is_nan()),
        _ => false,
    })
}

#[test]
fn what_is_no_number_reaches_a_result() {
    let cases = kernels::cases();
    let odd: Vec<&Case> = cases.iter().filter(|c| c.on_nan != OnNan::Wrong).collect();
    assert!(odd.iter().all(|c| Shapes::Edge.holds(c)));
    let nan = odd.iter().filter(|c| c.name.contains("NaN ") && arrives(c));
    let nan: BTreeSet<&str> = nan.map(|c| c.name.as_str()).collect();
    let missing = without(&cases, |case, _| nan.contains(case.name.as_str()));
    assert_eq!(missing, UNDECIDED);
}
