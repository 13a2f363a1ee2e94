//! `pad_channels`: zero channels before and behind, the parameter-free shortcut of He et al.'s option A.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, settings, table};
use super::pass::{Backward, Forward, Saved};
use super::side;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::map::{self, Block};

pub static ROW: LayerRow = LayerRow {
    kind: "pad_channels",
    summary: "zero channels before and behind those of x: with a stride, the shortcut without parameters (He et al. \
        2016, option A)",
    facts: Facts::PLAIN,
    build: |t| {
        let keys: PadChannels = settings(&ROW, t)?;
        Ok(Box::new(keys))
    },
    keys: Keys::of::<PadChannels>(),
    example: "type = \"pad_channels\"\nbefore = 1\nbehind = 2",
    example_input: &[2, 3, 5],
};

#[derive(Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct PadChannels {
    /// Channels before.
    #[serde(default)]
    before: usize,
    /// Channels behind.
    #[serde(default)]
    behind: usize,
}

impl PadChannels {
    /// Numbers of a record before and behind it, and where x begins in the latter.
    fn columns(self, input: &[usize]) -> Result<[usize; 3]> {
        let positions: usize = input.get(1..).unwrap_or_default().iter().product();
        let out = self.out_shape(input)?.iter().product();
        Ok([input.iter().product(), out, self.before * positions])
    }
}

impl Layer for PadChannels {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let &[channels, ref positions @ ..] = input else {
            return Err(Error::input("layer `pad_channels` takes [channels, …], its input has no axes"));
        };
        let all = self.before.checked_add(self.behind).and_then(|more| more.checked_add(channels));
        let all = all.ok_or_else(|| Error::input("layer `pad_channels`: more channels than can be counted"))?;
        Ok([&[all], positions].concat())
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let [own, all, at] = self.columns(input)?;
        let y = cx.rec.temp("y", cx.n * all);
        cx.rec.clear(y);
        map::columns(cx.rec, Block { of: x, cols: own, at: 0 }, Block { of: y, cols: all, at }, cx.n, own, false);
        Ok((y, Saved::default()))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        _saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        if !need_dx {
            return Ok(None);
        }
        let [own, all, at] = self.columns(input)?;
        Ok(Some(side::taken(cx.rec, cx.n, Block { of: dy, cols: all, at }, own)))
    }
}
