//! The Cora citation network that comes with the program.

use std::io::Read;

use super::{GraphParts, NodeSplit, linqs};
use crate::data::parts::Classes;
use crate::data::source::Source;
use crate::data::{DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

static CONTENT: &[u8] = include_bytes!("../../../assets/data/cora/cora.content.gz");
static CITES: &str = include_str!("../../../assets/data/cora/cora.cites");

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "cora",
    summary: "2708 papers, 1433 words each there or not, 5278 citations (undirected), 7 subjects; embedded; node ids \
        are the \
              places of the lines of cora.content",
    citation: "P. Sen et al.: Collective Classification in Network Data, AI Magazine 29(3), 2008",
    licence: "Apache-2.0 (the package that ships this copy)",
    keys: super::NODE_KEYS,
    normalize: Normalize::Row,
    load: Loader::Graph { load, split: NodeSplit::Planetoid, test_fraction: 0.2 },
};

fn load(_: &Source) -> Result<GraphParts> {
    let mut text = String::new();
    let unpacked = flate2::read::GzDecoder::new(CONTENT).read_to_string(&mut text);
    unpacked.map_err(|e| Error::internal(format!("the embedded Cora is broken: {e}")))?;
    let parts = linqs::parse("cora", ("cora (embedded)", &text), ("cora.cites (embedded)", CITES))?;
    // Its nodes are known by their places, and its subjects whatever papers are left.
    Ok(GraphParts { names: None, classes: Classes::Declared, ..parts })
}
