//! Statements about mathematics: curvature products, influence on a convex model, the linear editor, gradients to
//! masks.

use unlearn::Result;
use unlearn::engine::Data;
use unlearn::methods::{GraphView, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::statistics::{self, GaussNewton, Product};
use unlearn::train::TrainConfig;

use super::{REQUESTS, SEED, Small, distance};
use crate::methods::hold;

/// A Gauss-Newton matrix on the host, from central differences of the logits.
struct Slow<'a> {
    /// The parameters that are no padding.
    real: &'a [usize],
    /// A row of derivatives of all logits for each of them.
    jacobian: Vec<Vec<f64>>,
    p: Vec<f64>,
    classes: usize,
}

impl Slow<'_> {
    fn of<'a>(session: &mut Session, records: Records, theta: &[f32], real: &'a [usize]) -> Result<Slow<'a>> {
        let mut jacobian = Vec::new();
        for i in real {
            let mut at = |by: f32| {
                let mut moved = theta.to_vec();
                moved[*i] += by;
                session.write_theta(&moved)?;
                statistics::logits(session, records)
            };
            let (up, down) = (at(0.02)?, at(-0.02)?);
            jacobian.push(up.iter().zip(down).map(|(a, b)| f64::from(a - b) / 0.04).collect());
        }
        session.write_theta(theta)?;
        let classes = session.model.classes;
        let p = statistics::logits(session, records)?.chunks(classes).flat_map(softmax).collect();
        Ok(Slow { real, jacobian, p, classes })
    }

    /// H u at the real parameters.
    fn product(&self, u: &[f64]) -> Vec<f64> {
        let Slow { real, jacobian, p, classes } = self;
        let slope = |k: usize| real.iter().zip(jacobian).map(|(i, row)| row[k] * u[*i]).sum::<f64>();
        let along: Vec<f64> = (0..p.len()).map(slope).collect();
        let mean = |n: usize| (n * classes..(n + 1) * classes).map(|k| p[k] * along[k]).sum::<f64>();
        let records = p.len() / classes;
        let inner: Vec<f64> = (0..p.len()).map(|k| p[k] * (along[k] - mean(k / classes)) / records as f64).collect();
        jacobian.iter().map(|row| row.iter().zip(&inner).map(|(j, v)| j * v).sum()).collect()
    }
}

/// H u against Jᵀ (diag(p) − p pᵀ) J u on the host with J from central differences of the logits.
pub fn gauss_newton(small: &mut Small) -> Result<()> {
    let layers = "type='graph_conv'\nout=3\n|type='tanh'|type='graph_conv'";
    let layers = layers.split('|').map(|t| t.parse().expect("TOML")).collect();
    small.model = Model::build(&ModelConfig { layers, ..Default::default() }, &small.data.shape, small.data.classes)?;
    small.theta = small.model.init(SEED).iter().map(|v| 0.5 + v.sin()).collect();
    let real: Vec<usize> = small.model.layout.entries().iter().flat_map(|e| e.offset..e.offset + e.len).collect();
    (0..small.theta.len()).filter(|i| !real.contains(i)).for_each(|i| small.theta[i] = 0.0);
    let theta = small.theta.clone();
    small.session(|session, view| {
        let records = Records::train(&view.retain[..7]);
        let slow = Slow::of(session, records, &theta, &real)?;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let h = statistics::gauss_newton(session, records)?;
        let mut products = Vec::new();
        for seed in [1.0, 2.0] {
            let mut u = vec![0.0f32; theta.len()];
            real.iter().for_each(|i| u[*i] = (seed * 1.7 * *i as f32).sin());
            let got = product(session, &h, &u)?;
            let wide: Vec<f64> = u.iter().map(|v| f64::from(*v)).collect();
            let (got_real, want): (Vec<f64>, Vec<f64>) = (real.iter().map(|i| got[*i]).collect(), slow.product(&wide));
            let error: Vec<f64> = got_real.iter().zip(&want).map(|(a, b)| a - b).collect();
            let gap = (dot(&error, &error) / dot(&want, &want)).sqrt();
            hold(gap < 3e-3, || format!("H u is off by {gap:e}"))?;
            hold(dot(&wide, &got) > 0.0, || "uᵀ H u is not positive".into())?;
            hold((0..got.len()).all(|i| real.contains(&i) || got[i] == 0.0), || "H u is not 0 between tensors".into())?;
            products.push((wide, got));
        }
        let [(u, hu), (w, hw)] = &products[..] else { unreachable!("two directions") };
        let (a, b) = (dot(w, hu), dot(u, hw));
        hold((a - b).abs() < 1e-4 * a.abs().max(dot(u, hu)), || format!("wᵀ H u = {a}, uᵀ H w = {b}"))
    })
}

