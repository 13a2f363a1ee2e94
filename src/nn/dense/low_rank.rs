//! The passes of a map with a low-rank adapter beside it.

use super::super::lora::Lora;
use super::super::params::{Init, ParamSpec};
use super::super::pass::{Backward, Forward, Saved};
use super::{Dense, kept};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::linear::{self, Mat, Product};

impl Dense {
    /// The adapter's parameters: A [rank, inputs], B [outputs, rank].
    pub(super) fn lora_specs(&self) -> Vec<ParamSpec> {
        let Some(Lora { rank, .. }) = self.lora else { return Vec::new() };
        // PEFT draws A uniformly in ±1/√inputs.
        let init = Init::HeUniform { fan_in: 6 * self.inputs };
        let a = ParamSpec { name: self.part("lora_A.weight"), shape: vec![rank, self.inputs], init };
        vec![a, ParamSpec::zeros(self.part("lora_B.weight"), vec![self.outputs, rank])]
    }

    /// Records `y += (alpha / rank) x Aᵀ Bᵀ`.
    pub(super) fn lora_forward(&self, cx: &mut Forward, x: Buf<f32>, y: Buf<f32>) -> Result<()> {
        let Some(lora) = self.lora else { return Ok(()) };
        if cx.pattern.is_some() {
            return Err(Error::input(format!("layer `{}`: lora takes dense rows, its input is sparse", self.name)));
        }
        let [a, b] = [cx.param(&self.name, "lora_A.weight")?, cx.param(&self.name, "lora_B.weight")?];
        let h = self.narrow(cx.rec, x, a, cx.n, lora);
        let (h, b_mat) = (Mat::new(h, cx.n, lora.rank), Mat::new(b, self.outputs, lora.rank).t());
        linear::product(cx.rec, h, b_mat, b, y, Product { beta: 1.0, ..Default::default() });
        Ok(())
    }

    /// Records `(alpha / rank) x Aᵀ` [n, rank].
    fn narrow(&self, rec: &mut Recording, x: Buf<f32>, a: Buf<f32>, n: usize, lora: Lora) -> Buf<f32> {
        let h = rec.temp("narrow", n * lora.rank);
        let (x, a_mat) = (Mat::new(x, n, self.inputs), Mat::new(a, lora.rank, self.inputs).t());
        linear::product(rec, x, a_mat, a, h, Product { alpha: lora.scale(), ..Default::default() });
        h
    }

    /// Sends the gradients of A and B to the sink and records what they add to dx; what the forward pass made of x is
    /// made again.
    pub(super) fn lora_backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        dx: Option<Buf<f32>>,
    ) -> Result<()> {
        let Some(lora) = self.lora else { return Ok(()) };
        let [a, b] = [cx.param(&self.name, "lora_A.weight")?, cx.param(&self.name, "lora_B.weight")?];
        let (x, n, rank) = (saved.floats[0], cx.n, lora.rank);
        let h = self.narrow(cx.rec, x, a, n, lora);
        cx.sink_dense(&self.part("lora_B.weight"), &kept(h), dy, rank, self.outputs)?;
        let dh = cx.rec.temp("slopes of the narrow", n * rank);
        let (dy, b_mat) = (Mat::new(dy, n, self.outputs), Mat::new(b, self.outputs, rank));
        linear::product(cx.rec, dy, b_mat, b, dh, Product { alpha: lora.scale(), ..Default::default() });
        cx.sink_dense(&self.part("lora_A.weight"), &kept(x), dh, self.inputs, rank)?;
        if let Some(dx) = dx {
            let (dh, a_mat) = (Mat::new(dh, n, rank), Mat::new(a, rank, self.inputs));
            linear::product(cx.rec, dh, a_mat, a, dx, Product { beta: 1.0, ..Default::default() });
        }
        Ok(())
    }
}
