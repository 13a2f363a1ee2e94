//! Per-record and second-order quantities of every fixture against what PyTorch computed for them in float64.

use std::path::Path;
use unlearn::statistics::{self, Estimator, Factor, Kfac, Product};

use unlearn::Result;
use unlearn::data::Samples;
use unlearn::engine::{Buf, Engine};
use unlearn::harness::parity::Gap;
use unlearn::harness::parity::curvature::{CurvatureFixture, Net, load_curvature};
use unlearn::records::{Records, Session};

use crate::shared::graph_parity;

/// Every fixture of `assets/parity/curvature`.
pub fn fixtures() -> Vec<CurvatureFixture> {
    load_curvature(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/parity")).expect("the curvature fixtures")
}

/// Compares some quantity of the given records, which are all of a fixture's in its order.
pub type Measure = fn(&mut Session, &CurvatureFixture, Records) -> Result<Vec<Gap>>;

/// What is compared.
pub const QUANTITIES: &[(&str, Measure)] = &[
    ("norms", norms),
    ("gram", gram),
    ("clipped", clipped),
    ("ggn_diag", ggn_diag),
    ("jvp", jvp),
    ("dots", dots),
    ("gvp", gvp),
    ("hvp", hvp),
];

/// What a fixture is compared in: factors are stored of networks whose every layer has them.
pub fn quantities(f: &CurvatureFixture) -> Vec<(&'static str, Measure)> {
    let factors: &[(&'static str, Measure)] = if f.factors.is_empty() { &[] } else { &[("kfac", kfac)] };
    QUANTITIES.iter().chain(factors).copied().collect()
}

/// Compares one quantity of a fixture on an engine.
pub fn measure(engine: &mut Engine, f: &CurvatureFixture, quantity: Measure) -> Result<Vec<Gap>> {
    let theta = f.net.theta()?;
    match &f.net {
        Net::Dense(own) => {
            let y: Vec<u32> = own.tensor("y")?.values.iter().map(|v| *v as u32).collect();
            let (ids, data): (Vec<u32>, _) =
                ((0..y.len() as u32).collect(), Samples { x: own.tensor("x")?.f32(), y, ..Samples::default() });
            let mut session = Session::new(engine, &own.model, &data, &Samples::default(), &theta)?;
            quantity(&mut session, f, Records::train(&ids))
        }
        Net::Graph(own) => {
            let (ids, data) = (graph_parity::records(own), graph_parity::data(own));
            let mut session = Session::on_graph(engine, &own.model, &data, None, &theta)?;
            quantity(&mut session, f, Records::train(&ids))
        }
    }
}

fn norms(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let got = statistics::norms(s, records)?;
    Ok(vec![f.whole("norms", &got)?])
}

/// In batches of 3 as well, where blocks between batches come from whole gradients.
fn gram(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let whole = statistics::gram(s, records)?;
    s.batch = 3;
    let blocks = statistics::gram(s, records)?;
    Ok(vec![f.whole("gram", &whole)?, f.whole("gram", &blocks)?])
}

fn clipped(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    statistics::clipped(s, records, f.clip()?, 1.0 / records.indices.len() as f32, false)?;
    let flat = s.engine.read(s.grad)?;
    f.each("clipped", &flat)
}

fn ggn_diag(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let out = s.vector("ggn_diag")?;
    statistics::model_fisher(s, records, out)?;
    let flat = s.engine.read(out)?;
    f.each("ggn_diag", &flat)
}

/// Of a convolution's weight our G is KFC's, of its bias the exact one, which is BackPACK's.
fn kfac(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let kfac = Kfac::measure(s, records, Estimator::Model)?;
    let mut gaps = Vec::new();
    for Factor { param, which, size, values } in kfac.read(s)? {
        let (layer, part) = param.rsplit_once('.').unwrap_or((&param, ""));
        if !f.factors.iter().any(|l| l == layer) {
            // Of a normalisation the diagonal is stored, whose block is exact.
            let diagonal: Vec<f32> = (0..size).map(|i| values[i * size + i]).collect();
            gaps.push(f.whole(&format!("ggn_diag.{param}"), &diagonal)?);
            continue;
        }
        let kfc = part == "weight" && f.tensors.contains_key(&format!("kfc_g.{layer}"));
        let name = match which {
            "a" => format!("kfac_a.{layer}"),
            _ if kfc => format!("kfc_g.{layer}"),
            _ => format!("kfac_g.{layer}"),
        };
        if !f.left_out.contains(&name) {
            gaps.push(f.whole(&name, &values)?);
        }
    }
    Ok(gaps)
}

/// The fixture's direction, on the engine.
fn direction(s: &mut Session, f: &CurvatureFixture) -> Result<Buf<f32>> {
    let (u, values) = (s.vector("direction")?, f.flat("direction")?);
    s.engine.write(u, &values)?;
    Ok(u)
}

fn jvp(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let u = direction(s, f)?;
    let along = statistics::jvp(s, records, u)?;
    Ok(vec![f.whole("jvp", &along)?])
}

fn dots(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let u = direction(s, f)?;
    let along = statistics::dots(s, records, u)?;
    Ok(vec![f.whole("dots", &along)?])
}

fn hvp(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let h = statistics::hessian(s, records)?;
    s.engine.write(h.u(), &f.flat("direction")?)?;
    h.apply(s)?;
    let flat = s.engine.read(h.hu())?;
    f.each("hvp", &flat)
}

fn gvp(s: &mut Session, f: &CurvatureFixture, records: Records) -> Result<Vec<Gap>> {
    let h = statistics::gauss_newton(s, records)?;
    s.engine.write(h.u(), &f.flat("direction")?)?;
    h.apply(s)?;
    let flat = s.engine.read(h.hu())?;
    f.each("gvp", &flat)
}
