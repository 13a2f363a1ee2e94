//! `batch_norm`: a channel's values over the whole batch to mean 0 and spread 1 in training, by running statistics
//! elsewhere. In training records lose gradients of their own; by running statistics they keep them.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, settings, table};
use super::norm::{added, small};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Mode, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::norm::{self, NormShape, Places};

pub static ROW: LayerRow = LayerRow {
    kind: "batch_norm",
    summary: "normalises channels over the batch (Ioffe & Szegedy 2015), by running statistics outside training; \
        weight and bias per channel, PyTorch's BatchNorm1d and BatchNorm2d",
    facts: Facts { linear: true, running_state: true, ..Facts::PLAIN },
    build: |t| {
        let keys: BatchNorm = settings(&ROW, t)?;
        Ok(Box::new(keys))
    },
    keys: Keys::of::<BatchNorm>(),
    example: "type = \"batch_norm\"\nname = \"bn\"",
    example_input: &[4, 3, 5],
};

#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct BatchNorm {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Added to the variance.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default = "small")]
    eps: f64,
    /// Share of a batch's statistics in the running ones.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    #[serde(default = "tenth")]
    momentum: f64,
    /// Running statistics are used and kept in training too; weight and bias still train.
    #[serde(default)]
    frozen: bool,
}

fn tenth() -> f64 {
    0.1
}

/// Names of the running statistics, in PyTorch's order.
const STATE: [&str; 3] = ["running_mean", "running_var", "num_batches_tracked"];

impl BatchNorm {
    fn shape(&self, n: usize, input: &[usize]) -> Result<NormShape> {
        let refused = |what: String| Error::input(format!("layer `{}`: {what}", self.name));
        let fail = |what| Err(refused(what));
        let &[c, ref positions @ ..] = input else {
            return fail("batch_norm takes [channels, …], its input has no axes".into());
        };
        let eps = added(self.eps).map_err(refused)?;
        if !(0.0..=1.0).contains(&self.momentum) {
            return fail(format!("momentum must be 0 to 1, it is {}", self.momentum));
        }
        Ok(NormShape { n, c, p: positions.iter().product(), groups: c, eps, centred: true })
    }

    fn part(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }

    /// The layer's range of the state, and where its statistics are in it.
    fn state_of(&self, cx: &Forward, c: usize) -> Result<(Buf<f32>, Places)> {
        let at = STATE.map(|part| cx.layout.state_range(&self.part(part)));
        let [means, spread, batches] = at;
        let (means, spread, batches) = (means?.start, spread?.start, batches?.start);
        let state = cx.state.ok_or_else(|| Error::internal("batch_norm was given no running statistics"))?;
        debug_assert!(means + c <= spread && spread + c <= batches, "statistics of a layer in their order");
        Ok((state.range(means..batches + 1), Places { spread: spread - means, batches: batches - means }))
    }

    /// Mean and variance to normalise by, and whether they are the batch's own.
    fn moments(&self, cx: &mut Forward, x: Buf<f32>, s: NormShape) -> Result<([Buf<f32>; 2], bool)> {
        let (state, at) = self.state_of(cx, s.c)?;
        // One value has no spread: PyTorch refuses it, which would make a set's size decide whether it can be trained
        // on.
        if cx.mode != Mode::Train || self.frozen || s.n * s.p < 2 {
            return Ok(([state.range(0..s.c), state.range(at.spread..at.spread + s.c)], false));
        }
        let own = ["mean", "variance"].map(|name| cx.rec.temp(name, s.c));
        norm::moments(cx.rec, x, own[0], own[1], s);
        norm::follow(cx.rec, own, state, at, s, self.momentum as f32);
        Ok((own, true))
    }
}

impl Layer for BatchNorm {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        if self.name.is_empty() {
            self.name = format!("bn{index}");
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.shape(1, input)?;
        Ok(input.to_vec())
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let c = self.shape(1, input)?.c;
        let spec = |part, value| ParamSpec { name: self.part(part), shape: vec![c], init: Init::Constant(value) };
        Ok(vec![spec("weight", 1.0), spec("bias", 0.0)])
    }

    fn state(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let c = self.shape(1, input)?.c;
        let starts = [Init::Constant(0.0), Init::Constant(1.0), Init::Count];
        let shapes = [vec![c], vec![c], Vec::new()];
        let each = STATE.iter().zip(starts).zip(shapes);
        Ok(each.map(|((part, init), shape)| ParamSpec { name: self.part(part), shape, init }).collect())
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        if cx.graph.is_some() {
            return Err(Error::input(format!(
                "layer `{}`: batch_norm among the nodes of a graph would go on counting deleted nodes; use group_norm \
                 or layer_norm",
                self.name
            )));
        }
        let s = self.shape(cx.n, input)?;
        let affine = [cx.param(&self.name, "weight")?, cx.param(&self.name, "bias")?];
        let (moments, own) = self.moments(cx, x, s)?;
        let (y, stats) = (cx.rec.temp("y", x.len), cx.rec.temp("stats", s.stats()));
        norm::spread(cx.rec, moments, stats, s);
        norm::normalise(cx.rec, x, affine, stats, y, s);
        Ok((y, Saved { floats: vec![x, stats], of_batch: own, ..Default::default() }))
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
        let (x, stats, gamma) = (saved.floats[0], saved.floats[1], cx.param(&self.name, "weight")?);
        let dx = need_dx.then(|| cx.rec.temp("dx", dy.len));
        if saved.of_batch {
            cx.sink_batch_affine(&self.name, [x, gamma, stats, dy], dx, &s)?;
            return Ok(dx);
        }
        cx.sink_affine(&self.name, x, stats, dy, &s)?;
        if let Some(dx) = dx {
            norm::normalise_bwd_x(cx.rec, [x, gamma, stats, dy], dx, s);
        }
        Ok(dx)
    }
}
