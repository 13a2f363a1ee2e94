//! `readout`: one row for each graph of a batch, from the rows of its nodes.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, Rows, settings, table};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::graph::{self, Readout};

pub static ROW: LayerRow = LayerRow {
    kind: "readout",
    summary: "graph read-out: sum, mean or max over the nodes of each graph (Xu et al. 2019); rows behind it are \
        graphs",
    facts: Facts { rows: Rows::ReadOut, ..Facts::PLAIN },
    build: |t| Ok(Box::new(settings::<ReadOut>(&ROW, t)?)),
    keys: Keys::of::<ReadOut>(),
    example: "type = \"readout\"\nkind = \"mean\"",
    example_input: &[7],
};

/// As written in a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Their sum.
    #[default]
    Sum,
    /// Their mean.
    Mean,
    /// The largest of each feature.
    Max,
}

impl Kind {
    fn op(self) -> Readout {
        match self {
            Kind::Sum => Readout::Sum,
            Kind::Mean => Readout::Mean,
            Kind::Max => Readout::Max,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct ReadOut {
    /// How the rows of a graph's nodes become one.
    #[serde(default)]
    kind: Kind,
}

impl Layer for ReadOut {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        match input {
            [width] => Ok(vec![*width]),
            _ => Err(Error::input(format!("layer `readout` takes rows of features, its input is {input:?}"))),
        }
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let (Some(g), Some(segments)) = (cx.graph, cx.segments) else {
            return Err(Error::input("layer `readout` needs a data set whose records are graphs; node data have none"));
        };
        let width = input[0];
        let y = cx.rec.temp("y", segments.count * width);
        let arg = (self.kind == Kind::Max).then(|| cx.rec.temp("arg", y.len));
        graph::segment(cx.rec, segments.ptr, x, y, width, self.kind.op(), arg);
        (cx.n, cx.graph, cx.segments) = (segments.count, None, None);
        Ok((y, Saved { words: arg.into_iter().collect(), rows: Some((g, segments)), ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let (g, segments) = saved.rows.ok_or_else(|| Error::internal("a read-out kept no rows"))?;
        (cx.n, cx.graph, cx.segments) = (g.nodes, Some(g), Some(segments));
        if !need_dx {
            return Ok(None);
        }
        let dx = cx.rec.temp("dx", g.nodes * input[0]);
        let arg = saved.words.first().copied();
        graph::segment_bwd(cx.rec, segments.ptr, segments.of, dy, dx, input[0], self.kind.op(), arg);
        Ok(Some(dx))
    }
}
