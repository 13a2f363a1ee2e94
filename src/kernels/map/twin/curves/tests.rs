//! The curves beside tables, beside PyTorch, and beside differences of themselves.

use super::*;

#[test]
fn slopes_are_the_derivatives() {
    for curve in curves() {
        for x in [-3.5, -2.8, -0.7, 0.4, 2.2, 5.0, 7.0] {
            let (h, op) = (1e-5, curve.op);
            let at = |x: f64| if stopped(curve, x) { 0.0 } else { slope(curve, x, apply(curve, x)) };
            let numeric = (apply(curve, x + h) - apply(curve, x - h)) / (2.0 * h);
            let exact = at(x);
            assert!((numeric - exact).abs() < 1e-8, "{op:?} at {x}: {exact} and {numeric}");
            let from = if op.by_result() { apply(curve, x) } else { x };
            // The bend by y is that by x over dy/dx.
            let by = if op.by_result() { exact } else { 1.0 };
            let (numeric, exact) = ((at(x + h) - at(x - h)) / (2.0 * h), by * bend(curve, from));
            assert!((numeric - exact).abs() < 1e-7, "{op:?} bends at {x}: {exact} and {numeric}");
        }
    }
}

/// Every function with PyTorch's numbers, and those that have some with others.
fn curves() -> impl Iterator<Item = Curve> {
    let others = [(Unary::LeakyRelu, 0.3, 0.0), (Unary::Softplus, 2.0, 3.0)];
    Unary::ALL.into_iter().map(Curve::from).chain(others.map(|(op, a, b)| Curve { op, a, b }))
}

/// PyTorch 2.15 in float64.
#[test]
fn curves_are_those_of_pytorch() {
    const BOUND: f64 = 2.9f32 as f64;
    let x = [-1e4, -20.0, -3.2, -1.1, 0.0, 0.001, 2.9, 3.1, 6.5, 1e4];
    let table = [
        (
            Curve { op: Unary::Silu, a: 0.00, b: 0.0 },
            [
                0.0,
                -4.122_307_236e-08,
                -0.125_330_312_95,
                -0.274_713_883_845,
                0.0,
                5.002_500_000e-04,
                2.748_754_667_073,
                2.966_367_509_683,
                6.490_242_315_331,
                10000.0,
            ],
            [
                0.0,
                -3.916_191_866e-08,
                -0.081_255_937_858,
                0.043_633_026_903,
                0.5,
                0.500_499_999_917,
                1.091_203_786_838,
                1.084_764_705_548,
                1.008_241_854_349,
                1.0,
            ],
        ),
        (
            Curve { op: Unary::LeakyRelu, a: 0.25, b: 0.0 },
            [-2500.0, -5.0, -0.8, -0.275, 0.0, 0.001, 2.9, 3.1, 6.5, 10000.0],
            [0.25, 0.25, 0.25, 0.25, 0.25, 1.0, 1.0, 1.0, 1.0, 1.0],
        ),
        (
            Curve { op: Unary::Softplus, a: 1.00, b: 20.0 },
            [
                0.0,
                2.061_153_620e-09,
                0.039_953_333_162,
                0.287_335_325_115,
                std::f64::consts::LN_2,
                0.693_647_305_56,
                2.953_562_776_218,
                3.144_063_967_939,
                6.501_502_310_16,
                10000.0,
            ],
            [
                0.0,
                2.061_153_618e-09,
                0.039_165_722_797,
                0.249_739_894_405,
                0.5,
                0.500_249_999_979,
                0.947_846_436_922,
                0.956_892_745_059,
                0.998_498_817_743,
                1.0,
            ],
        ),
        (
            Curve { op: Unary::Softplus, a: 2.00, b: 3.0 },
            [
                0.0,
                2.124_177_128e-18,
                8.300_892_070e-04,
                0.052_541_659_884,
                0.346_573_590_28,
                0.347_073_840_28,
                2.9,
                3.1,
                6.5,
                10000.0,
            ],
            [0.0, 4.248_354_255e-18, 0.001_658_801_08, 0.099_750_489_12, 0.5, 0.500_499_999_833, 1.0, 1.0, 1.0, 1.0],
        ),
        (
            Curve { op: Unary::HardSwish, a: 0.00, b: 0.0 },
            [0.0, 0.0, 0.0, -0.348_333_333_333, 0.0, 5.001_666_667e-04, 2.851_666_666_667, 3.1, 6.5, 10000.0],
            [0.0, 0.0, 0.0, 0.133_333_333_333, 0.5, 0.500_333_333_333, 1.466_666_666_667, 1.0, 1.0, 1.0],
        ),
        (
            Curve { op: Unary::Relu6, a: 0.00, b: 0.0 },
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.001, 2.9, 3.1, 6.0, 6.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0],
        ),
        (
            Curve { op: Unary::HardSigmoid, a: 0.00, b: 0.0 },
            [0.0, 0.0, 0.0, 0.316_666_666_667, 0.5, 0.500_166_666_667, 0.983_333_333_333, 1.0, 1.0, 1.0],
            [0.0, 0.0, 0.0, 0.166_666_671_634, 0.166_666_671_634, 0.166_666_671_634, 0.166_666_671_634, 0.0, 0.0, 0.0],
        ),
        (
            Curve { op: Unary::Hardtanh, a: 2.9, b: 0.0 },
            [-BOUND, -BOUND, -BOUND, -1.1, 0.0, 0.001, 2.9, BOUND, BOUND, BOUND],
            [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
        ),
    ];
    for (curve, ys, slopes) in table {
        for ((x, y), by) in x.into_iter().zip(ys).zip(slopes) {
            let found = apply(curve, x);
            assert!((found - y).abs() < 1e-10 * (1.0 + y.abs()), "{curve:?} at {x}: {found}, not {y}");
            let found = if stopped(curve, x) { 0.0 } else { slope(curve, x, found) };
            // PyTorch's sixth of the hard sigmoid has 24 bits.
            assert!((found - by).abs() < 1e-8, "{curve:?} at {x}: slope {found}, not {by}");
        }
    }
}
