//! Unlearning on graphs: what each method does to a small network over a stochastic block model with a planted class, and
//! what the curvature products and the closed forms are worth against finite differences and retraining.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use unlearn::Result;
use unlearn::data::{self, DataConfig, Dataset, Plant, Request};
use unlearn::engine::{Buf, Data, Engine};
use unlearn::methods::{Account, METHODS, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::run::target::Target;
use unlearn::train::{Records, Session, TrainConfig};

use crate::adapters::Shared;
use crate::methods::{fit, hold};

type Test = fn(&mut Small) -> Result<()>;

/// Networks that a method needs and others do not; all others run on a plain GCN.
fn network(method: &str) -> &'static str {
    match method {
        "gnn_delete" => "gcn_delete",
        "graph_editor" => "sgc",
        _ => "gcn",
    }
}

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let tests: [(&str, &str, Test); 13] = [
        ("unlink leaves every weight", "gcn", unlink_leaves_weights),
        ("repair follows the influenced", "gcn", repair_scope),
        ("gauss-newton product", "gcn", gauss_newton),
        ("gauss-newton product of many parameters", "gcn", gauss_newton_wide),
        ("influence reaches the retrained optimum", "sgc", influence_is_newton),
        ("a fisher of the influenced", "gcn", fisher_scope),
        ("deletion operators alone move", "gcn_delete", operators_move),
        ("deletion operators are needed", "gcn", operators_needed),
        ("graph methods refuse records", "gcn", refusals),
        ("gradient to a mask over edges", "sgc", mask_gradient),
        ("masks prune what they say", "gcn", masks_prune),
        ("editor equals a refit", "sgc", editor_is_exact),
        ("editor needs one sgc layer", "gcn", editor_needs_sgc),
    ];
    let mut trials = Vec::new();
    for device in devices {
        for row in METHODS {
            let run = move |s: &mut Small| method(s, row.name);
            let net = network(row.name);
            trials.push(device.trial(&format!("graph method {}", row.name), move |d| Small::with(d, net, run)));
        }
        trials.extend(tests.map(|(name, net, test)| {
            device.trial(&format!("graph method: {name}"), move |d| Small::with(d, net, test))
        }));
    }
    trials
}

/// Three communities, some of whose training nodes were given a class and words of their own, and a trained network.
struct Small<'e> {
    engine: &'e mut Engine,
    model: Model,
    data: Dataset,
    train: TrainConfig,
    theta: Vec<f32>,
    target: Target,
}

const SEED: u64 = 7;

/// Node ids of the edge and feature requests are those of the data set, whatever its training nodes are called.
const REQUESTS: [&str; 4] = [
    "kind = 'node'\nplanted = true",
    "kind = 'edge'\nfraction = 0.05",
    "kind = 'feature'\nnodes = [4, 9, 13, 22, 31]",
    "kind = 'feature'\nids = [0, 5]",
];

