//! What records have in the place of a class: numbers to predict, or which of several labels they have.

/// What a model should have said of some records, in the place of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Goals {
    /// Numbers or labels.
    pub sort: Sort,
    /// As trained on, `[n, outputs]`.
    pub values: Vec<f32>,
}

/// Numbers or labels.
#[derive(Debug, Clone, PartialEq)]
pub enum Sort {
    /// Numbers, which are `value · scale + offset` in the units of the data; both empty where those are trained on.
    Real {
        /// Of each output.
        offset: Vec<f64>,
        /// Of each output.
        scale: Vec<f64>,
    },
    /// 1 where a record has a label, else 0; outputs are logits.
    Labels,
    /// Of each token of a text, 1 where the model holds it for the likeliest, else 0, and -1 behind the last; outputs
    /// are the tokens' log-probabilities.
    Tokens {
        /// Share of the commonest token: what an answer that is always the same is worth.
        common: f64,
    },
}

impl Goals {
    /// Whether there is something to predict: behind a text's last token there is not.
    pub(super) fn is_there(&self, value: f32) -> bool {
        value >= 0.0 || !matches!(self.sort, Sort::Tokens { .. })
    }

    /// Of each text, `width` places wide, the share of tokens that the model holds for the likeliest (MA of Jang et al.
    /// 2023, eq. 4); `None` where records are no texts.
    pub(super) fn memorised(&self, width: usize) -> Option<Vec<f64>> {
        let Sort::Tokens { .. } = self.sort else { return None };
        let share = |t: &[f32]| {
            let count = t.iter().filter(|t| self.is_there(**t)).count().max(1);
            t.iter().filter(|t| **t > 0.5).count() as f64 / count as f64
        };
        Some(self.values.chunks_exact(width.max(1)).map(share).collect())
    }
}

impl Sort {
    /// What a unit of an output is in the units of the data.
    pub(super) fn scale(&self, output: usize) -> f64 {
        match self {
            Sort::Real { scale, .. } => scale.get(output).copied().unwrap_or(1.0),
            Sort::Labels | Sort::Tokens { .. } => 1.0,
        }
    }

    /// A number of an output in the units of the data.
    pub(super) fn in_units(&self, output: usize, value: f32) -> f64 {
        match self {
            Sort::Real { offset, .. } => {
                f64::from(value) * self.scale(output) + offset.get(output).copied().unwrap_or(0.0)
            }
            Sort::Labels | Sort::Tokens { .. } => f64::from(value),
        }
    }
}

/// ln(1 + eˣ), exact in both tails.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Loss of each record: the mean over its outputs of the squared error, on the scale that was trained on, or of the
/// binary cross-entropy, of a text over its tokens of their negative log-likelihood. Whether numbers were trained by
/// squares or by Huber's loss does not matter.
pub(super) fn losses(logits: &[f32], goals: &Goals, width: usize) -> Vec<f64> {
    let term = |(z, t): (&f32, &f32)| match goals.sort {
        Sort::Real { .. } => (f64::from(*z) - f64::from(*t)).powi(2),
        Sort::Labels => softplus(if *t > 0.5 { -f64::from(*z) } else { f64::from(*z) }),
        Sort::Tokens { .. } => -f64::from(*z),
    };
    let there = |(_, t): &(&f32, &f32)| goals.is_there(**t);
    let rows = logits.chunks_exact(width.max(1)).zip(goals.values.chunks_exact(width.max(1)));
    let mean = |(z, t): (&[f32], &[f32])| {
        let count = t.iter().filter(|t| goals.is_there(**t)).count().max(1);
        z.iter().zip(t).filter(there).map(term).sum::<f64>() / count as f64
    };
    rows.map(mean).collect()
}

/// The mean loss of the best answer that is the same for every record: the mean of each target, or the share of each
/// label.
pub fn constant_loss(sort: &Sort, values: &[f32], width: usize) -> f64 {
    let rows = (values.len() / width.max(1)).max(1) as f64;
    let of = |output: usize| {
        let column = || values.iter().skip(output).step_by(width.max(1)).map(|value| f64::from(*value));
        let mean = column().sum::<f64>() / rows;
        match sort {
            Sort::Real { .. } => column().map(|value| (value - mean).powi(2)).sum::<f64>() / rows,
            Sort::Labels => [mean, 1.0 - mean].into_iter().filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum(),
            // Tokens are counted: an answer has an accuracy.
            Sort::Tokens { .. } => 0.0,
        }
    };
    (0..width).map(of).sum::<f64>() / width.max(1) as f64
}

/// 1 − loss / [`constant_loss`]: 0 is what the same answer for every record is worth. `None` where that is perfect.
pub fn skill(loss: f64, constant: f64) -> Option<f64> {
    (constant > 0.0).then(|| 1.0 - loss / constant)
}

/// That two models were asked for the same numbers, however each was trained on them.
pub(super) fn same(a: &Option<Goals>, b: &Option<Goals>, width: usize) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(x), Some(y)) if matches!(x.sort, Sort::Tokens { .. }) => {
            let there = |goals: &Goals| goals.values.iter().map(|t| goals.is_there(*t)).collect::<Vec<_>>();
            matches!(y.sort, Sort::Tokens { .. }) && there(x) == there(y)
        }
        (Some(x), Some(y)) if x.values.len() == y.values.len() => {
            let width = width.max(1);
            let near = |(i, (p, q)): (usize, (&f32, &f32))| {
                let (p, q, scale) =
                    (x.sort.in_units(i % width, *p), y.sort.in_units(i % width, *q), x.sort.scale(i % width));
                (p - q).abs() <= 1e-4 * (scale + p.abs())
            };
            x.values.iter().zip(&y.values).enumerate().all(near)
        }
        _ => false,
    }
}
