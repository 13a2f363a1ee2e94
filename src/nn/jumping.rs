//! `jumping`: several graph layers one after another, of which every output reaches what follows.

use glam::UVec2;
use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, Rows, SparseInput, parse_layer, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::sequence::{Sequence, complete_inside};
use super::side;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary, Block};
use crate::kernels::pool::{self, PoolShape};

pub static ROW: LayerRow = LayerRow {
    kind: "jumping",
    summary: "jumping knowledge: graph layers one after another, their outputs (with what stands behind each) side by \
        side, or the largest of each feature (Xu et al. 2018); parameters keep their own names",
    facts: Facts { edge_weights: true, ..Facts::MESSAGES },
    build: |t| {
        let Jumps { mode, layers } = settings(&ROW, t)?;
        Ok(Box::new(Jumping { mode, blocks: blocks(layers)? }))
    },
    keys: Keys::of::<Jumps>(),
    example: "type = \"jumping\"\nmode = \"cat\"\nlayers = [{ type = \"graph_conv\", name = \"a\", out = 4 }, \
        { type = \"tanh\" }, { type = \"graph_conv\", name = \"b\", out = 3 }]",
    example_input: &[7],
};

/// What becomes of the outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Side by side.
    #[default]
    Cat,
    /// The largest of each feature; all are as wide.
    Max,
    /// The last alone.
    Last,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Jumps {
    /// What becomes of the outputs: `cat`, side by side; `max`, the largest of each feature; `last`, the last alone.
    #[serde(default)]
    mode: Mode,
    /// Tables as in `[[model.layers]]`. An output is that of a graph layer and of what stands between it and the next.
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::layers"))]
    layers: Vec<toml::Table>,
}

struct Jumping {
    mode: Mode,
    /// A graph layer each, with what stands behind it; the first has what stands before it too.
    blocks: Vec<Sequence>,
}

/// Layers cut before every graph layer but the first.
fn blocks(tables: Vec<toml::Table>) -> Result<Vec<Sequence>> {
    let mut blocks: Vec<Vec<toml::Table>> = vec![vec![]];
    let mut graph_layers = 0;
    for table in tables {
        let layer = parse_layer(table.clone())?;
        if layer.row().facts.rows == Rows::ReadOut {
            return Err(Error::input("layer `jumping`: a readout belongs behind it, not into it"));
        }
        if layer.hops() > 0 {
            graph_layers += 1;
            if graph_layers > 1 {
                blocks.push(vec![]);
            }
        }
        blocks.last_mut().into_iter().for_each(|block| block.push(table.clone()));
    }
    match graph_layers {
        0 | 1 => Err(Error::input("layer `jumping`: layers must be two graph layers or more")),
        _ => blocks.into_iter().map(Sequence::parse).collect(),
    }
}

/// The gradient of each output, where it has one.
type Apart = Result<Vec<Option<Buf<f32>>>>;

/// Outputs side by side are the rows of a picture, and the largest of each feature that of a column.
fn largest(n: usize, outputs: &[usize]) -> Result<PoolShape> {
    let column = UVec2::new(1, outputs.len() as u32);
    let shape = PoolShape::new(n, 1, outputs.len(), outputs[0], column, column, UVec2::ZERO);
    shape.map_err(|e| Error::input(format!("layer `jumping`: {e}")))
}

impl Jumping {
    /// Input width of each block, and the output's of the last: widths [blocks + 1].
    fn widths(&self, input: &[usize]) -> Result<Vec<usize>> {
        let mut shape = input.to_vec();
        let mut widths = vec![shape.iter().product()];
        for block in &self.blocks {
            shape = block.out_shape(&shape)?;
            widths.push(shape.iter().product());
        }
        let outputs = &widths[1..];
        match outputs.windows(2).find(|pair| pair[0] != pair[1]) {
            Some(pair) if self.mode == Mode::Max => Err(Error::input(format!(
                "layer `jumping`: mode = \"max\" needs outputs of one width, and {} is followed by {}",
                pair[0], pair[1]
            ))),
            _ => Ok(widths),
        }
    }

    fn together(&self, outputs: &[usize]) -> usize {
        if self.mode == Mode::Cat { outputs.iter().sum() } else { outputs.last().copied().unwrap_or(0) }
    }

    fn all(&self) -> impl Iterator<Item = &dyn Layer> {
        self.blocks.iter().flat_map(|block| &block.layers).map(AsRef::as_ref)
    }

