//! Reads `assets/parity/curvature`: per-record and second-order quantities of every other fixture, computed by PyTorch
//! in float64. `tools/parity/README.md` defines each tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::files::{self, Folder, Sums, Tensor};
use super::fixture::{Fixture, load};
use super::graph_fixture::{GraphFixture, load_graphs};
use super::{Gap, relative_error};
use crate::error::{Error, Result};
use crate::nn::{Model, ParamEntry};

/// Quantities with one tensor for each parameter, of its shape.
pub const BY_PARAMETER: [&str; 5] = ["clipped", "direction", "ggn_diag", "gvp", "hvp"];

/// The fixture that parameters and records come from.
pub enum Net {
    /// Records that stand alone.
    Dense(Box<Fixture>),
    /// Nodes of a graph.
    Graph(Box<GraphFixture>),
}

/// One network with its records and the quantities of `assets/parity/curvature`.
pub struct CurvatureFixture {
    /// The network and its batch.
    pub net: Net,
    /// Layers whose Kronecker factors are stored, in the network's order; empty where there are none.
    pub factors: Vec<String>,
    /// Factors of those layers that are not stored, for their size.
    pub left_out: BTreeSet<String>,
    /// What PyTorch computed, by name.
    pub tensors: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Manifest {
    networks: BTreeMap<String, Entry>,
    sources: Sums,
}

#[derive(Deserialize)]
struct Entry {
    tensors: String,
    graph: bool,
    records: usize,
    #[serde(default)]
    factors: Vec<String>,
    #[serde(default)]
    left_out: BTreeSet<String>,
}

/// Reads `dir/curvature` together with the fixtures of `dir` and `dir/graph` that it was computed from.
///
/// # Errors
/// A file is missing, is not the one whose SHA-256 the manifest states, or does not describe the network it belongs to;
/// a fixture has changed since, or has no file here.
pub fn load_curvature(dir: &Path) -> Result<Vec<CurvatureFixture>> {
    let (folder, mut manifest) = Folder::open::<Manifest>(&dir.join("curvature"))?;
    for file in manifest.sources.keys() {
        folder.read_with(&manifest.sources, file)?;
    }
    let path = folder.manifest();
    let dense = load(dir)?.into_iter().map(|f| Net::Dense(Box::new(f)));
    let graphs = load_graphs(&dir.join("graph"))?.into_iter().map(|f| Net::Graph(Box::new(f)));
    let mut found = Vec::new();
    for net in dense.chain(graphs) {
        let entry = manifest.networks.remove(net.name()).ok_or_else(|| {
            Error::input(format!("{} has nothing of `{}`; write the fixtures again", path.display(), net.name()))
        })?;
        found.push(CurvatureFixture::read(&folder, net, entry)?);
    }
    match manifest.networks.keys().next() {
        None => Ok(found),
        Some(name) => Err(Error::input(format!("{}: there is no fixture `{name}`", path.display()))),
    }
}

impl Net {
    /// Name of the fixture.
    pub fn name(&self) -> &str {
        match self {
            Net::Dense(f) => &f.name,
            Net::Graph(f) => &f.name,
        }
    }

    /// The network.
    pub fn model(&self) -> &Model {
        match self {
            Net::Dense(f) => &f.model,
            Net::Graph(f) => &f.model,
        }
    }

    /// The flat parameter vector.
    ///
    /// # Errors
    /// The fixture lacks a parameter.
    pub fn theta(&self) -> Result<Vec<f32>> {
        match self {
            Net::Dense(f) => f.theta(),
            Net::Graph(f) => f.theta(),
        }
    }

    /// Records of the batch, training nodes or graphs.
    pub fn records(&self) -> usize {
        match self {
            Net::Dense(f) => f.batch,
            Net::Graph(f) => f.records(),
        }
    }

    /// A tensor of the fixture itself, such as `logits` or `per_sample.fc1.weight`.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        match self {
            Net::Dense(f) => f.tensor(name),
            Net::Graph(f) => f.tensor(name),
        }
    }
}