/// uᵀ H u of a wide network against J u by one central difference of the logits.
pub fn gauss_newton_wide(small: &mut Small) -> Result<()> {
    let layers = ["type='graph_conv'\nout=300", "type='tanh'", "type='graph_conv'"];
    let layers = layers.iter().map(|t| t.parse().expect("TOML")).collect();
    small.model = Model::build(&ModelConfig { layers, ..Default::default() }, &small.data.shape, small.data.classes)?;
    small.theta = small.model.init(SEED);
    let (classes, theta) = (small.model.classes, small.theta.clone());
    small.session(|session, view| {
        let records = Records::train(&view.retain[..9]);
        let u: Vec<f32> =
            (0..theta.len()).map(|i| if theta[i] == 0.0 { 0.0 } else { (1.7 * i as f32).sin() }).collect();
        let mut at = |by: f32| {
            let moved: Vec<f32> = theta.iter().zip(&u).map(|(t, u)| t + by * u).collect();
            session.write_theta(&moved)?;
            statistics::logits(session, records)
        };
        let (up, down, here) = (at(1e-3)?, at(-1e-3)?, at(0.0)?);
        let along: Vec<f64> = up.iter().zip(&down).map(|(a, b)| f64::from(a - b) / 2e-3).collect();
        let variance = |(z, j): (&[f32], &[f64])| {
            let p = softmax(z);
            let mean: f64 = p.iter().zip(j).map(|(p, j)| p * j).sum();
            p.iter().zip(j).map(|(p, j)| p * (j - mean).powi(2)).sum::<f64>()
        };
        let want: f64 = here.chunks(classes).zip(along.chunks(classes)).map(variance).sum::<f64>() / 9.0;
        let h = statistics::gauss_newton(session, records)?;
        let hu = product(session, &h, &u)?;
        let got: f64 = u.iter().zip(&hu).map(|(u, v)| f64::from(*u) * v).sum();
        hold((got / want - 1.0).abs() < 3e-3, || format!("uᵀ H u = {got}, differences give {want}"))
    })
}

fn product(session: &mut Session, h: &GaussNewton, u: &[f32]) -> Result<Vec<f64>> {
    session.engine.write(h.u(), u)?;
    h.apply(session)?;
    Ok(session.engine.read(h.hu())?.into_iter().map(f64::from).collect())
}

