//! Per-record and second-order quantities of every fixture against what PyTorch computed for them in float64.

use std::path::Path;

use unlearn::Result;
use unlearn::data::Samples;
use unlearn::engine::Engine;
use unlearn::harness::parity::Gap;
use unlearn::harness::parity::curvature::{CurvatureFixture, Net, load_curvature};
use unlearn::train::{Product, Records, Session};

use crate::graph_fixtures;

/// Every fixture of `assets/parity/curvature`.
pub fn fixtures() -> Vec<CurvatureFixture> {
    load_curvature(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/parity")).expect("the curvature fixtures")
}

/// Compares some quantity of the given records, which are all of a fixture's in its order.
pub type Measure = fn(&mut Session, &CurvatureFixture, Records) -> Result<Vec<Gap>>;

/// What is compared.
pub const QUANTITIES: &[(&str, Measure)] =
    &[("norms", norms), ("gram", gram), ("clipped", clipped), ("ggn_diag", ggn_diag), ("gvp", gvp)];

/// Compares one quantity of a fixture on an engine.
pub fn measure(engine: &mut Engine, f: &CurvatureFixture, quantity: Measure) -> Result<Vec<Gap>> {
    let theta = f.net.theta()?;
    match &f.net {
        Net::Dense(own) => {
            let y: Vec<u32> = own.tensor("y")?.values.iter().map(|v| *v as u32).collect();
            let (ids, data): (Vec<u32>, _) = ((0..y.len() as u32).collect(), Samples { x: own.tensor("x")?.f32(), y });
            let mut session = Session::new(engine, &own.model, &data, &Samples::default(), &theta)?;
            quantity(&mut session, f, Records::train(&ids))
        }
        Net::Graph(own) => {
            let (ids, data) = (graph_fixtures::records(own), graph_fixtures::data(own));
            let mut session = Session::on_graph(engine, &own.model, &data, None, &theta)?;
            quantity(&mut session, f, Records::train(&ids))
        }
    }
}

fn norms(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let got = s.norms(records)?;
    Ok(vec![f.whole("norms", &got)?])
}

/// In batches of 3 as well, where blocks between batches come from whole gradients.
fn gram(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let whole = s.gram(records)?;
    s.batch = 3;
    let blocks = s.gram(records)?;
    Ok(vec![f.whole("gram", &whole)?, f.whole("gram", &blocks)?])
}

fn clipped(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    s.clipped(records, f.clip()?, 1.0 / records.indices.len() as f32, false)?;
    let flat = s.engine.read(s.grad)?;
    f.each("clipped", &flat)
}

fn ggn_diag(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let out = s.vector("ggn_diag")?;
    s.model_fisher(records, out)?;
    let flat = s.engine.read(out)?;
    f.each("ggn_diag", &flat)
}

fn gvp(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let h = s.gauss_newton(records)?;
    s.engine.write(h.u(), &f.flat("direction")?)?;
    h.apply(s)?;
    let flat = s.engine.read(h.hu())?;
    f.each("gvp", &flat)
}