impl Small<'_> {
    fn with(
        device: &Shared,
        net: &str,
        test: impl FnOnce(&mut Small) -> Result<()>,
    ) -> std::result::Result<(), Failed> {
        device.with(|engine, _| {
            let mut config = DataConfig::new("sbm");
            (config.nodes, config.classes, config.features) = (Some(150), Some(3), Some(24));
            (config.p_in, config.p_out, config.validation_fraction) = (Some(0.12), Some(0.01), Some(0.2));
            config.plant = Some(Plant { fraction: 0.1, columns: 8, seed: 3 });
            let data = data::load(&config, Path::new("."))?;
            let hidden = (net != "sgc").then(|| vec![16]);
            let net = ModelConfig { zoo: Some(net.into()), hidden, layers: Vec::new() };
            let model = Model::build(&net, &data.shape, data.classes)?;
            let train = TrainConfig {
                optimizer: "adam".into(),
                lr: 0.02,
                weight_decay: 5e-4,
                epochs: 250,
                ..Default::default()
            };
            let theta = model.init(SEED);
            let mut small = Small { engine, model, data, train, theta, target: Target::default() };
            small.request(REQUESTS[0])?;
            small.theta = small.original()?;
            test(&mut small)
        })
    }

    /// The network trained on the graph with everything in it.
    fn original(&mut self) -> Result<Vec<f32>> {
        let (all, recipe) = (self.data.train_ids(), self.train.clone());
        let init = self.model.init(SEED);
        let mut session = Session::of(self.engine, &self.model, &self.data, None, &init)?;
        fit(&mut session, &recipe, SEED, &all)
    }

    fn request(&mut self, text: &str) -> Result<()> {
        let request: Request = toml::from_str(text).expect("the test's request is TOML");
        self.target = Target::of(&[request], &self.data, &self.model, SEED)?;
        Ok(())
    }

    /// Runs `work` in a new session over the graph before and after the request, from the trained parameters.
    fn session<T>(&mut self, work: impl FnOnce(&mut Session, &View) -> Result<T>) -> Result<T> {
        let mut session = Session::of(self.engine, &self.model, &self.data, self.target.deletion(), &self.theta)?;
        let view = View {
            retain: &self.target.split.retain,
            forget: &self.target.split.forget,
            forgotten_classes: &[],
            train: &self.train,
            seed: SEED,
            graph: self.target.graph_view(&self.data),
        };
        work(&mut session, &view)
    }

    fn run(&mut self, name: &str, settings: &str) -> Result<(Vec<f32>, Account)> {
        self.session(|session, view| {
            let settings = settings.parse().expect("the test's settings are TOML");
            let account = (find(name)?.build)(settings)?.forget(session, view)?;
            Ok((session.read_theta()?, account))
        })
    }

    /// Loss and accuracy under some parameters of the retained nodes on the graph that is left, and of the forgotten
    /// ones on the whole graph.
    fn scores(&mut self, theta: &[f32]) -> Result<[[f64; 2]; 2]> {
        self.session(|session, view| {
            session.write_theta(theta)?;
            let each = [Records::train(view.retain), Records::before(view.forget)];
            let [a, b] = each.map(|records| session.score(records).map(|s| [s.loss, s.accuracy]));
            Ok([a?, b?])
        })
    }
}

fn bits(flat: &[f32]) -> Vec<u32> {
    flat.iter().map(|v| v.to_bits()).collect()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

/// A network that knows its training nodes too well has a held-out loss that the planted class exceeds from the start; and
/// whoever is only near a deletion should not be driven far from what it knows.
fn settings(method: &str, planted: bool) -> &'static str {
    match (method, planted) {
        ("gradient_ascent" | "fisher_ascent" | "ewc_ascent", false) => "target_loss = 2\nmax_steps = 2",
        ("gradient_ascent" | "fisher_ascent" | "ewc_ascent" | "neg_grad_plus", _) => "target_loss = 2",
        _ => "",
    }
}

/// What every method must hold for each kind of request.
fn method(small: &mut Small, name: &str) -> Result<()> {
    for (i, request) in REQUESTS.iter().enumerate() {
        small.request(request)?;
        let settings = settings(name, i == 0);
        let (one, account) = small.run(name, settings)?;
        let (other, _) = small.run(name, settings)?;
        hold(bits(&one) == bits(&other), || format!("{name} gave other bytes from the same seed, {request}"))?;
        hold(one.iter().all(|v| v.is_finite()), || format!("{name} is not finite, {request}"))?;
        let [old, new] = [small.theta.clone(), one].map(|theta| small.scores(&theta));
        let ([_, before], [[_, accuracy], after]) = (old?, new?);
        let moved = account.details["relative_change"].as_f64().unwrap_or(f64::NAN);
        // Where a request reaches every training node, SSD finds nothing that matters more to them than to all.
        let still = name == "unlink" || (name == "ssd" && i > 0 && moved == 0.0);
        hold((moved > 0.0) != still, || format!("{name} moved {moved}, {request}"))?;
        hold(accuracy > 0.65, || format!("{name}: {accuracy} of the retained nodes are right, {request}"))?;
        if i == 0 && !["unlink", "gnn_delete", "graph_editor"].contains(&name) {
            // An operator acts on the graph that is left, and these are read off the whole one; the editor's regression
            // is another model. The planted class is on nobody who stays: whoever forgets anything is less sure of it.
            hold(after[0] > before[0] + 1e-3, || format!("{name}: forget loss from {} to {}", before[0], after[0]))?;
        }
    }
    Ok(())
}

