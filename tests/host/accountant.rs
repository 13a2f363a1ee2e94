//! What DP-SGD spends, against Opacus.

use unlearn::train::accountant::epsilon;

/// One per cent is promised; the formulas are the same, so that agreement ends where Opacus's sums lose digits.
const PROMISED: f64 = 0.01;

#[test]
fn epsilon_is_opacus_epsilon() {
    let table = include_str!("../../assets/parity/accountant.csv");
    let mut worst: f64 = 0.0;
    let mut rows = 0;
    for line in table.lines().skip(2) {
        let row: Vec<f64> = line.split(',').map(|v| v.parse().unwrap()).collect();
        let [rate, sigma, steps, delta, want, _order] = row[..] else { panic!("{line}") };
        let got = epsilon(rate, sigma, steps as u64, delta).epsilon;
        // Opacus does not stop at 0.
        let error = (got - want.max(0.0)).abs() / want.abs().max(1e-9);
        assert!(error < PROMISED, "rate {rate}, sigma {sigma}, {steps} steps, delta {delta}: {got}, Opacus has {want}");
        worst = worst.max(error);
        rows += 1;
    }
    println!("{rows} rows, largest difference {worst:e}");
    assert!(rows > 300 && worst < 1e-4, "{rows} rows, largest difference {worst:e}");
}
