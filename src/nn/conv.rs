//! `conv2d`: cross-correlation in NCHW, PyTorch's weight layout.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Family, Layer, LayerRow, Size, picture, settings, table};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::conv::{self, ConvShape};

pub static ROW: LayerRow = LayerRow {
    kind: "conv2d",
    summary: "2-d convolution, weight [out, in/groups, kh, kw]; stride, padding, dilation, groups, bias",
    facts: Facts { family: Some(Family::Cnn), linear: true, folds: true, ..Facts::PLAIN },
    build: |t| Ok(Box::new(settings::<Conv2d>(&ROW, t)?)),
    keys: Keys::of::<Conv2d>(),
    example: "type = \"conv2d\"\nname = \"conv\"\nout = 4\nkernel = [3, 2]\nstride = [2, 1]\n\
        padding = [2, 1]\ndilation = [1, 2]\ngroups = 2",
    example_input: &[2, 7, 6],
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Conv2d {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Channels that come out.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    out: usize,
    /// Size of the window: one number, or [height, width].
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::window", extend("unit" = "pixels")))]
    kernel: Size,
    /// Steps of the window: one number, or [down, along].
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::window", extend("unit" = "pixels")))]
    #[serde(default = "one")]
    stride: Size,
    /// Zeros around the picture: one number, or [above and below, left and right].
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "pixels")))]
    #[serde(default = "none")]
    padding: Size,
    /// Distance of the window's points: one number, or [down, along].
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::window", extend("unit" = "pixels")))]
    #[serde(default = "one")]
    dilation: Size,
    /// Groups of channels that do not mix; divides both numbers of channels.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default = "single")]
    groups: usize,
    /// Whether a constant is added to each output.
    #[serde(default = "yes")]
    bias: bool,
}

fn one() -> Size {
    Size::Both(1)
}

fn none() -> Size {
    Size::Both(0)
}

fn single() -> usize {
    1
}

fn yes() -> bool {
    true
}

impl Conv2d {
    fn shape(&self, n: usize, input: &[usize]) -> Result<(ConvShape, [usize; 2])> {
        let [ci, h, w] = picture(ROW.kind, input).map_err(|e| Error::input(format!("layer `{}`: {e}", self.name)))?;
        if self.out == 0 {
            return Err(Error::input(format!(
                "layer `{}` (conv2d): `out`, the number of its channels, is 0",
                self.name
            )));
        }
        let s = ConvShape {
            stride: self.stride.pair(),
            padding: self.padding.pair(),
            dilation: self.dilation.pair(),
            groups: self.groups,
            ..ConvShape::plain(n, ci, h, w, self.out, self.kernel.pair())
        };
        let out = s.out().map_err(|e| Error::input(format!("layer `{}` (conv2d) over {input:?}: {e}", self.name)))?;
        Ok((s, out))
    }
}

impl Layer for Conv2d {
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
        let (_, [oh, ow]) = self.shape(1, input)?;
        Ok(vec![self.out, oh, ow])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let shape = self.shape(1, input)?;
        let taps = shape.0.taps();
        Ok(Passes { name: &self.name, bias: self.bias, shape }.params(&taps))
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        Passes { name: &self.name, bias: self.bias, shape: self.shape(cx.n, input)? }.forward(cx, x)
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        Passes { name: &self.name, bias: self.bias, shape: self.shape(cx.n, input)? }.backward(cx, saved, dy, need_dx)
    }
}

/// Both passes of a convolution, over pictures or over rows of one line.
pub(super) struct Passes<'a> {
    /// Of the layer.
    pub name: &'a str,
    /// Whether it has one.
    pub bias: bool,
    /// Sizes, and height and width of what comes out.
    pub shape: (ConvShape, [usize; 2]),
}

impl Passes<'_> {
    /// Weight and bias; the weight's shape is [out, in/groups, taps…].
    pub fn params(&self, taps: &[usize]) -> Vec<ParamSpec> {
        let s = &self.shape.0;
        let shape = [&[s.co, s.ci / s.groups], taps].concat();
        let init = Init::HeUniform { fan_in: shape[1..].iter().fold(1, |all: usize, side| all.saturating_mul(*side)) };
        let weight = ParamSpec { name: format!("{}.weight", self.name), shape, init };
        let bias = ParamSpec::zeros(format!("{}.bias", self.name), vec![s.co]);
        if self.bias { vec![weight, bias] } else { vec![weight] }
    }

    pub fn forward(&self, cx: &mut Forward, x: Buf<f32>) -> Result<(Buf<f32>, Saved)> {
        let (s, [oh, ow]) = &self.shape;
        let w = cx.param(self.name, "weight")?;
        let b = if self.bias { Some(cx.param(self.name, "bias")?) } else { None };
        let y = cx.rec.temp("y", s.n * s.co * oh * ow);
        conv::conv2d(cx.rec, s, x, w, b, y);
        Ok((y, Saved { floats: vec![x], ..Default::default() }))
    }

    pub fn backward(&self, cx: &mut Backward, saved: &Saved, dy: Buf<f32>, need_dx: bool) -> Result<Option<Buf<f32>>> {
        let (s, [oh, ow]) = &self.shape;
        cx.sink_conv(&format!("{}.weight", self.name), s, saved.floats[0], dy)?;
        if self.bias {
            cx.sink_bias(&format!("{}.bias", self.name), dy, s.co, oh * ow)?;
        }
        if !need_dx {
            return Ok(None);
        }
        let w = cx.param(self.name, "weight")?;
        let dx = cx.rec.temp("dx", s.n * s.ci * s.h * s.w);
        conv::conv2d_bwd_x(cx.rec, s, w, dy, dx);
        Ok(Some(dx))
    }
}