fn unlink_leaves_weights(small: &mut Small) -> Result<()> {
    for request in REQUESTS {
        small.request(request)?;
        let (theta, account) = small.run("unlink", "")?;
        hold(bits(&theta) == bits(&small.theta), || format!("unlink changed a weight, {request}"))?;
        hold(account.reads.is_empty(), || format!("unlink says that it reads {:?}", account.reads))?;
    }
    Ok(())
}

fn repair_scope(small: &mut Small) -> Result<()> {
    small.request("kind = 'edge'\nfraction = 0.005")?;
    let reached = small.target.graph.as_ref().map_or(0, |g| g.influenced_train.len());
    let all = small.target.split.retain.len();
    hold(0 < reached && reached < all, || format!("{reached} of {all} nodes are reached; the test needs some"))?;
    let (near, account) = small.run("graph_repair", "epochs = 2")?;
    hold(account.details["scope_records"] == reached, || format!("{account:?}"))?;
    let lost = account.details["graph"]["nodes_with_fewer_edges"].as_u64();
    hold(lost.is_some_and(|n| n > 0), || format!("{account:?}"))?;
    let (wide, account) = small.run("graph_repair", "epochs = 2\nscope = 'all'")?;
    hold(account.details["scope_records"] == all && bits(&near) != bits(&wide), || format!("{account:?}"))?;
    // Whom the deletion does not reach is not looked at.
    if let Some(g) = &mut small.target.graph {
        g.influenced_train.clear();
    }
    let (fallen_back, account) = small.run("graph_repair", "epochs = 2")?;
    hold(bits(&fallen_back) == bits(&wide), || "repair without influenced nodes is not repair on all".into())?;
    hold(account.details["scope"] == "all" && account.details.contains_key("scope_note"), || format!("{account:?}"))
}

fn fisher_scope(small: &mut Small) -> Result<()> {
    small.request("kind = 'edge'\nfraction = 0.005")?;
    let settings = "target_loss = 9\nmax_steps = 3\n";
    let (all, _) = small.run("fisher_ascent", settings)?;
    let (near, account) = small.run("fisher_ascent", &format!("{settings}scope = 'influenced'"))?;
    let reached = small.target.graph.as_ref().map_or(0, |g| g.influenced_train.len());
    hold(account.details["scope_records"] == reached, || format!("{account:?}"))?;
    hold(bits(&all) != bits(&near), || "both scopes go the same way".into())
}

fn operators_move(small: &mut Small) -> Result<()> {
    let entry = small.model.layout.get("deletion1.weight")?.clone();
    let operator = entry.offset..entry.offset + entry.len;
    hold(small.theta[operator.clone()].iter().all(|w| *w == 0.0), || "training moved an operator out of use".into())?;
    for request in REQUESTS {
        small.request(request)?;
        let (theta, account) = small.run("gnn_delete", "")?;
        let moved = |i: &usize| theta[*i].to_bits() != small.theta[*i].to_bits();
        let stray = (0..theta.len()).filter(moved).find(|i| !operator.contains(i));
        hold(stray.is_none(), || format!("weight {stray:?} outside the operator moved, {request}"))?;
        let of = |key: &str, i: usize| account.details[key][i].as_f64().unwrap_or(f64::NAN);
        let objective = |key| 0.5 * of(key, 0) + 0.5 * of(key, 1);
        let (first, last) = (objective("first"), objective("last"));
        hold(last < 0.95 * first, || format!("the objective went from {first} to {last}, {request}"))?;
        // Nodes beyond the request's reach answer to the bit as the network without operators does.
        let far: Vec<u32> = {
            let graph = small.target.graph.as_ref().expect("a request on a graph");
            let near = |v: &u32| graph.influenced.contains(v) || graph.deletion.nodes.contains(v);
            (0..150).filter(|v| !near(v)).take(5).collect()
        };
        if far.is_empty() {
            continue;
        }
        let logits = |s: &mut Session, theta: &[f32]| {
            s.write_theta(theta)?;
            s.logits(Records::train(&far))
        };
        let old = small.theta.clone();
        let (a, b) = small.session(|s, _| Ok((logits(s, &old)?, logits(s, &theta)?)))?;
        hold(bits(&a) == bits(&b), || format!("an operator acts beyond what is reached, {request}"))?;
    }
    // Retraining, which is in training mode, leaves it alone too.
    let (theta, _) = small.run("retrain", "")?;
    hold(theta[operator].iter().all(|w| *w == 0.0), || "a retrain moved an operator".into())
}