impl CurvatureFixture {
    fn read(folder: &Folder, net: Net, entry: Entry) -> Result<CurvatureFixture> {
        let tensors = folder.tensors(&entry.tensors)?;
        let fixture = CurvatureFixture { net, factors: entry.factors, left_out: entry.left_out, tensors };
        let (graph, records) = (matches!(fixture.net, Net::Graph(_)), fixture.net.records());
        if (graph, records) != (entry.graph, entry.records) {
            return Err(fixture.bad(format!("it has {records} records, the manifest states {}", entry.records)));
        }
        let found: BTreeMap<_, _> = fixture.tensors.iter().map(|(n, t)| (n.clone(), t.shape.clone())).collect();
        let expected = fixture.shapes()?;
        let differ = |n: &&String| found.get(*n) != expected.get(*n);
        match found.keys().chain(expected.keys()).find(differ) {
            None => Ok(fixture),
            Some(n) => Err(fixture.bad(format!("`{n}` is {:?}, expected {:?}", found.get(n), expected.get(n)))),
        }
    }

    fn bad(&self, what: String) -> Error {
        Error::input(format!("curvature fixture {}: {what}", self.net.name()))
    }

    /// The parameter of a name.
    fn parameter(&self, name: &str) -> Result<&ParamEntry> {
        let found = self.net.model().layout.entries().iter().find(|e| e.name == name);
        found.ok_or_else(|| self.bad(format!("the network has no parameter `{name}`")))
    }

    /// Every tensor that there must be, and its shape.
    fn shapes(&self) -> Result<BTreeMap<String, Vec<usize>>> {
        let (model, r) = (self.net.model(), self.net.records());
        let whole = [("norms", vec![r]), ("gram", vec![r, r]), ("clip", vec![1]), ("dots", vec![r])];
        let mut shapes: BTreeMap<_, _> = whole.into_iter().map(|(n, shape)| (n.to_owned(), shape)).collect();
        shapes.insert("jvp".into(), vec![r, model.classes]);
        for e in model.layout.entries() {
            shapes.extend(BY_PARAMETER.map(|prefix| (format!("{prefix}.{}", e.name), e.shape.clone())));
        }
        for layer in &self.factors {
            let weight = &self.parameter(&format!("{layer}.weight"))?.shape;
            let (out, inputs) = (weight[0], weight[1..].iter().product());
            let own = [("kfac_a", inputs), ("kfac_g", out), ("kfc_g", out)].into_iter();
            // The factor of Grosse and Martens is another one only where a layer has several positions.
            let own = own.take(if weight.len() == 4 { 3 } else { 2 });
            shapes.extend(own.map(|(prefix, n)| (format!("{prefix}.{layer}"), vec![n, n])));
        }
        for name in &self.left_out {
            shapes.remove(name).ok_or_else(|| self.bad(format!("`{name}` is left out, and nobody asks for it")))?;
        }
        Ok(shapes)
    }

    /// A tensor by its name in the file.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| self.bad(format!("there is no tensor `{name}`")))
    }

    /// `prefix.<parameter>` of every parameter as one flat vector, 0 between them; a direction is exact in f32.
    ///
    /// # Errors
    /// `prefix` is none of [`BY_PARAMETER`].
    pub fn flat(&self, prefix: &str) -> Result<Vec<f32>> {
        files::flat(&self.net.model().layout, prefix, |name| self.tensor(name))
    }

    /// The norm that `clipped` clips at.
    ///
    /// # Errors
    /// The file has none.
    pub fn clip(&self) -> Result<f32> {
        Ok(self.tensor("clip")?.values[0] as f32)
    }

    /// Compares a flat vector with `prefix.<parameter>`, one comparison for each parameter.
    ///
    /// # Errors
    /// `prefix` is none of [`BY_PARAMETER`], or the vector is not of the network's layout.
    pub fn each(&self, prefix: &str, flat: &[f32]) -> Result<Vec<Gap>> {
        let layout = &self.net.model().layout;
        if flat.len() != layout.total() {
            return Err(self.bad(format!("{} numbers for a layout of {}", flat.len(), layout.total())));
        }
        let of = |e: &ParamEntry| self.whole(&format!("{prefix}.{}", e.name), &flat[e.offset..e.offset + e.len]);
        layout.entries().iter().map(of).collect()
    }

    /// Compares one tensor.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn whole(&self, name: &str, got: &[f32]) -> Result<Gap> {
        let error = relative_error(got, &self.tensor(name)?.values);
        Ok(Gap { tensor: name.to_owned(), record: None, error })
    }
}
