//! Layers one after another: the body of a model and of a residual block.

use super::layer::{Backward, Forward, Layer, Saved, SparseInput, parse_layer};
use super::params::ParamSpec;
use crate::engine::Buf;
use crate::error::{Error, Result};

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
            shapes.push(next);
        }
        Ok(shapes)
    }

    pub fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let shapes = self.shapes(input)?;
        let each = self.layers.iter().zip(&shapes).map(|(l, s)| l.params(s));
        Ok(each.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    pub fn buffers(&self) -> Vec<(String, f32)> {
        self.layers.iter().flat_map(|l| l.buffers()).collect()
    }

    /// Edges that a message travels from the input to the output.
    pub fn hops(&self) -> usize {
        self.layers.iter().map(|l| l.hops()).sum()
    }

    pub fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let shapes = self.shapes(input)?;
        let mut y = x;
        let mut saved = Saved::default();
        for (layer, shape) in self.layers.iter().zip(&shapes) {
            let how = layer.sparse();
            if cx.pattern.is_some() && how == SparseInput::Refuses {
                return Err(Error::input(format!(
                    "layer `{}` cannot take sparse features; put a graph or linear layer before it, or set data.sparse = false",
                    label(layer.as_ref())
                )));
            }
            cx.rec.enter(&label(layer.as_ref()));
            let pattern = cx.pattern;
            let (next, mut kept) = layer.forward(cx, y, shape)?;
            cx.rec.leave();
            if how == SparseInput::Takes {
                kept.pattern = pattern;
                cx.pattern = None;
            }
            y = next;
            saved.inner.push(kept);
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
        for (i, layer) in self.layers.iter().enumerate().rev() {
            let Some(dy) = gradient else { break };
            if !need_dx && i < first {
                return Ok(None);
            }
            cx.rec.enter(&format!("{}.backward", label(layer.as_ref())));
            gradient = layer.backward(cx, &saved.inner[i], dy, &shapes[i], need_dx || i > first)?;
            cx.rec.leave();
        }
        Ok(gradient)
    }
}

/// A layer's name, or its type where it has none.
fn label(layer: &dyn Layer) -> String {
    let config = layer.config();
    let word = config.get("name").or(config.get("type")).and_then(|v| v.as_str());
    word.unwrap_or("layer").to_owned()
}