fn refused(found: Result<(Vec<f32>, Account)>, says: &str) -> Result<()> {
    match found {
        Err(e) if e.exit_code() == 2 && e.to_string().contains(says) => Ok(()),
        other => hold(false, || format!("expected a refusal with `{says}`, got {:?}", other.map(|o| o.1))),
    }
}

fn operators_needed(small: &mut Small) -> Result<()> {
    refused(small.run("gnn_delete", ""), "gcn_delete")
}

/// What works on nothing but a graph says so where there is none.
fn refusals(small: &mut Small) -> Result<()> {
    for name in ["unlink", "graph_repair", "gnn_delete", "edge_mask", "graph_editor"] {
        let found = small.session(|session, view| {
            let alone = View { graph: None, ..*view };
            let account = (find(name)?.build)(toml::Table::new())?.forget(session, &alone)?;
            Ok((Vec::new(), account))
        });
        refused(found, "graph")?;
    }
    Ok(())
}

/// H u against Jᵀ (diag(p) − p pᵀ) J u on the host with J from central differences of the logits.
fn gauss_newton(small: &mut Small) -> Result<()> {
    let layers = "type='graph_conv'\nout=3\n|type='tanh'|type='graph_conv'";
    let layers = layers.split('|').map(|t| t.parse().expect("TOML")).collect();
    small.model = Model::build(&ModelConfig { layers, ..Default::default() }, &small.data.shape, small.data.classes)?;
    small.theta = small.model.init(SEED).iter().map(|v| 0.5 + v.sin()).collect();
    let real: Vec<usize> = small.model.layout.entries().iter().flat_map(|e| e.offset..e.offset + e.len).collect();
    (0..small.theta.len()).filter(|i| !real.contains(i)).for_each(|i| small.theta[i] = 0.0);
    let classes = small.model.classes;
    let theta = small.theta.clone();
    small.session(|session, view| {
        let records = Records::train(&view.retain[..7]);
        let mut jacobian = Vec::new();
        for i in &real {
            let mut at = |by: f32| {
                let mut moved = theta.clone();
                moved[*i] += by;
                session.write_theta(&moved)?;
                session.logits(records)
            };
            let (up, down) = (at(0.02)?, at(-0.02)?);
            jacobian.push(up.iter().zip(down).map(|(a, b)| f64::from(a - b) / 0.04).collect::<Vec<f64>>());
        }
        session.write_theta(&theta)?;
        let logits = session.logits(records)?;
        let p: Vec<f64> = logits.chunks(classes).flat_map(softmax).collect();
        let want = |u: &[f64]| -> Vec<f64> {
            let along: Vec<f64> =
                (0..p.len()).map(|k| real.iter().enumerate().map(|(j, i)| jacobian[j][k] * u[*i]).sum()).collect();
            let mean: Vec<f64> = (0..p.len() / classes)
                .map(|n| (0..classes).map(|c| p[n * classes + c] * along[n * classes + c]).sum())
                .collect();
            let inner: Vec<f64> = (0..p.len()).map(|k| p[k] * (along[k] - mean[k / classes]) / 7.0).collect();
            jacobian.iter().map(|row| row.iter().zip(&inner).map(|(j, v)| j * v).sum()).collect()
        };
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut kept = Vec::new();
        for keep in [usize::MAX, 0] {
            let h = session.gauss_newton_within(records, keep)?;
            let mut products = Vec::new();
            for seed in [1.0, 2.0] {
                let mut u = vec![0.0f32; theta.len()];
                real.iter().for_each(|i| u[*i] = (seed * 1.7 * *i as f32).sin());
                let got = product(session, &h, &u)?;
                let wide: Vec<f64> = u.iter().map(|v| f64::from(*v)).collect();
                let (got_real, want): (Vec<f64>, Vec<f64>) = (real.iter().map(|i| got[*i]).collect(), want(&wide));
                let error: Vec<f64> = got_real.iter().zip(&want).map(|(a, b)| a - b).collect();
                let gap = (dot(&error, &error) / dot(&want, &want)).sqrt();
                hold(gap < 3e-3, || format!("H u is off by {gap:e} (keep {keep})"))?;
                hold(dot(&wide, &got) > 0.0, || "uᵀ H u is not positive".into())?;
                hold((0..got.len()).all(|i| real.contains(&i) || got[i] == 0.0), || {
                    "H u is not 0 between tensors".into()
                })?;
                products.push((wide, got));
            }
            let [(u, hu), (w, hw)] = &products[..] else { unreachable!("two directions") };
            let (a, b) = (dot(w, hu), dot(u, hw));
            hold((a - b).abs() < 1e-4 * a.abs().max(dot(u, hu)), || format!("wᵀ H u = {a}, uᵀ H w = {b}"))?;
            kept.push(products[0].1.clone());
        }
        let gap = kept[0].iter().zip(&kept[1]).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
        hold(gap < 1e-6, || format!("kept and repeated rows differ by {gap:e}"))
    })
}

