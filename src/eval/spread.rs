//! How far a further retrain may lie from the mean of the retrains that there are: limits as multiples of their spread.

/// Mean and spread of a quantity over retrains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    /// Mean over the retrains.
    pub mean: f64,
    /// Sample standard deviation, or what the quantity can be resolved to where they agree by luck.
    pub sd: f64,
    /// Number of retrains.
    pub runs: usize,
}

/// Confidence of a check's limit, and of the wider one that a control must keep: a retrain has to pass all of a
/// verdict's checks, and would fail one of six at 95 % too often.
pub(super) const CONFIDENCE: f64 = 0.95;

/// Student's t below which lies a share of the distribution, for 1 to 30 degrees of freedom; more are taken for 30,
/// which makes a limit slightly wide.
const T950: [f64; 30] = [
    6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746,
    1.740, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697,
];
const T975: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const T990: [f64; 30] = [
    31.821, 6.965, 4.541, 3.747, 3.365, 3.143, 2.998, 2.896, 2.821, 2.764, 2.7181, 2.681, 2.650, 2.624, 2.602, 2.583,
    2.567, 2.552, 2.539, 2.528, 2.518, 2.508, 2.500, 2.492, 2.485, 2.479, 2.473, 2.467, 2.462, 2.457,
];
const T995: [f64; 30] = [
    63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947, 2.921,
    2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779, 2.771, 2.763, 2.756, 2.750,
];

/// Utility that is no loss, in accuracy, R² or F1, however well retrains agree: a point. Methods are told from each
/// other by two (average gap); records that are not known by heart any more are no damage to those who stay.
pub(super) const MARGIN: f64 = 0.01;

/// A limit, and the wider one for controls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    /// How far a value may lie off, in its own unit.
    pub within: f64,
    /// The same as a multiple of the spread.
    pub multiple: f64,
    /// How far a control may: 99 %.
    pub control: f64,
    /// The spread would allow less than [`MARGIN`].
    pub by_margin: bool,
}

impl Limit {
    /// At least [`MARGIN`].
    pub fn of_utility(self) -> Limit {
        let by_margin = self.within < MARGIN;
        let wider = by_margin && self.within > 0.0;
        let multiple = if wider { self.multiple * MARGIN / self.within } else { self.multiple };
        Limit { within: self.within.max(MARGIN), control: self.control.max(MARGIN), multiple, by_margin }
    }
}

impl Spread {
    /// Either way: a further retrain lies within it with 95 % confidence (Student's prediction interval).
    pub fn either_way(&self) -> Limit {
        self.limit(&T975, &T995)
    }

    /// To one side.
    pub fn one_way(&self) -> Limit {
        self.limit(&T950, &T990)
    }

    fn limit(&self, t: &[f64; 30], control: &[f64; 30]) -> Limit {
        let at = self.runs.saturating_sub(2).min(29);
        let prediction = (1.0 + 1.0 / self.runs.max(1) as f64).sqrt();
        let multiple = t[at] * prediction;
        Limit { within: multiple * self.sd, multiple, control: control[at] * prediction * self.sd, by_margin: false }
    }

    /// Half the width of the 95 % confidence interval of the mean.
    pub fn half_interval(&self) -> f64 {
        T975[self.runs.saturating_sub(2).min(29)] * self.error()
    }

    /// Standard error of the mean.
    pub fn error(&self) -> f64 {
        self.sd / (self.runs.max(1) as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_students_prediction_intervals() {
        let of = |runs| Spread { mean: 0.0, sd: 2.0, runs };
        let five = of(5).either_way();
        assert!(
            (five.multiple - 2.776 * 1.2f64.sqrt()).abs() < 1e-9 && (five.within - 2.0 * five.multiple).abs() < 1e-9
        );
        assert!((of(5).one_way().multiple - 2.132 * 1.2f64.sqrt()).abs() < 1e-9);
        assert!((of(3).half_interval() - 4.303 * 2.0 / 3f64.sqrt()).abs() < 1e-9);
        assert!(five.control > five.within && of(3).either_way().multiple > five.multiple);
        let (narrow, wide) = (Spread { sd: 1e-3, ..of(5) }.one_way(), Spread { sd: 0.1, ..of(5) }.one_way());
        let utility = narrow.of_utility();
        assert!(utility.by_margin && utility.within == MARGIN && utility.control >= MARGIN);
        assert!((utility.multiple * 1e-3 - MARGIN).abs() < 1e-12);
        assert_eq!(wide.of_utility(), wide);
        assert!(of(1000).either_way().multiple > 1.96 && of(0).either_way().multiple.is_finite());
        for table in [T950, T975, T990, T995] {
            assert!(table.is_sorted_by(|a, b| a > b));
        }
    }
}
