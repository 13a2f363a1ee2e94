//! Layers one after another: the body of a model and of a residual block.

use super::layer::{Elementwise, Layer, SparseInput, parse_layer};
use super::params::{ParamSpec, elements};
use super::pass::{Backward, Forward, ReluBefore, ReluBehind, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::map;

/// Values that a layer may make of one record: 1 GiB.
const MOST_VALUES: usize = 1 << 28;

/// Layers and the shape each one is given.
pub struct Sequence {
    pub layers: Vec<Box<dyn Layer>>,
}

impl Sequence {
    pub fn parse(tables: Vec<toml::Table>) -> Result<Sequence> {
        let layers = tables
            .into_iter()
            .enumerate()
            .map(|(i, t)| parse_layer(t).map_err(|e| Error::input(format!("layer {}: {e}", i + 1))));
        Ok(Sequence { layers: layers.collect::<Result<_>>()? })
    }

    pub fn config(&self) -> Vec<toml::Table> {
        self.layers.iter().map(|l| l.config()).collect()
    }

    /// Input shapes of each layer, then the output shape.
    pub fn shapes(&self, input: &[usize]) -> Result<Vec<Vec<usize>>> {
        let mut shapes = vec![input.to_vec()];
        for (i, layer) in self.layers.iter().enumerate() {
            let next = layer.out_shape(&shapes[i]).map_err(|e| Error::input(format!("layer {}: {e}", i + 1)))?;
            if elements(&next).is_none_or(|count| count > MOST_VALUES) {
                return Err(Error::input(format!(
                    "layer {} (`{}`) makes {next:?} of a record; expected at most {MOST_VALUES} values",
                    i + 1,
                    label(layer.as_ref())
                )));
            }
            shapes.push(next);
        }
        Ok(shapes)
    }

    /// The last of [`Sequence::shapes`].
    pub fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(self.shapes(input)?.pop().unwrap_or_default())
    }

    pub fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let shapes = self.shapes(input)?;
        let each = self.layers.iter().zip(&shapes).map(|(l, s)| l.params(s));
        Ok(each.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    pub fn state(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let shapes = self.shapes(input)?;
        let each = self.layers.iter().zip(&shapes).map(|(l, s)| l.state(s));
        Ok(each.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    pub fn buffers(&self) -> Vec<(String, f32)> {
        self.layers.iter().flat_map(|l| l.buffers()).collect()
    }

    /// Numbers that its layers keep of a token for those behind it: see [`Layer::keeps`].
    pub fn keeps(&self, input: &[usize]) -> Option<usize> {
        let shapes = self.shapes(input).ok()?;
        self.layers.iter().zip(&shapes).map(|(l, s)| l.keeps(s)).sum()
    }

    /// Edges that a message travels from the input to the output.
    pub fn hops(&self) -> usize {
        self.layers.iter().map(|l| l.hops()).sum()
    }

    /// The layers `i` and `i + 1` in one pass, where they are a relu and a layer that takes it along: a dropout that
    /// draws, or one with a [`Layer::relu_forward`]; both among the first `count`.
    fn with_relu(
        &self,
        cx: &mut Forward,
        (i, count): (usize, usize),
        x: Buf<f32>,
        input: &[usize],
    ) -> Result<Option<(Buf<f32>, Saved)>> {
        let Some(next) = self.layers[..count].get(i + 1) else { return Ok(None) };
        if self.layers[i].elementwise() != Some(Elementwise::Relu) {
            return Ok(None);
        }
        match next.elementwise() {
            Some(Elementwise::Dropout(rate)) if cx.mode.trains() => relu_dropout(cx, x, rate).map(Some),
            _ if cx.pattern.is_some() => Ok(None),
            _ => next.relu_forward(cx, x, input),
        }
    }

    /// The relu behind layer `i` of the first `count`, and whether a dropout that draws follows it, for a layer that
    /// can do both as well.
    fn relu_behind(&self, cx: &Forward, i: usize, count: usize) -> Option<ReluBehind> {
        let layers = &self.layers[..count];
        let relu = layers.get(i + 1)?.elementwise() == Some(Elementwise::Relu);
        let dropout = match layers.get(i + 2).and_then(|layer| layer.elementwise()) {
            Some(Elementwise::Dropout(rate)) if cx.mode.trains() => Some(rate),
            _ => None,
        };
        (relu && self.layers[i].takes_relu()).then_some(ReluBehind { dropout })
    }

    /// The relu before layer `i`, with what it and the dropout between made, and its place.
    fn relu_before(&self, saved: &Saved, i: usize) -> Option<(ReluBefore, usize)> {
        let last = i.checked_sub(1).filter(|_| self.layers[i].takes_relu())?;
        let kept = &saved.inner[last];
        if let Some(rate) = kept.relu_dropout {
            return Some((ReluBefore { kept: kept.floats[0], rate }, last - 1));
        }
        let relu = self.layers[last].elementwise() == Some(Elementwise::Relu);
        let y = kept.floats.get(1).filter(|_| relu)?;
        Some((ReluBefore { kept: *y, rate: 0.0 }, last))
    }

    pub fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        self.forward_to(cx, x, input, self.layers.len())
    }

    /// The first `count` layers of it, none of which takes a later one along; [`Sequence::backward`] goes back from
    /// there.
    pub fn forward_to(
        &self,
        cx: &mut Forward,
        x: Buf<f32>,
        input: &[usize],
        count: usize,
    ) -> Result<(Buf<f32>, Saved)> {
        let shapes = self.shapes(input)?;
        let mut y = x;
        let mut saved = Saved::default();
        while saved.inner.len() < count {
            let i = saved.inner.len();
            let layer = self.layers[i].as_ref();
            let how = layer.sparse();
            if cx.pattern.is_some() && how == SparseInput::Refuses {
                return Err(Error::input(format!(
                    "layer `{}` cannot take the sparse features of nodes; put a graph or linear layer before it",
                    label(layer)
                )));
            }
            cx.rec.enter(&label(layer));
            let pattern = cx.pattern;
            let offered = self.relu_behind(cx, i, count);
            cx.relu = offered;
            let (next, mut kept) = match self.with_relu(cx, (i, count), y, &shapes[i])? {
                Some(both) => {
                    saved.inner.push(Saved::default());
                    both
                }
                None => layer.forward(cx, y, &shapes[i])?,
            };
            cx.rec.leave();
            let taken = offered.filter(|_| cx.relu.take().is_none());
            if how == SparseInput::Takes {
                kept.pattern = pattern;
                cx.pattern = None;
            }
            y = next;
            saved.inner.push(kept);
            saved.inner.extend(taken.into_iter().flat_map(|behind| kept_of(behind, y)));
        }
        Ok((y, saved))
    }

    pub fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let shapes = self.shapes(input)?;
        // Below the first layer with parameters nobody asks for a gradient.
        let with_params = self.layers.iter().zip(&shapes).map(|(l, s)| l.params(s).map(|p| !p.is_empty()));
        let first = with_params.collect::<Result<Vec<_>>>()?.iter().position(|p| *p).unwrap_or(self.layers.len());
        let mut gradient = Some(dy);
        let mut left = saved.inner.len();
        while let (Some(dy), Some(i)) = (gradient, left.checked_sub(1)) {
            if !need_dx && i < first {
                return Ok(None);
            }
            let (layer, kept) = (self.layers[i].as_ref(), &saved.inner[i]);
            cx.rec.enter(&format!("{}.backward", label(layer)));
            let offered = self.relu_before(saved, i).filter(|_| need_dx || i > first);
            cx.relu = offered.map(|(before, _)| before);
            (gradient, left) = match kept.relu_dropout {
                Some(rate) => {
                    let dx = cx.rec.temp("dx", dy.len);
                    map::relu_dropout_bwd(cx.rec, kept.floats[0], dy, dx, rate);
                    (Some(dx), i - 1)
                }
                None => {
                    let dx = layer.backward(cx, kept, dy, &shapes[i], need_dx || i > first)?;
                    (dx, if kept.after_relu { i - 1 } else { i })
                }
            };
            cx.rec.leave();
            if let Some((_, relu)) = offered.filter(|_| cx.relu.take().is_none()) {
                left = relu;
            }
        }
        Ok(gradient)
    }
}

/// Fills what layers inside the layer of this place leave open.
pub fn complete_inside<'l>(layers: impl Iterator<Item = &'l mut Box<dyn Layer>>, place: usize) {
    layers.enumerate().for_each(|(i, layer)| layer.complete(place * 100 + i + 1, None));
}

/// Both layers in one pass, kept in the place of the second.
fn relu_dropout(cx: &mut Forward, x: Buf<f32>, rate: f32) -> Result<(Buf<f32>, Saved)> {
    let (stream, step) = cx.dropout_stream()?;
    let y = cx.rec.temp("y", x.len);
    map::relu_dropout(cx.rec, x, y, rate, stream, step);
    Ok((y, Saved { floats: vec![y], relu_dropout: Some(rate), ..Default::default() }))
}

/// What a relu and a dropout keep for the backward pass that the layer before took along.
fn kept_of(behind: ReluBehind, y: Buf<f32>) -> Vec<Saved> {
    match behind.dropout {
        // A relu's slope is that of its result as well.
        None => vec![Saved { floats: vec![y, y], ..Default::default() }],
        rate => vec![Saved::default(), Saved { floats: vec![y], relu_dropout: rate, ..Default::default() }],
    }
}

/// A layer's name, or its type where it has none.
fn label(layer: &dyn Layer) -> String {
    layer.label()
}
