//! `deletion`: GNNDelete's operator. Rows of nodes that a request on the graph reaches pass through a matrix of their
//! own.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, Rows, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::structure::{Structure, node_features};
use crate::engine::{Buf, Recording};
use crate::error::Result;
use crate::kernels::graph::{self, Spmm};
use crate::kernels::linear::{self, Mat, Product};
use crate::kernels::map::{self, Binary};

pub static ROW: LayerRow = LayerRow {
    kind: "deletion",
    summary: "GNNDelete's operator (Cheng et al. 2023): y = x (I + W) at nodes that a request reaches, y = x \
        elsewhere; \
              weight [h, h] starts at 0; put it behind a graph layer",
    facts: Facts { rows: Rows::Nodes, ..Facts::PLAIN },
    build: |t| Ok(Box::new(settings::<DeletionOperator>(&ROW, t)?)),
    keys: Keys::of::<DeletionOperator>(),
    example: "type = \"deletion\"\nname = \"del\"",
    example_input: &[5],
};

/// y_i = x_i + t_i x_i W with t_i = 1 at nodes that were deleted or whose rows behind one graph layer the deletion
/// changes, and 0 elsewhere and everywhere on a graph from which nothing was deleted. The source takes l hops behind
/// layer l; one hop is the same behind the first, and behind none does it change logits that the deletion leaves alone.
///
/// The source has a matrix W_D in the place of I + W. Weight decay draws a parameter to 0: W then stays there while the
/// operator is out of use, and W_D would lose the identity. For the same reason training leaves W alone: only what
/// works in evaluation mode, as the method `gnn_delete` does, has a gradient for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct DeletionOperator {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
}

impl DeletionOperator {
    fn width(&self, input: &[usize]) -> Result<usize> {
        Ok(node_features(ROW.kind, &self.name, input, Some(1))?.0)
    }

    /// Records `y = x + touched ∘ z`: `touched` lies on the edges, 1 on the self-loop of a reached node and 0 on all
    /// others.
    fn add_touched(rec: &mut Recording, g: &Structure, x: Buf<f32>, z: Buf<f32>, width: usize) -> Buf<f32> {
        let (own, y) = (rec.temp("touched", z.len), rec.temp("y", z.len));
        graph::spmm(rec, &g.a, g.touched, z, z, own, width, Spmm { own: 0.0, bias: false });
        map::binary(rec, Binary::Add, x, own, y);
        y
    }
}

impl Layer for DeletionOperator {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        if self.name.is_empty() {
            self.name = format!("deletion{index}");
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![self.width(input)?])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let width = self.width(input)?;
        Ok(vec![ParamSpec::zeros(format!("{}.weight", self.name), vec![width, width])])
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let (g, width) = (cx.structure(&self.name)?, self.width(input)?);
        let w = cx.param(&self.name, "weight")?;
        let z = cx.rec.temp("z", x.len);
        linear::product(cx.rec, Mat::new(x, cx.n, width), Mat::new(w, width, width), w, z, Product::default());
        let y = DeletionOperator::add_touched(cx.rec, &g, x, z, width);
        Ok((y, Saved { floats: vec![x], frozen: cx.mode.trains(), ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let (g, width) = (cx.structure(&self.name)?, self.width(input)?);
        let w = cx.param(&self.name, "weight")?;
        // The touched rows of dy: what arrives at z.
        let dz = cx.rec.temp("dz", dy.len);
        graph::spmm(cx.rec, &g.a, g.touched, dy, w, dz, width, Spmm { own: 0.0, bias: false });
        let name = format!("{}.weight", self.name);
        if saved.frozen {
            cx.sink_nothing(&name)?;
        } else {
            // dW = xᵀ dz is the weight gradient of a projection whose output is x and whose input is dz.
            let turned = Saved { floats: vec![dz], ..Default::default() };
            cx.sink_dense(&name, &turned, saved.floats[0], width, width)?;
        }
        if !need_dx {
            return Ok(None);
        }
        let (back, dx) = (cx.rec.temp("back", dy.len), cx.rec.temp("dx", dy.len));
        let wt = Mat::new(w, width, width).t();
        linear::product(cx.rec, Mat::new(dz, cx.n, width), wt, w, back, Product::default());
        map::binary(cx.rec, Binary::Add, dy, back, dx);
        Ok(Some(dx))
    }
}
