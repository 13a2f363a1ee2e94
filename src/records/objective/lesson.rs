//! What a term of a training may have in the place of the records' own loss: the distance to a teacher's answers, or
//! a loss whose gradient fades where a record is forgotten already. All are made of the objective's losses ℓ and their
//! gradients, and of numbers that lie on the engine for each record.

mod of_pairs;
mod of_rows;

use super::super::batch::Targets;
use super::{Losses, Outputs};
use crate::engine::{Buf, Recording};
use crate::error::Result;
use crate::kernels::map::{self, Binary, Curve, Unary};
use crate::kernels::{edit, loss, reduce};
use crate::nn::Values;
pub(in crate::records) use of_rows::steered;

/// The loss of a record in a term of a training.
#[derive(Clone, Copy, Debug)]
pub enum Lesson {
    /// Its own, that of the objective.
    Own,
    /// own ℓ + weight T² KL(t ‖ softmax(z / T)) (Hinton, Vinyals & Dean 2015) with the logits z and a teacher's
    /// answers t, softened by the same temperature T.
    Teacher {
        /// t, a row [classes] for each record by its id.
        answers: Buf<f32>,
        /// T.
        temperature: f64,
        /// Factor on the record's own loss.
        own: f64,
        /// Factor on the distance.
        weight: f64,
    },
    /// weight Σ (z − t)² / classes with the outputs z and a teacher's outputs t.
    Match {
        /// t, a row [classes] for each record by its id.
        outputs: Buf<f32>,
        /// Factor on the distance.
        weight: f64,
    },
    /// (2/β) log(1 + exp(β (ℓ₀ − ℓ))): falls while ℓ grows, and ever less (Zhang et al., COLM 2024, eq. 3).
    Preference {
        /// ℓ₀, one for each record by its id.
        before: Buf<f32>,
        /// β.
        beta: f64,
    },
    /// ℓ times c = ℓ^(−1/2), held fixed and divided by the batch's mean of it, so that a record that is forgotten
    /// already is pushed less (Huang et al., NeurIPS 2024, with their λ of 1/2).
    Adaptive,
    /// The loss ℓ of each row, a record or a token of a text, times c = p^α, held fixed, p = exp(−ℓ) the probability of
    /// its label: what the network hardly says any more is pushed no further (Wang et al., ICLR 2025, WGA).
    Certain {
        /// α.
        alpha: f64,
    },
    /// weight KL(softmax(z₀ − γ 1_y) ‖ softmax(z)) of each row, a record or a token of a text, y its label and z₀ the
    /// logits of other parameters, computed in evaluation form in each step (Dong et al., NAACL 2025, UNDIAL); with γ
    /// of 0 the distance to what those parameters say.
    Adjusted {
        /// Those of z₀.
        origin: Values,
        /// γ.
        gamma: f64,
        /// Factor on the distance.
        weight: f64,
    },
    /// weight ‖h − t‖² / width of what the first layers make of each row, a record or a token of a text; nothing behind
    /// them has a gradient (Li et al., ICML 2024, RMU).
    Steered {
        /// How many layers.
        layers: usize,
        /// t.
        towards: Towards,
        /// Factor on the distance.
        weight: f64,
    },
    /// (2/β) log(1 + exp(−β (m − m₀))) of each pair of [`super::super::Part::Pairs`], m = Σℓ of its forgotten tokens −
    /// Σℓ of those preferred to them (Rafailov et al., NeurIPS 2023, eq. 7, in the form of NPO). Each text of a pair
    /// has the pair's loss.
    Preferred {
        /// Of the texts by their ids: how many tokens count of the forgotten one, and less as many of the other.
        signed: Buf<f32>,
        /// Those times the losses of the original, so that m₀ is a pair's sum.
        before: Buf<f32>,
        /// β.
        beta: f64,
    },
}

/// What activations are steered to.
#[derive(Clone, Copy, Debug)]
pub enum Towards {
    /// One vector \[width\] for every row.
    Direction(Buf<f32>),
    /// What the same layers make of the row with other parameters, in evaluation form.
    Those(Values),
}

/// The largest 1/√ℓ that weighs a record: below a loss of its −2nd power all weigh the same.
const MOST: f32 = 1e4;

impl Lesson {
    /// The parameters whose logits it compares with.
    pub(in crate::records) fn teacher(self) -> Option<Values> {
        match self {
            Lesson::Adjusted { origin, .. } => Some(origin),
            _ => None,
        }
    }

    /// Whether some parameters have no gradient of it, whatever the network.
    pub(crate) fn is_partial(self) -> bool {
        matches!(self, Lesson::Steered { .. })
    }

