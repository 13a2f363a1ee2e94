//! `group_norm`, `layer_norm` and `rms_norm`. None couples samples, so per-sample gradients stay defined (batch norm's
//! do not).

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, settings, table};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use crate::base::single;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::norm::{self, NormShape};

pub static GROUP: LayerRow = LayerRow {
    kind: "group_norm",
    summary: "normalises groups of channels of each sample (Wu & He 2018), weight and bias per channel",
    facts: Facts { linear: true, ..Facts::PLAIN },
    build: |t| {
        let g: Group = settings(&GROUP, t)?;
        Ok(Box::new(Norm { name: g.name, eps: g.eps, of: Of::Groups(g.groups) }))
    },
    keys: Keys::of::<Group>(),
    example: "type = \"group_norm\"\nname = \"gn\"\ngroups = 2",
    example_input: &[4, 3, 5],
};

pub static LAYER: LayerRow = LayerRow {
    kind: "layer_norm",
    summary: "normalises the features of each sample (Ba et al. 2016), weight and bias per feature",
    facts: Facts { linear: true, ..Facts::PLAIN },
    build: |t| {
        let l: LayerNorm = settings(&LAYER, t)?;
        Ok(Box::new(Norm { name: l.name, eps: l.eps, of: Of::Layer }))
    },
    keys: Keys::of::<LayerNorm>(),
    example: "type = \"layer_norm\"\nname = \"ln\"",
    example_input: &[9],
};

pub static RMS: LayerRow = LayerRow {
    kind: "rms_norm",
    summary: "divides the features of each sample by their root mean square (Zhang & Sennrich 2019); weight per \
        feature",
    facts: Facts { linear: true, ..Facts::PLAIN },
    build: |t| {
        let r: RmsNorm = settings(&RMS, t)?;
        Ok(Box::new(Norm { name: r.name, eps: r.eps, of: Of::Root }))
    },
    keys: Keys::of::<RmsNorm>(),
    example: "type = \"rms_norm\"\nname = \"rms\"",
    example_input: &[9],
};

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Group {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Groups of channels; divides their number.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    groups: usize,
    /// Added to the variance.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default = "small")]
    eps: f64,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct LayerNorm {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Added to the variance.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default = "small")]
    eps: f64,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RmsNorm {
    /// Stem of its parameter's name; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Added to the mean square.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default = "smaller")]
    eps: f64,
}

/// What Llama adds to a mean square.
fn smaller() -> f64 {
    1e-6
}

/// What is added to a variance where a configuration does not say.
pub(super) fn small() -> f64 {
    1e-5
}

/// What is added to a variance, as the kernels take it.
///
/// # Errors
/// A number that cannot be.
pub(super) fn added(eps: f64) -> std::result::Result<f32, String> {
    match eps >= 0.0 && single(eps) {
        true => Ok(eps as f32),
        false => Err(format!("eps must be 0 or a positive number of 32 bits (1.2e-38 to 3.4e38), it is {eps}")),
    }
}

/// What is normalised, and by what.
#[derive(Clone, Copy)]
enum Of {
    /// So many groups of channels, by mean and variance.
    Groups(usize),
    /// The one feature axis, by mean and variance.
    Layer,
    /// The one feature axis, by its root mean square.
    Root,
}

struct Norm {
    name: String,
    eps: f64,
    of: Of,
}

impl Norm {
    fn shape(&self, n: usize, input: &[usize]) -> Result<NormShape> {
        let refused = |what: String| Error::input(format!("layer `{}`: {what}", self.name));
        let fail = |what| Err(refused(what));
        let (c, p, groups) = match (self.of, input) {
            (Of::Layer | Of::Root, &[c]) => (c, 1, 1),
            (Of::Layer | Of::Root, _) => {
                return fail(format!("{} takes [features], its input is {input:?}", self.row().kind));
            }
            (Of::Groups(g), &[c, ..]) => (c, input[1..].iter().product(), g),
            (Of::Groups(_), []) => return fail("group_norm takes [channels, …], its input has no axes".into()),
        };
        let eps = added(self.eps).map_err(refused)?;
        if groups == 0 || c % groups != 0 {
            return fail(format!("{c} channels cannot be split into {groups} groups of equal size"));
        }
        Ok(NormShape { n, c, p, groups, eps, centred: !matches!(self.of, Of::Root) })
    }
}

impl Layer for Norm {
    fn row(&self) -> &'static LayerRow {
        match self.of {
            Of::Groups(_) => &GROUP,
            Of::Layer => &LAYER,
            Of::Root => &RMS,
        }
    }

    fn config(&self) -> toml::Table {
        let (name, eps) = (self.name.clone(), self.eps);
        match self.of {
            Of::Groups(groups) => table(&GROUP, &Group { name, groups, eps }),
            Of::Layer => table(&LAYER, &LayerNorm { name, eps }),
            Of::Root => table(&RMS, &RmsNorm { name, eps }),
        }
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        if self.name.is_empty() {
            let stem = match self.of {
                Of::Groups(_) => "gn",
                Of::Layer => "ln",
                Of::Root => "rms",
            };
            self.name = format!("{stem}{index}");
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.shape(1, input)?;
        Ok(input.to_vec())
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let NormShape { c, centred, .. } = self.shape(1, input)?;
        let spec = |part: &str, value| ParamSpec {
            name: format!("{}.{part}", self.name),
            shape: vec![c],
            init: Init::Constant(value),
        };
        let both = [spec("weight", 1.0), spec("bias", 0.0)];
        Ok(both.into_iter().take(if centred { 2 } else { 1 }).collect())
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let s = self.shape(cx.n, input)?;
        let gamma = cx.param(&self.name, "weight")?;
        let (y, stats) = (cx.rec.temp("y", x.len), cx.rec.temp("stats", s.stats()));
        match s.centred {
            true => {
                let beta = cx.param(&self.name, "bias")?;
                norm::group(cx.rec, x, gamma, beta, y, stats, s);
            }
            false => norm::rms(cx.rec, x, gamma, y, stats, s),
        }
        Ok((y, Saved { floats: vec![x, stats], ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let s = self.shape(cx.n, input)?;
        let (x, stats) = (saved.floats[0], saved.floats[1]);
        match s.centred {
            true => cx.sink_affine(&self.name, x, stats, dy, &s)?,
            false => cx.sink_scale(&self.name, x, stats, dy, &s)?,
        }
        if !need_dx {
            return Ok(None);
        }
        let gamma = cx.param(&self.name, "weight")?;
        let dx = cx.rec.temp("dx", dy.len);
        norm::group_bwd_x(cx.rec, x, gamma, stats, dy, dx, s);
        Ok(Some(dx))
    }
}
