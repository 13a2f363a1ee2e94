//! Weighted sums of the records' gradients from what the pass of their norms leaves, without a second backward pass.
//!
//! A backward pass is linear in a record's logit gradient, so a factor on that is a factor on the gradient of every
//! layer's output: what a weight's gradients were made of in the pass of norms serves their weighted sum, and nothing
//! goes through activations, pools and input gradients again. "Book-keeping" of Bu, Wang, Zha and Karypis,
//! "Differentially private optimization on large model at small cost", ICML 2023.

use super::super::params::ParamLayout;
use super::kept::{Kept, Made};
use super::{Destination, Sink, conv_sum};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::linear::{self, Mat, Product};
use crate::kernels::{Reduction, map, reduce};

impl Kept {
    /// Records what `sink`, a [`Sink::Mean`], says of `Σ c_n g_n`. `times` records the rows of a buffer [records, …],
    /// each times its record's c_n, and returns where they are; a row of factor 0 counts for nothing.
    ///
    /// # Errors
    /// Another sink; another layout than that of the pass.
    pub fn record_sum(
        &self,
        rec: &mut Recording,
        layout: &ParamLayout,
        sink: Sink,
        times: impl Fn(&mut Recording, Buf<f32>) -> Buf<f32>,
    ) -> Result<()> {
        let Sink::Mean { grad, scale, accumulate } = sink else {
            return Err(Error::internal("a weighted sum of gradients goes where their mean goes"));
        };
        let beta = if accumulate { 1.0 } else { 0.0 };
        let ones = rec.temp("ones", self.records);
        map::fill(rec, ones, 1.0);
        let factors = times(rec, ones);
        for (name, made) in &self.parts {
            let out = layout.slice(grad, name)?;
            rec.enter(&format!("{name}.sum"));
            match *made {
                Made::Rows(rows) => reduce::weighted(rec, rows, factors, out, scale, beta),
                Made::Dense { x, dy, sizes: [inputs, outputs] } => {
                    // The factors go where fewer numbers are.
                    let (x, dy) = if inputs < outputs { (times(rec, x), dy) } else { (x, times(rec, dy)) };
                    let how = Product { alpha: scale, beta, ..Default::default() };
                    let (dy, x) = (Mat::new(dy, self.records, outputs), Mat::new(x, self.records, inputs));
                    linear::product(rec, dy.t(), x, factors, out, how);
                }
                Made::Conv { shape, x, dy } => {
                    let how = Reduction { alpha: scale, beta, ..Default::default() };
                    let dy = times(rec, dy);
                    conv_sum(rec, &shape, x, dy, &Destination { out, how });
                }
                Made::Nothing if !accumulate => rec.clear(out),
                Made::Nothing => {}
            }
            rec.leave();
        }
        Ok(())
    }
}