    /// Records the gradient of each output from that of what they became.
    fn apart(&self, cx: &mut Backward, saved: &Saved, dy: Buf<f32>, outputs: &[usize]) -> Apart {
        let mut each = vec![None; outputs.len()];
        match self.mode {
            Mode::Last => each[outputs.len() - 1] = Some(dy),
            Mode::Cat => {
                let (total, mut at) = (self.together(outputs), 0);
                for (width, part) in outputs.iter().zip(&mut each) {
                    *part = Some(side::taken(cx.rec, cx.n, Block { of: dy, cols: total, at }, *width));
                    at += width;
                }
            }
            Mode::Max => {
                let (shape, width) = (largest(cx.n, outputs)?, outputs[0]);
                let all = cx.rec.temp("dy", shape.inputs());
                let winners = saved.words.first().copied();
                let winners = winners.ok_or_else(|| Error::internal("jumping kept no winners"))?;
                pool::max_bwd(cx.rec, &shape, dy, winners, all);
                for (place, part) in each.iter_mut().enumerate() {
                    let from = Block { of: all, cols: width * outputs.len(), at: place * width };
                    *part = Some(side::taken(cx.rec, cx.n, from, width));
                }
            }
        }
        Ok(each)
    }
}

impl Layer for Jumping {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn inner(&self) -> Vec<&[Box<dyn Layer>]> {
        self.blocks.iter().map(|block| block.layers.as_slice()).collect()
    }

    fn config(&self) -> toml::Table {
        let layers = self.blocks.iter().flat_map(Sequence::config).collect();
        table(&ROW, &Jumps { mode: self.mode, layers })
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        complete_inside(self.blocks.iter_mut().flat_map(|block| &mut block.layers), index);
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![self.together(&self.widths(input)?[1..])])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let widths = self.widths(input)?;
        let each = self.blocks.iter().zip(&widths).map(|(block, width)| block.params(&[*width]));
        Ok(each.collect::<Result<Vec<_>>>()?.concat())
    }

    fn state(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let widths = self.widths(input)?;
        let each = self.blocks.iter().zip(&widths).map(|(block, width)| block.state(&[*width]));
        Ok(each.collect::<Result<Vec<_>>>()?.concat())
    }

    fn buffers(&self) -> Vec<(String, f32)> {
        self.blocks.iter().flat_map(Sequence::buffers).collect()
    }

    fn sparse(&self) -> SparseInput {
        // Its first layer with parameters takes them, or refuses them by its name.
        SparseInput::Takes
    }

    fn hops(&self) -> usize {
        self.blocks.iter().map(Sequence::hops).sum()
    }

    fn edge_dim(&self) -> Option<usize> {
        self.all().find_map(Layer::edge_dim)
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let widths = self.widths(input)?;
        let (mut outputs, mut saved, mut y) = (Vec::new(), Saved::default(), x);
        for (block, width) in self.blocks.iter().zip(&widths) {
            let (out, kept) = block.forward(cx, y, &[*width])?;
            saved.inner.push(kept);
            outputs.push(out);
            y = out;
        }
        match self.mode {
            Mode::Last => {}
            Mode::Cat => {
                let parts: Vec<_> = outputs.iter().copied().zip(widths[1..].iter().copied()).collect();
                y = side::joined(cx.rec, cx.n, &parts);
            }
            Mode::Max => {
                // Where several are largest the gradient is the first one's, as PyTorch's is.
                let shape = largest(cx.n, &widths[1..])?;
                let parts: Vec<_> = outputs.iter().copied().zip(widths[1..].iter().copied()).collect();
                let all = side::joined(cx.rec, cx.n, &parts);
                y = cx.rec.temp("max", shape.outputs());
                let winners = cx.rec.temp("winners", shape.outputs());
                pool::max(cx.rec, &shape, all, y, winners);
                saved.words.push(winners);
            }
        }
        Ok((y, saved))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let widths = self.widths(input)?;
        let each = self.apart(cx, saved, dy, &widths[1..])?;
        let mut back: Option<Buf<f32>> = None;
        for (at, block) in self.blocks.iter().enumerate().rev() {
            let own = match (each[at], back.take()) {
                (Some(own), Some(back)) => {
                    let sum = cx.rec.temp("dy", own.len);
                    map::binary(cx.rec, Binary::Add, own, back, sum);
                    sum
                }
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => return Ok(None),
            };
            back = block.backward(cx, &saved.inner[at], own, &[widths[at]], at > 0 || need_dx)?;
        }
        Ok(back)
    }
}