/// uᵀ H u of a network whose parameters are taken in several pieces, against J u by one central difference of the logits.
fn gauss_newton_wide(small: &mut Small) -> Result<()> {
    let layers = ["type='graph_conv'\nout=300", "type='tanh'", "type='graph_conv'"];
    let layers = layers.iter().map(|t| t.parse().expect("TOML")).collect();
    small.model = Model::build(&ModelConfig { layers, ..Default::default() }, &small.data.shape, small.data.classes)?;
    small.theta = small.model.init(SEED);
    let (classes, theta) = (small.model.classes, small.theta.clone());
    hold(theta.len() > 2 * 4096, || "the network is too small to be taken in pieces".into())?;
    small.session(|session, view| {
        let records = Records::train(&view.retain[..9]);
        let u: Vec<f32> =
            (0..theta.len()).map(|i| if theta[i] == 0.0 { 0.0 } else { (1.7 * i as f32).sin() }).collect();
        let mut at = |by: f32| {
            let moved: Vec<f32> = theta.iter().zip(&u).map(|(t, u)| t + by * u).collect();
            session.write_theta(&moved)?;
            session.logits(records)
        };
        let (up, down, here) = (at(1e-3)?, at(-1e-3)?, at(0.0)?);
        let along: Vec<f64> = up.iter().zip(&down).map(|(a, b)| f64::from(a - b) / 2e-3).collect();
        let variance = |(z, j): (&[f32], &[f64])| {
            let p = softmax(z);
            let mean: f64 = p.iter().zip(j).map(|(p, j)| p * j).sum();
            p.iter().zip(j).map(|(p, j)| p * (j - mean).powi(2)).sum::<f64>()
        };
        let want: f64 = here.chunks(classes).zip(along.chunks(classes)).map(variance).sum::<f64>() / 9.0;
        for keep in [usize::MAX, 0] {
            let h = session.gauss_newton_within(records, keep)?;
            let hu = product(session, &h, &u)?;
            let got: f64 = u.iter().zip(&hu).map(|(u, v)| f64::from(*u) * v).sum();
            hold((got / want - 1.0).abs() < 3e-3, || format!("uᵀ H u = {got}, differences give {want}"))?;
        }
        Ok(())
    })
}

fn product(session: &mut Session, h: &unlearn::train::GaussNewton, u: &[f32]) -> Result<Vec<f64>> {
    session.engine.write(h.u, u)?;
    h.apply(session)?;
    let hu: Buf<f32> = h.hu;
    Ok(session.engine.read(hu)?.into_iter().map(f64::from).collect())
}

