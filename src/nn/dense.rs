//! A map of rows with a bias: what dense layers, tables and the projections of attention are made of.

mod low_rank;

use super::lora::Lora;
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use crate::base::single;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::graph::{self, Spmm};
use crate::kernels::linear::{self, Mat, Product};

/// y = x Wᵀ + b with W [outputs, inputs], or y = x W + b with W [inputs, outputs].
pub(super) struct Dense {
    /// Stem of its parameters' names.
    pub name: String,
    pub inputs: usize,
    pub outputs: usize,
    pub bias: bool,
    /// W is [inputs, outputs].
    pub transposed: bool,
    /// How W starts.
    pub init: Init,
    /// What is learned beside it.
    pub lora: Option<Lora>,
}

impl Dense {
    /// Its parameters in PyTorch's order.
    pub fn specs(&self) -> Vec<ParamSpec> {
        let shape = if self.transposed { [self.inputs, self.outputs] } else { [self.outputs, self.inputs] };
        let weight = ParamSpec { name: self.part("weight"), shape: shape.to_vec(), init: self.init };
        let bias = self.bias.then(|| ParamSpec::zeros(self.part("bias"), vec![self.outputs]));
        std::iter::once(weight).chain(bias).chain(self.lora_specs()).collect()
    }

    pub(super) fn part(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }

    /// Records y [n, outputs] of dense rows or of sparse features.
    pub fn forward(&self, cx: &mut Forward, x: Buf<f32>) -> Result<Buf<f32>> {
        let y = self.own_forward(cx, x)?;
        self.lora_forward(cx, x, y)?;
        Ok(y)
    }

    fn own_forward(&self, cx: &mut Forward, x: Buf<f32>) -> Result<Buf<f32>> {
        let Dense { inputs, outputs, .. } = *self;
        let w = cx.param(&self.name, "weight")?;
        let b = if self.bias { Some(cx.param(&self.name, "bias")?) } else { None };
        if !self.transposed {
            return Ok(cx.project(x, w, b, inputs, outputs));
        }
        let (y, bias) = (cx.rec.temp("y", cx.n * outputs), b.is_some());
        match &cx.pattern {
            // A row of W for each nonzero.
            Some(p) => graph::spmm(cx.rec, &p.x, x, w, b.unwrap_or(w), y, outputs, Spmm { own: 0.0, bias }),
            None => {
                let (x, w_mat) = (Mat::new(x, cx.n, inputs), Mat::new(w, inputs, outputs));
                linear::product(cx.rec, x, w_mat, b.unwrap_or(w), y, Product { bias, ..Default::default() });
            }
        }
        Ok(y)
    }

    /// Sends the gradients of W and b to the sink and records dx; `saved` begins with x, and has its pattern.
    pub fn backward(&self, cx: &mut Backward, saved: &Saved, dy: Buf<f32>, need_dx: bool) -> Result<Option<Buf<f32>>> {
        let dx = self.own_backward(cx, saved, dy, need_dx)?;
        self.lora_backward(cx, saved, dy, dx)?;
        Ok(dx)
    }

    fn own_backward(&self, cx: &mut Backward, saved: &Saved, dy: Buf<f32>, need_dx: bool) -> Result<Option<Buf<f32>>> {
        let Dense { inputs, outputs, .. } = *self;
        match self.transposed {
            true => cx.sink_table(&self.part("weight"), saved, dy, inputs, outputs)?,
            false => cx.sink_dense(&self.part("weight"), saved, dy, inputs, outputs)?,
        }
        if self.bias {
            cx.sink_bias(&self.part("bias"), dy, outputs, 1)?;
        }
        if !need_dx {
            return Ok(None);
        }
        let w = cx.param(&self.name, "weight")?;
        if !self.transposed {
            return Ok(Some(cx.project_back(dy, w, inputs, outputs)));
        }
        let dx = cx.rec.temp("dx", cx.n * inputs);
        let (dy, w_mat) = (Mat::new(dy, cx.n, outputs), Mat::new(w, inputs, outputs).t());
        linear::product(cx.rec, dy, w_mat, w, dx, Product::default());
        Ok(Some(dx))
    }
}

/// A [`Saved`] of one tensor, for a map inside a layer.
pub(super) fn kept(x: Buf<f32>) -> Saved {
    Saved { floats: vec![x], ..Default::default() }
}

/// How a layer's weights start: with the standard deviation that its configuration gives, or as `usual`.
///
/// # Errors
/// A deviation that cannot be.
pub(super) fn start(layer: &str, spread: Option<f64>, usual: Init) -> Result<Init> {
    match spread {
        None => Ok(usual),
        Some(spread) if spread >= 0.0 && single(spread) => Ok(Init::Spread(spread as f32)),
        Some(spread) => Err(Error::input(format!(
            "layer `{layer}`: spread must be 0 or a positive number of 32 bits (1.2e-38 to 3.4e38), it is {spread}"
        ))),
    }
}