fn softmax(z: &[f32]) -> Vec<f64> {
    let top = z.iter().fold(f32::MIN, |m, v| m.max(*v));
    let e: Vec<f64> = z.iter().map(|v| f64::from(v - top).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.iter().map(|v| v / sum).collect()
}

/// One layer is convex: a full Newton step from the old optimum ends close to the new one, which a retrain finds.
pub fn influence_is_newton(small: &mut Small) -> Result<()> {
    small.train = TrainConfig {
        optimizer: "sgd".into(),
        lr: 1.0,
        momentum: 0.9,
        weight_decay: 1e-2,
        epochs: 600,
        ..Default::default()
    };
    small.theta = small.original()?;
    let planted = REQUESTS[0];
    for (request, most) in
        [("kind = 'node'\nfraction = 0.03", 0.1), (planted, 0.5), (REQUESTS[1], 0.1), (REQUESTS[2], 0.1)]
    {
        small.request(request)?;
        let (retrained, _) = small.run("retrain", "")?;
        let (theta, account) = small.run("influence", "damping = 1e-6\ntolerance = 1e-5")?;
        let error = distance(&theta, &retrained) / distance(&small.theta, &retrained);
        hold(error < most, || format!("influence ends {error} of the way from retrain, {request}: {account:?}"))?;
    }
    Ok(())
}

/// The edited regression against one that is fitted on the reduced graph, where nothing is edited; and that it is a
/// minimum of the objective as the engine sees it: no direction goes down from it.
pub fn editor_is_exact(small: &mut Small) -> Result<()> {
    for request in REQUESTS {
        small.request(request)?;
        let (edited, account) = small.run("graph_editor", "lambda = 0.1")?;
        let changed = account.details.notes["rows_changed"].as_u64().unwrap_or(0);
        hold(changed > 0, || format!("no row changed, {request}"))?;
        let target = small.target.clone();
        let nothing = Default::default();
        let whole = small.data.clone();
        let reduced = whole.graph.as_ref().map(|g| g.graph.without(&target.graph.as_ref().unwrap().deletion));
        let refit = small.session(|session, view| {
            let left = reduced.as_ref().expect("a graph");
            let graph = view.graph.map(|g| GraphView { graph: left, deletion: &nothing, ..g });
            let view = View { forget: &[], ..view.on_graph(graph) };
            let settings = "lambda = 0.1".parse().expect("TOML");
            let account = (find("graph_editor")?.build)(settings)?.forget(session, &view)?;
            hold(account.details.notes["rows_changed"] == 0, || format!("{account:?}"))?;
            session.read_theta()
        })?;
        let zero = vec![0.0; refit.len()];
        let error = distance(&edited, &refit) / distance(&refit, &zero);
        hold(error < 1e-3, || format!("the edit is {error:e} off a refit, {request}"))?;
        lowest(small, &edited)?;
    }
    Ok(())
}

/// ‖X̄ W − Y‖² + 0.1 ‖W‖² through the engine's logits has no slope at `theta`.
fn lowest(small: &mut Small, theta: &[f32]) -> Result<()> {
    let classes = small.model.classes;
    let real: Vec<usize> = small.model.layout.entries().iter().flat_map(|e| e.offset..e.offset + e.len).collect();
    small.session(|session, view| {
        let labels = session.classes(view.retain)?;
        let mut objective = |by: f64, seed: f64| {
            let mut moved = theta.to_vec();
            real.iter().for_each(|i| moved[*i] += (by * (seed * *i as f64).sin()) as f32);
            session.write_theta(&moved)?;
            let logits = statistics::logits(session, Records::train(view.retain))?;
            let y = |i: usize| if labels[i / classes] as usize == i % classes { 1.0 } else { 0.0 };
            let fit: f64 = logits.iter().enumerate().map(|(i, z)| (f64::from(*z) - y(i)).powi(2)).sum();
            Ok::<f64, unlearn::Error>(fit + 0.1 * moved.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>())
        };
        for seed in [1.3, 2.9, 4.1] {
            let [down, here, up] = [objective(-0.1, seed)?, objective(0.0, seed)?, objective(0.1, seed)?];
            let (slope, curve) = ((up - down).abs() / 2.0, (up + down) / 2.0 - here);
            hold(curve > 0.0 && slope < 1e-3 * curve, || format!("slope {slope:e} beside a curvature of {curve:e}"))?;
        }
        Ok(())
    })
}

/// The gradient to a mask against central differences of the loss, on a network without dropout.
pub fn mask_gradient(small: &mut Small) -> Result<()> {
    for net in [&["type='sgc'\nk=3"][..], &["type='graph_conv'\nout=5", "type='tanh'", "type='graph_conv'"]] {
        let layers = net.iter().map(|t| t.parse().expect("TOML")).collect();
        small.model =
            Model::build(&ModelConfig { layers, ..Default::default() }, &small.data.shape, small.data.classes)?;
        small.theta = small.model.init(SEED).iter().map(|v| 3.0 * v).collect();
        small.request(REQUESTS[0])?;
        let gone = small.target.deletion().map(|d| d.edges.clone()).unwrap_or_default();
        small.session(|session, view| {
            let edges = statistics::EdgeMask::new(session)?;
            let (len, mask) = (edges.mask.len, edges.mask);
            let deleted = edges.edges.iter().any(|e| gone.contains(&[e.source, e.target]));
            hold(!deleted, || "a deleted edge is masked".into())?;
            let mut rec = session.recording();
            let words = rec.temp("step", 4);
            rec.upload(words);
            let (lists, sums) =
                statistics::record_edge_masked(session, &mut rec, Records::train(view.retain), &edges, words)?;
            rec.readback(sums);
            let program = session.compile(rec)?;
            let inputs: Vec<Data> = std::iter::once(Data::U32(vec![0; 4])).chain(lists).collect();
            let start: Vec<f32> = (0..len).map(|i| 1.0 + 0.3 * (i as f32).sin()).collect();
            let loss = |session: &mut Session, along: &[f64], by: f64| {
                let moved: Vec<f32> = start.iter().zip(along).map(|(m, d)| m + (by * d) as f32).collect();
                session.engine.write(mask, &moved)?;
                let out = session.engine.run(&program, &inputs)?;
                Ok::<f64, unlearn::Error>(f64::from(out[0].f32()[0]) / view.retain.len() as f64)
            };
            loss(session, &vec![0.0; len], 0.0)?;
            let found = session.engine.read(edges.slope)?;
            let top = found.iter().fold(0.0, |m: f64, g| m.max(f64::from(g.abs())));
            for seed in [1.1, 2.3] {
                let along: Vec<f64> =
                    (0..len).map(|i| (seed * i as f64).sin() + 3.0 * f64::from(found[i]) / top).collect();
                let numeric = (loss(session, &along, 0.02)? - loss(session, &along, -0.02)?) / 0.04;
                let analytic: f64 = along.iter().zip(&found).map(|(d, g)| d * f64::from(*g)).sum();
                let error = (numeric - analytic).abs() / analytic.abs();
                hold(error < 5e-3, || format!("{net:?}: slope {analytic:e}, differences {numeric:e}"))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}
