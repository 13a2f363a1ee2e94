//! Every layer and every named architecture against central differences, on the reference engine in f64.

use unlearn::engine::case::Gen;
use unlearn::engine::{Buf, Engine, Recording, Target};
use unlearn::nn::{Backward, Forward, Mode, ParamLayout, Sink, parse_layer};

use super::nets::{Into, Net, Rig, get, numbers, put};

/// Step of a central difference. Small, so that hardly a relu or a max-pool window changes sides within it; the rounding
/// of f64 still leaves ten digits.
const STEP: f64 = 1e-6;
const TOLERANCE: f64 = 1e-6;
const SCALE: f32 = 0.25;
/// Elements of each tensor that are moved alone.
const SINGLE: usize = 20;
/// Directions in which a tensor is moved as a whole.
const WHOLE: usize = 3;

/// Σ upstream · y at the current parameters and inputs.
fn loss(engine: &mut Engine, rig: &Rig, upstream: &[f64]) -> f64 {
    engine.run(&rig.forward, &[]).expect("a forward pass");
    get(engine, rig.at.y).iter().zip(upstream).map(|(y, u)| y * u).sum()
}

/// Directions of length 1: single elements, then the whole tensor.
fn directions(len: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut g = Gen::new(seed);
    let picked: Vec<usize> =
        if len <= SINGLE { (0..len).collect() } else { (0..SINGLE).map(|_| g.below(len)).collect() };
    let single = picked.into_iter().map(|i| (0..len).map(|j| f64::from(u8::from(i == j))).collect());
    let whole = (0..WHOLE as u64).map(|i| {
        let d = numbers(len, seed + 1 + i);
        let norm = d.iter().map(|v| v * v).sum::<f64>().sqrt();
        d.iter().map(|v| v / norm).collect()
    });
    single.chain(whole).collect()
}

/// Worst relative error of `gradient` as the gradient of [`loss`] in the range `at`.
fn check(engine: &mut Engine, rig: &Rig, upstream: &[f64], at: Buf<f32>, gradient: &[f64]) -> f64 {
    let start = get(engine, at);
    let (mut worst, mut top) = (0.0f64, 0.0f64);
    for d in directions(start.len(), 11) {
        let mut moved = |by: f64| {
            put(engine, at, &start.iter().zip(&d).map(|(s, d)| s + by * d).collect::<Vec<_>>());
            loss(engine, rig, upstream)
        };
        let numeric = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        let analytic: f64 = gradient.iter().zip(&d).map(|(g, d)| g * d).sum();
        let error = (numeric - analytic).abs();
        // A comparison with NaN is false, so this keeps it.
        worst = if error <= worst { worst } else { error };
        top = top.max(numeric.abs());
    }
    put(engine, at, &start);
    // A tensor that nothing depends on would agree with anything that is zero.
    if top == 0.0 { f64::INFINITY } else { worst / top }
}

fn check_net(net: &Net, n: usize) -> Vec<String> {
    let mut engine = Engine::reference();
    let into = Into::Mean { scale: SCALE, accumulate: true };
    let rig = Rig::new(&mut engine, Target::default(), net, n, into, true).expect(&net.name);
    let upstream = numbers(rig.at.y.len, 3);
    let before = net.theta(9);
    for (to, values) in [
        (rig.at.theta, &net.theta(5)),
        (rig.at.x, &numbers(rig.at.x.len, 2)),
        (rig.at.dy, &upstream),
        (rig.at.sink, &before),
    ] {
        put(&mut engine, to, values);
    }
    engine.run(&rig.both, &[]).expect(&net.name);
    let (dx, sink) = (get(&mut engine, rig.at.dx), get(&mut engine, rig.at.sink));
    let mut tensors = vec![("x".to_owned(), rig.at.x, dx)];
    for e in net.layout.entries() {
        let range = e.offset..e.offset + e.len;
        let own = sink[range.clone()].iter().zip(&before[range.clone()]);
        let gradient = own.map(|(s, b)| (s - b) / f64::from(SCALE)).collect();
        tensors.push((e.name.clone(), rig.at.theta.range(range), gradient));
    }
    let mut bad = Vec::new();
    for (name, at, gradient) in tensors {
        let error = check(&mut engine, &rig, &upstream, at, &gradient);
        if !(error <= TOLERANCE) {
            bad.push(format!("{}, batch {n}: gradient of {name} is off by {error:e}", net.name));
        }
    }
    bad
}

#[test]
fn gradients_agree_with_central_differences() {
    let bad: Vec<String> = Net::all().iter().flat_map(|net| check_net(net, 3)).collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn dropout_is_the_identity_in_evaluation() {
    let layer = parse_layer(toml::from_str("type = 'dropout'\np = 0.9").expect("TOML")).expect("a layer");
    let mut engine = Engine::reference();
    let (x, dy) = (engine.alloc("x", 8).expect("x"), engine.alloc("dy", 8).expect("dy"));
    let (layout, theta, step) = (&ParamLayout::default(), x.range(0..0), None);
    let mut rec = Recording::new(Target::default());
    let mut cx = Forward { rec: &mut rec, layout, theta, n: 2, mode: Mode::Eval, step, dropouts: 0 };
    let (y, saved) = layer.forward(&mut cx, x, &[4]).expect("a forward pass");
    let mut cx = Backward { rec: &mut rec, layout, theta, n: 2, step, sink: Sink::PerSample { slab: theta } };
    let dx = layer.backward(&mut cx, &saved, dy, &[4], true).expect("a backward pass").expect("dx");
    assert_eq!((y.any(), dx.any(), rec.commands.len()), (x.any(), dy.any(), 0));
}
