//! Products of rows with a weight: what dense layers and graph layers do before anything else, for dense rows and for
//! sparse features alike.

use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::graph;
use crate::kernels::linear::{self, Mat, Product};

impl Forward<'_> {
    /// Records `y = x Wᵀ (+ b)` [n, outputs] of dense rows or of sparse features; W [outputs, inputs].
    pub fn project(
        &mut self,
        x: Buf<f32>,
        w: Buf<f32>,
        b: Option<Buf<f32>>,
        inputs: usize,
        outputs: usize,
    ) -> Buf<f32> {
        let y = self.rec.temp("y", self.n * outputs);
        let bias = b.is_some();
        match &self.pattern {
            Some(p) => graph::features(self.rec, &p.x, x, w, b.unwrap_or(w), y, inputs, outputs, bias),
            None => {
                let (x, wt) = (Mat::new(x, self.n, inputs), Mat::new(w, outputs, inputs).t());
                linear::product(self.rec, x, wt, b.unwrap_or(w), y, Product { bias, ..Default::default() });
            }
        }
        y
    }

    /// Sparse features as dense rows [n, width]; dense ones as they are.
    pub fn rows(&mut self, x: Buf<f32>, width: usize) -> Buf<f32> {
        let Some(p) = &self.pattern else { return x };
        let rows = self.rec.temp("rows", self.n * width);
        graph::densify(self.rec, &p.x, x, rows, width);
        rows
    }
}

impl Backward<'_> {
    /// Records `dx = dy W` [n, inputs]; W [outputs, inputs].
    pub fn project_back(&mut self, dy: Buf<f32>, w: Buf<f32>, inputs: usize, outputs: usize) -> Buf<f32> {
        let dx = self.rec.temp("dx", self.n * inputs);
        let (dy, w_mat) = (Mat::new(dy, self.n, outputs), Mat::new(w, outputs, inputs));
        linear::product(self.rec, dy, w_mat, w, dx, Product::default());
        dx
    }
}

/// A linear map without bias inside a graph layer.
pub(super) struct Project {
    /// Name of the weight [outputs, inputs].
    pub weight: String,
    pub inputs: usize,
    pub outputs: usize,
}

impl Project {
    pub fn spec(&self) -> ParamSpec {
        let init = Init::GlorotUniform { fan_in: self.inputs, fan_out: self.outputs };
        ParamSpec { name: self.weight.clone(), shape: vec![self.outputs, self.inputs], init }
    }

    /// Sends the weight's gradient to the sink and records dx, through a relu before the layer where one is offered;
    /// `saved` begins with the map's input.
    pub fn backward(&self, cx: &mut Backward, saved: &Saved, dy: Buf<f32>, need_dx: bool) -> Result<Option<Buf<f32>>> {
        cx.sink_dense(&self.weight, saved, dy, self.inputs, self.outputs)?;
        if !need_dx {
            return Ok(None);
        }
        let w = cx.layout.slice(cx.theta, &self.weight)?;
        if let Some(before) = cx.relu.take_if(|_| graph::takes_project_back(self.inputs, self.outputs)) {
            let dx = cx.rec.temp("dx", before.kept.len);
            graph::project_back(cx.rec, dy, w, before.kept, dx, [self.inputs, self.outputs], before.rate);
            return Ok(Some(dx));
        }
        Ok(Some(cx.project_back(dy, w, self.inputs, self.outputs)))
    }
}
