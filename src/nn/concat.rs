//! `concat`: branches over parts of the features, their outputs side by side.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::sequence::{Sequence, complete_inside};
use super::side;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::map::{self, Block};

pub static ROW: LayerRow = LayerRow {
    kind: "concat",
    summary: "branches, each of layers over all features or some of them, whose outputs stand side by side; \
        [[model.inputs]] makes one",
    facts: Facts::PLAIN,
    build: |t| {
        let Branches { branches } = settings(&ROW, t)?;
        let branches = branches
            .into_iter()
            .map(|branch| Ok(Branch { features: branch.features, body: Sequence::parse(branch.layers)? }));
        Ok(Box::new(Concat { branches: branches.collect::<Result<_>>()? }))
    },
    keys: Keys::of::<Branches>(),
    example: "type = \"concat\"\nbranches = [{ features = [[0, 2], [4, 5]], layers = [{ type = \"tanh\" }] }, \
        { features = [[1, 4]], layers = [{ type = \"embedding\", name = \"emb\", out = 2 }] }, \
        { layers = [{ type = \"linear\", name = \"all\", out = 3 }] }]",
    example_input: &[5],
};

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Branches {
    /// `{ features, layers }` each.
    #[cfg_attr(feature = "cli", schemars(length(min = 1)))]
    branches: Vec<BranchKeys>,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct BranchKeys {
    /// Ranges `[first, end]` of the features that it takes, from 0, `end` not among them; absent: all, in their shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    features: Option<Vec<[usize; 2]>>,
    /// Its layers, tables as in `[[model.layers]]`; none: the features themselves.
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::layers"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layers: Vec<toml::Table>,
}

struct Branch {
    features: Option<Vec<[usize; 2]>>,
    body: Sequence,
}

struct Concat {
    branches: Vec<Branch>,
}

impl Branch {
    /// Shape of what the layers take.
    fn input(&self, input: &[usize]) -> Result<Vec<usize>> {
        let Some(ranges) = &self.features else { return Ok(input.to_vec()) };
        let &[width] = input else {
            return Err(Error::input(format!("layer `concat` takes features from [width], its input is {input:?}")));
        };
        match ranges.iter().find(|[first, end]| first >= end || *end > width) {
            Some(range) => Err(Error::input(format!("layer `concat`: the features {range:?} are no range of {width}"))),
            None => Ok(vec![ranges.iter().map(|[first, end]| end - first).sum()]),
        }
    }

    /// Numbers that come out of it for a record.
    fn output(&self, input: &[usize]) -> Result<usize> {
        match *self.body.out_shape(&self.input(input)?)? {
            [width] => Ok(width),
            ref out => Err(Error::input(format!(
                "layer `concat`: a branch makes {out:?} of {input:?}, and only [width] stands side by side; end it \
                 with `flatten`"
            ))),
        }
    }

    /// Records the features that it takes; all of them are there already.
    fn take(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<Buf<f32>> {
        let Some(ranges) = &self.features else { return Ok(x) };
        let (from, to) = (input.iter().product(), self.input(input)?.iter().product());
        let y = cx.rec.temp("features", cx.n * to);
        for (place, [first, end]) in placed(ranges) {
            let (x, y) = (Block { of: x, cols: from, at: first }, Block { of: y, cols: to, at: place });
            map::columns(cx.rec, x, y, cx.n, end - first, false);
        }
        Ok(y)
    }

    /// Records that the gradient of what it takes is added to that of all features.
    fn give(&self, cx: &mut Backward, dy: Buf<f32>, dx: Buf<f32>, input: &[usize]) -> Result<()> {
        let (all, own) = (input.iter().product(), self.input(input)?.iter().product());
        let whole = vec![[0, all]];
        for (place, [first, end]) in placed(self.features.as_ref().unwrap_or(&whole)) {
            let (from, to) = (Block { of: dy, cols: own, at: place }, Block { of: dx, cols: all, at: first });
            map::columns(cx.rec, from, to, cx.n, end - first, true);
        }
        Ok(())
    }
}

/// Ranges with their places side by side.
fn placed(ranges: &[[usize; 2]]) -> impl Iterator<Item = (usize, [usize; 2])> {
    ranges.iter().scan(0, |place, range| {
        let at = *place;
        *place += range[1] - range[0];
        Some((at, *range))
    })
}

impl Layer for Concat {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn inner(&self) -> Vec<&[Box<dyn Layer>]> {
        self.branches.iter().map(|branch| branch.body.layers.as_slice()).collect()
    }

    fn config(&self) -> toml::Table {
        let of = |branch: &Branch| BranchKeys { features: branch.features.clone(), layers: branch.body.config() };
        table(&ROW, &Branches { branches: self.branches.iter().map(of).collect() })
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        complete_inside(self.branches.iter_mut().flat_map(|branch| &mut branch.body.layers), index);
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        if self.branches.is_empty() {
            return Err(Error::input("layer `concat` has no branches"));
        }
        let each = self.branches.iter().map(|branch| branch.output(input));
        Ok(vec![each.sum::<Result<usize>>()?])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let each = self.branches.iter().map(|branch| branch.body.params(&branch.input(input)?));
        Ok(each.collect::<Result<Vec<_>>>()?.concat())
    }

    fn state(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let each = self.branches.iter().map(|branch| branch.body.state(&branch.input(input)?));
        Ok(each.collect::<Result<Vec<_>>>()?.concat())
    }

    fn buffers(&self) -> Vec<(String, f32)> {
        self.branches.iter().flat_map(|branch| branch.body.buffers()).collect()
    }

    fn hops(&self) -> usize {
        self.branches.iter().map(|branch| branch.body.hops()).max().unwrap_or(0)
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let rows = (cx.n, cx.graph, cx.segments);
        let (mut parts, mut saved) = (Vec::new(), Saved::default());
        for branch in &self.branches {
            let (width, part) = (branch.output(input)?, branch.take(cx, x, input)?);
            let (out, kept) = branch.body.forward(cx, part, &branch.input(input)?)?;
            if cx.n != rows.0 {
                return Err(Error::input("layer `concat`: a `readout` belongs behind its branches, not into one"));
            }
            (cx.n, cx.graph, cx.segments) = rows;
            parts.push((out, width));
            saved.inner.push(kept);
        }
        Ok((side::joined(cx.rec, cx.n, &parts), saved))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let (rows, total) = ((cx.n, cx.graph, cx.segments), self.out_shape(input)?[0]);
        let dx = need_dx.then(|| cx.rec.temp("dx", cx.n * input.iter().product::<usize>()));
        if let Some(dx) = dx {
            cx.rec.clear(dx);
        }
        let mut at = 0;
        for (branch, kept) in self.branches.iter().zip(&saved.inner) {
            let width = branch.output(input)?;
            let part = side::taken(cx.rec, cx.n, Block { of: dy, cols: total, at }, width);
            at += width;
            let back = branch.body.backward(cx, kept, part, &branch.input(input)?, need_dx)?;
            (cx.n, cx.graph, cx.segments) = rows;
            if let (Some(back), Some(dx)) = (back, dx) {
                branch.give(cx, back, dx, input)?;
            }
        }
        Ok(dx)
    }
}