    /// Makes of the objective's losses what the lesson asks for. `taught` are logits of [`Lesson::teacher`].
    ///
    /// # Errors
    /// Records without labels, for what looks at those.
    pub(in crate::records) fn record(
        self,
        rec: &mut Recording,
        out: &Outputs,
        targets: &Targets,
        own: &Losses,
        taught: Option<Buf<f32>>,
    ) -> Result<()> {
        let (n, losses, ids) = (out.n, own.sums.range(0..out.n), targets.ids()?);
        match self {
            // What is made of activations needs no objective.
            Lesson::Own | Lesson::Steered { .. } => {}
            Lesson::Certain { alpha } => of_rows::certain(rec, out, targets, own, alpha)?,
            Lesson::Adjusted { gamma, weight, .. } => {
                of_rows::adjusted(rec, out, targets, own, (taught, gamma, weight))?;
            }
            Lesson::Preferred { signed, before, beta } => {
                let [signed, before] = [signed, before].map(|table| self.rows(rec, table, 1, ids));
                of_pairs::preferred(rec, out, own, [signed, before], beta);
            }
            Lesson::Teacher { answers, temperature, own: share, weight } => {
                let t = self.rows(rec, answers, out.classes, ids);
                let (away, slope) = (rec.temp("distance", n), rec.temp("its gradient", out.logits.len));
                let softened = rec.temp("softened", out.logits.len);
                map::axpby(rec, (1.0 / temperature) as f32, out.logits, 0.0, softened);
                loss::soft_kl(rec, softened, t, away, slope);
                // T² KL has the gradient T (softmax(z / T) − t) in z.
                let square = (weight * temperature * temperature) as f32;
                blend(rec, (square, away), (share as f32, losses));
                blend(rec, ((weight * temperature) as f32, slope), (share as f32, own.dlogits));
            }
            Lesson::Match { outputs, weight } => {
                let t = self.rows(rec, outputs, out.classes, ids);
                let (away, slope) = (rec.temp("distance", n), rec.temp("its gradient", out.logits.len));
                loss::mse(rec, out.logits, t, away, slope);
                blend(rec, (weight as f32, away), (0.0, losses));
                blend(rec, (weight as f32, slope), (0.0, own.dlogits));
            }
            Lesson::Preference { before, beta } => {
                let from = self.rows(rec, before, 1, ids);
                let (rise, scaled) = (rec.temp("fall", n), rec.temp("scaled", n));
                map::binary(rec, Binary::Sub, from, losses, rise);
                map::axpby(rec, beta as f32, rise, 0.0, scaled);
                let (sure, factor) = (rec.temp("sigmoid", n), rec.temp("factor", n));
                map::unary(rec, Unary::Sigmoid, scaled, sure);
                map::axpby(rec, -2.0, sure, 0.0, factor);
                times_rows(rec, own.dlogits, factor, out);
                let soft = rec.temp("softplus", n);
                map::unary(rec, Curve { op: Unary::Softplus, a: beta as f32, b: 20.0 }, rise, soft);
                map::axpby(rec, 2.0, soft, 0.0, losses);
            }
            Lesson::Adaptive => {
                let (ones, root) = (rec.temp("ones", n), rec.temp("1/sqrt(loss)", n));
                map::fill(rec, ones, MOST);
                // min(1, c / √ℓ) of a bound c = 1/MOST, times MOST.
                loss::clip_rows(rec, ones, losses, None, root, 1.0 / MOST);
                let (none, sum, factor) = (rec.temp("none", n), rec.temp("sum", 1), rec.temp("factor", n));
                rec.clear(none);
                reduce::total(rec, root, sum, 1.0, false);
                edit::precondition(rec, root, none, sum, (1.0 / n as f64) as f32, factor);
                times_rows(rec, own.dlogits, factor, out);
                let weighed = rec.temp("weighed", n);
                map::binary(rec, Binary::Mul, losses, factor, weighed);
                map::axpby(rec, 1.0, weighed, 0.0, losses);
            }
        }
        Ok(())
    }

    /// Records the rows of a table by the records' ids.
    fn rows(self, rec: &mut Recording, table: Buf<f32>, width: usize, ids: Buf<u32>) -> Buf<f32> {
        let rows = rec.temp("of the records", ids.len * width);
        map::gather_rows(rec, table, 0, table.len.checked_div(width).unwrap_or(0), width, ids, rows);
        rows
    }
}

/// Records `into = a x + b into`.
fn blend(rec: &mut Recording, (a, x): (f32, Buf<f32>), (b, into): (f32, Buf<f32>)) {
    map::axpby(rec, a, x, b, into);
}

/// Records the rows of x times a number for each record.
fn times_rows(rec: &mut Recording, x: Buf<f32>, factor: Buf<f32>, out: &Outputs) {
    let factor = out.of_rows(rec, factor);
    let (none, y) = (rec.temp("none", factor.len), rec.temp("weighed rows", x.len));
    rec.clear(none);
    loss::clip_rows(rec, x, none, Some(factor), y, 1.0);
    map::axpby(rec, 1.0, y, 0.0, x);
}
