//! `conv1d`: cross-correlation along a line, a picture of height 1 to the kernels of `conv2d`.

use glam::UVec2;
use serde::{Deserialize, Serialize};

use super::conv::Passes;
use super::keys::Keys;
use super::layer::{Facts, Family, Layer, LayerRow, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::conv::ConvShape;

pub static ROW: LayerRow = LayerRow {
    kind: "conv1d",
    summary: "1-d convolution over [channels, length] ([length]: one channel), weight [out, in/groups, kernel]; \
        stride, padding, dilation, groups, bias",
    facts: Facts { family: Some(Family::Cnn), linear: true, folds: true, ..Facts::PLAIN },
    build: |t| Ok(Box::new(settings::<Conv1d>(&ROW, t)?)),
    keys: Keys::of::<Conv1d>(),
    example: "type = \"conv1d\"\nname = \"conv\"\nout = 4\nkernel = 3\nstride = 2\n\
        padding = 2\ndilation = 2\ngroups = 2",
    example_input: &[2, 11],
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Conv1d {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Channels that come out.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    out: usize,
    /// Length of the window.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    kernel: u32,
    /// Step of the window.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default = "one")]
    stride: u32,
    /// Zeros at either end.
    #[serde(default)]
    padding: u32,
    /// Distance of the window's points.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default = "one")]
    dilation: u32,
    /// Groups of channels that do not mix; divides both numbers of channels.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default = "single")]
    groups: usize,
    /// Whether a constant is added to each output.
    #[serde(default = "yes")]
    bias: bool,
}

fn one() -> u32 {
    1
}

fn single() -> usize {
    1
}

fn yes() -> bool {
    true
}

impl Conv1d {
    fn passes(&self, n: usize, input: &[usize]) -> Result<Passes<'_>> {
        let fail = |what: String| Error::input(format!("layer `{}` (conv1d) over {input:?}: {what}", self.name));
        // An archive of NumPy gives [n, channels, length] as pictures of one channel, a table one line a record.
        let (ci, length) = match *input {
            [ci, length] | [1, ci, length] => (ci, length),
            [length] => (1, length),
            _ => return Err(fail("it takes [channels, length], [1, channels, length] or [length]".to_owned())),
        };
        if self.out == 0 {
            return Err(fail("`out`, the number of its channels, is 0".to_owned()));
        }
        let s = ConvShape {
            stride: UVec2::new(self.stride, 1),
            padding: UVec2::new(self.padding, 0),
            dilation: UVec2::new(self.dilation, 1),
            groups: self.groups,
            ..ConvShape::plain(n, ci, 1, length, self.out, UVec2::new(self.kernel, 1))
        };
        let out = s.out().map_err(fail)?;
        Ok(Passes { name: &self.name, bias: self.bias, shape: (s, out) })
    }
}

impl Layer for Conv1d {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        if self.name.is_empty() {
            self.name = format!("conv{index}");
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![self.out, self.passes(1, input)?.shape.1[1]])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        Ok(self.passes(1, input)?.params(&[self.kernel as usize]))
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        self.passes(cx.n, input)?.forward(cx, x)
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        self.passes(cx.n, input)?.backward(cx, saved, dy, need_dx)
    }
}
