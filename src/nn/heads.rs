//! What layers of attention over a graph have in common: several heads, weights of edges that dropout thins, and maps
//! of the same rows whose gradients come together.

use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::project::Project;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::{attention, map};

/// More than this is taken for a slip.
const MOST_HEADS: usize = 1024;

/// Heads of a layer, and what becomes of their rows.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub count: usize,
    /// Of one of them.
    pub width: usize,
    /// Side by side; else their mean.
    pub concat: bool,
    /// Share of the weights of edges that is dropped in training.
    pub dropout: f64,
}

impl Heads {
    /// Refuses settings that are none; `rest` are the layer's own rules: whether they hold, and what must.
    pub fn check(kind: &str, name: &str, heads: usize, dropout: f64, rest: &[(bool, &str)]) -> Result<()> {
        let rules = [
            ((1..=MOST_HEADS).contains(&heads), "heads must be from 1 to 1024"),
            ((0.0..1.0).contains(&(dropout as f32)), "dropout must be in [0, 1)"),
        ];
        match rules.iter().chain(rest).find(|(good, _)| !good) {
            Some((_, want)) => Err(Error::input(format!("layer `{name}` ({kind}): {want}"))),
            None => Ok(()),
        }
    }

    /// A mean over one head is that head.
    fn averages(self) -> bool {
        !self.concat && self.count > 1
    }

    /// The weights of edges that dropout leaves, and the stream that it drew from.
    pub fn draw(self, cx: &mut Forward, alpha: Buf<f32>) -> Result<(Buf<f32>, Option<u32>)> {
        if !cx.mode.trains() || self.dropout == 0.0 {
            return Ok((alpha, None));
        }
        let (stream, step) = cx.dropout_stream()?;
        let kept = cx.rec.temp("kept", alpha.len);
        map::dropout(cx.rec, alpha, kept, self.dropout as f32, stream, step);
        Ok((kept, Some(stream)))
    }

    /// The gradient of the weights before dropout from that of what it left.
    pub fn undraw(self, cx: &mut Backward, saved: &Saved, dkept: Buf<f32>) -> Result<Buf<f32>> {
        let Some(stream) = saved.stream else { return Ok(dkept) };
        let (step, dalpha) = (cx.step_words()?, cx.rec.temp("dalpha", dkept.len));
        map::dropout(cx.rec, dkept, dalpha, self.dropout as f32, stream, step);
        Ok(dalpha)
    }

    /// What the heads' rows [n, heads, width] become.
    pub fn join(self, cx: &mut Forward, each: Buf<f32>) -> Buf<f32> {
        if !self.averages() {
            return each;
        }
        let y = cx.rec.temp("y", cx.n * self.width);
        attention::mean_heads(cx.rec, each, y, self.count, self.width);
        y
    }

    /// The gradient of the heads' rows from that of what they became.
    pub fn part(self, cx: &mut Backward, dy: Buf<f32>) -> Buf<f32> {
        if !self.averages() {
            return dy;
        }
        let each = cx.rec.temp("dheads", cx.n * self.count * self.width);
        attention::mean_heads_bwd(cx.rec, dy, each, self.count, self.width);
        each
    }
}

/// A map of a node's features, with the name of its bias where it has one.
pub(super) struct Affine {
    pub project: Project,
    pub bias: Option<String>,
}

impl Affine {
    /// Its parameters in PyTorch's order.
    pub fn specs(&self) -> impl Iterator<Item = ParamSpec> {
        let bias = self.bias.iter().map(|name| ParamSpec::zeros(name.clone(), vec![self.project.outputs]));
        std::iter::once(self.project.spec()).chain(bias)
    }

    /// Records x W + b.
    pub fn forward(&self, cx: &mut Forward, x: Buf<f32>) -> Result<Buf<f32>> {
        let w = cx.layout.slice(cx.theta, &self.project.weight)?;
        let bias = self.bias.as_ref().map(|name| cx.layout.slice(cx.theta, name)).transpose()?;
        Ok(cx.project(x, w, bias, self.project.inputs, self.project.outputs))
    }
}

/// Records what several maps of the same rows hand back: weights and biases to the sink, the sum of their dx.
pub(super) fn maps_backward<'m>(
    cx: &mut Backward,
    saved: &Saved,
    maps: impl IntoIterator<Item = (&'m Affine, Buf<f32>)>,
    need_dx: bool,
) -> Result<Option<Buf<f32>>> {
    let mut dx: Option<Buf<f32>> = None;
    for (to, d) in maps {
        if let Some(bias) = &to.bias {
            cx.sink_bias(bias, d, to.project.outputs, 1)?;
        }
        let part = to.project.backward(cx, saved, d, need_dx)?;
        match (dx, part) {
            (Some(sum), Some(part)) => map::axpby(cx.rec, 1.0, part, 1.0, sum),
            (None, part) => dx = part,
            (Some(_), None) => {}
        }
    }
    Ok(dx)
}