fn softmax(z: &[f32]) -> Vec<f64> {
    let top = z.iter().fold(f32::MIN, |m, v| m.max(*v));
    let e: Vec<f64> = z.iter().map(|v| f64::from(v - top).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.iter().map(|v| v / sum).collect()
}

/// One layer is convex: a full Newton step from the old optimum ends close to the new one, which a retrain finds.
fn influence_is_newton(small: &mut Small) -> Result<()> {
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

fn editor_needs_sgc(small: &mut Small) -> Result<()> {
    refused(small.run("graph_editor", ""), "sgc")
}

/// The edited regression against one that is fitted on the graph that is left, where nothing is edited; and that it is a
/// minimum of the objective as the engine sees it: no direction goes down from it.
fn editor_is_exact(small: &mut Small) -> Result<()> {
    for request in REQUESTS {
        small.request(request)?;
        let (edited, account) = small.run("graph_editor", "lambda = 0.1")?;
        let changed = account.details["rows_changed"].as_u64().unwrap_or(0);
        hold(changed > 0, || format!("no row changed, {request}"))?;
        let target = small.target.clone();
        let nothing = Default::default();
        let whole = small.data.clone();
        let reduced = whole.graph.as_ref().map(|g| g.graph.without(&target.graph.as_ref().unwrap().deletion));
        let refit = small.session(|session, view| {
            let left = reduced.as_ref().expect("a graph");
            let graph = view.graph.map(|g| unlearn::methods::GraphView { graph: left, deletion: &nothing, ..g });
            let view = View { forget: &[], graph, ..*view };
            let settings = "lambda = 0.1".parse().expect("TOML");
            let account = (find("graph_editor")?.build)(settings)?.forget(session, &view)?;
            hold(account.details["rows_changed"] == 0, || format!("{account:?}"))?;
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
            let logits = session.logits(Records::train(view.retain))?;
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
fn mask_gradient(small: &mut Small) -> Result<()> {
    for net in [&["type='sgc'\nk=3"][..], &["type='graph_conv'\nout=5", "type='tanh'", "type='graph_conv'"]] {
        let layers = net.iter().map(|t| t.parse().expect("TOML")).collect();
        small.model =
            Model::build(&ModelConfig { layers, ..Default::default() }, &small.data.shape, small.data.classes)?;
        small.theta = small.model.init(SEED).iter().map(|v| 3.0 * v).collect();
        small.request(REQUESTS[0])?;
        let gone = small.target.deletion().map(|d| d.edges.clone()).unwrap_or_default();
        small.session(|session, view| {
            let (len, edges) = session.mask_edges()?;
            hold(edges.iter().all(|e| !gone.contains(&[e.source, e.target])), || "a deleted edge is masked".into())?;
            let (mask, slope) = (session.engine.alloc("mask", len)?, session.engine.alloc("slope", len)?);
            let mut rec = session.recording();
            let words = rec.temp("step", 4);
            rec.upload(words);
            let (lists, sums) =
                session.record_edge_masked(&mut rec, Records::train(view.retain), [mask, slope], words)?;
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
            let found = session.engine.read(slope)?;
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

fn masks_prune(small: &mut Small) -> Result<()> {
    let (theta, account) = small.run("edge_mask", "prune_weights = 0.3\nepochs = 20\nrepair_epochs = 5")?;
    let matrices: Vec<_> = small.model.layout.entries().iter().filter(|e| e.shape.len() > 1).collect();
    let (mut zeros, mut all) = (0, 0);
    for e in matrices {
        zeros += theta[e.offset..e.offset + e.len].iter().filter(|w| **w == 0.0).count();
        all += e.len;
    }
    let share = zeros as f64 / all as f64;
    // Weights of columns that nobody has any more shrink to nothing by themselves.
    hold((0.29..0.45).contains(&share), || format!("{share} of the weights are 0: {account:?}"))?;
    let masked = account.details["edges_masked"].as_f64().unwrap_or(0.0);
    hold((masked - 0.05).abs() < 0.005, || format!("{masked} of the edges: {account:?}"))?;
    small.model = Model::build(
        &ModelConfig { zoo: Some("gin".into()), hidden: Some(vec![4]), layers: Vec::new() },
        &small.data.shape,
        small.data.classes,
    )?;
    small.theta = small.model.init(SEED);
    refused(small.run("edge_mask", ""), "gin_conv")
}
