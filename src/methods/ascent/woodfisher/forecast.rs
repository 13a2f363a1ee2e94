//! What an ascent along an inverse Fisher matrix will cost, measured on a few records before it begins.

use serde::Serialize;

use super::{Blocks, Damping, Woodbury};
use crate::methods::prelude::*;

/// Seconds, and how they compare with a retrain's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Forecast {
    /// For the gradients of all records, and the factor of their Gram matrix.
    pub precompute_s: f64,
    /// For a step of the ascent.
    pub step_s: f64,
    /// Steps at most.
    pub steps: usize,
    /// For a training on the retained records.
    pub retrain_s: f64,
}

/// Records that are measured: few beside those that are taken, and two sizes, for a Gram matrix grows with their
/// square.
const FEW: [usize; 2] = [8, 24];

impl Forecast {
    /// Measures for a matrix of `records` and an ascent of at most `steps`. Leaves the parameters as they are.
    ///
    /// # Errors
    /// Those of the gradients.
    pub fn of(session: &mut Session, view: &View, records: &[u32], blocks: Blocks, steps: usize) -> Result<Forecast> {
        let (v, out) = (session.vector("woodfisher.few")?, session.vector("woodfisher.out")?);
        let (mut times, mut apply_s) = (Vec::new(), 0.0);
        for few in FEW {
            let few = &records[..few.min(records.len())];
            let (mut made_s, mut applied_s) = (0.0, 0.0);
            // The first of each pair is slower: a driver compiles.
            for _ in 0..2 {
                (made_s, applied_s) = (0.0, 0.0);
                let damping = Damping::Relative(1.0);
                let made = timed(&mut made_s, || Woodbury::new(session, Records::train(few), damping, blocks))?;
                timed(&mut applied_s, || made.apply(session, v, out))?;
            }
            times.push((few.len() as f64, made_s));
            apply_s = applied_s / few.len() as f64;
        }
        let all = records.len() as f64;
        Ok(Forecast {
            precompute_s: grown(&times, all),
            step_s: apply_s * all + Forecast::pass(session, Records::before(view.forget))?,
            steps,
            retrain_s: Forecast::retrain(session, view)?,
        })
    }

    /// Seconds of a gradient over some records.
    fn pass(session: &mut Session, records: Records) -> Result<f64> {
        let mut seconds = 0.0;
        for _ in 0..2 {
            seconds = 0.0;
            timed(&mut seconds, || statistics::gradient(session, records, 1.0, false))?;
        }
        Ok(seconds)
    }

    /// Seconds of a training: a step's gradient, as often as the recipe takes steps.
    fn retrain(session: &mut Session, view: &View) -> Result<f64> {
        let (all, epochs) = (view.retain.len(), view.train.epochs);
        let batch = session.step_records(view.train.step_records(), &view.train.fanout)?.clamp(1, all.max(1));
        let step_s = Forecast::pass(session, Records::train(&view.retain[..batch.min(all)]))?;
        Ok(step_s * (all.div_ceil(batch) * epochs) as f64)
    }

    /// All of it, as a multiple of a retrain.
    pub fn of_a_retrain(&self) -> f64 {
        (self.precompute_s + self.steps as f64 * self.step_s) / self.retrain_s.max(f64::MIN_POSITIVE)
    }

    /// In a sentence.
    pub fn said(&self, records: usize, parameters: usize) -> String {
        format!(
            "woodfisher keeps the gradients of {records} records, {parameters} numbers each, and reads them twice a \
             step: about {:.1} s to prepare and up to {} steps of {:.3} s, {:.1} times a retrain of about {:.1} s; \
             lower `records`, `max_steps` or `cost_of_recipe`, or take `blocks = \"tensors\"`",
            self.precompute_s,
            self.steps,
            self.step_s,
            self.of_a_retrain(),
            self.retrain_s
        )
    }
}

/// a n + b n² through two points (and the origin) at `n`, neither part below 0.
fn grown(points: &[(f64, f64)], n: f64) -> f64 {
    let &[(n1, t1), (n2, t2)] = points else { return 0.0 };
    let [each1, each2] = [t1 / n1, t2 / n2];
    let square = if n2 > n1 { ((each2 - each1) / (n2 - n1)).max(0.0) } else { 0.0 };
    (each2 - square * n2).max(0.0) * n + square * n * n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_law_goes_on_as_it_began() {
        let time = |n: f64| 3.0 * n + 0.5 * n * n;
        assert!((grown(&[(8.0, time(8.0)), (24.0, time(24.0))], 256.0) - time(256.0)).abs() < 1e-9);
        // Where more records took less each, the start was overhead, and nothing grows with the square.
        assert_eq!(grown(&[(8.0, 4.0), (24.0, 6.0)], 240.0), 60.0);
        // As many as there are.
        assert_eq!(grown(&[(5.0, 10.0), (5.0, 10.0)], 5.0), 10.0);
    }

    #[test]
    fn what_it_says_is_what_it_would_take() {
        let forecast = Forecast { precompute_s: 2.0, step_s: 0.5, steps: 40, retrain_s: 2.0 };
        assert_eq!(forecast.of_a_retrain(), 11.0);
        let said = forecast.said(256, 59_366);
        assert!(
            said.contains("256 records, 59366 numbers") && said.contains("11.0 times a retrain of about 2.0 s"),
            "{said}"
        );
    }
}
