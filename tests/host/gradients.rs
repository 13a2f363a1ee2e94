//! Every layer and every named architecture against central differences, on the reference engine in f64.

use unlearn::engine::{Engine, Recording, Target};
use unlearn::harness::gradcheck::{GradCheck, projection};
use unlearn::nn::{Backward, Forward, Mode, ParamLayout, Sink, parse_layer};

use unlearn::harness::nets::{Into, Net, Rig, get, numbers, put};

/// The step is small, so that hardly a relu or a max-pool window changes sides within it; the rounding of f64 still
/// leaves nine digits.
const CHECK: GradCheck = GradCheck { step: 1e-6, directions: 24, seed: 11, tolerance: 1e-6, floor: 1e-2 };
const SCALE: f32 = 0.25;

/// Tensors that no output depends on: a constant in every key shifts all scores of a node alike.
fn idle(net: &Net, name: &str) -> bool {
    net.name.contains("transformer_conv") && name.ends_with("lin_key.bias")
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
        put(&mut engine, to, values).expect("a write");
    }
    engine.run(&rig.both, &[]).expect(&net.name);
    let [dx, sink] = [rig.at.dx, rig.at.sink].map(|from| get(&mut engine, from).expect("a read"));
    let mut tensors = if net.sparse { Vec::new() } else { vec![("x".to_owned(), rig.at.x, dx)] };
    for e in net.layout.entries() {
        let range = e.offset..e.offset + e.len;
        let own = sink[range.clone()].iter().zip(&before[range.clone()]);
        let gradient = own.map(|(s, b)| (s - b) / f64::from(SCALE)).collect();
        tensors.push((e.name.clone(), rig.at.theta.range(range), gradient));
    }
    let mut bad = Vec::new();
    for (name, at, gradient) in tensors {
        if idle(net, &name) {
            let most = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
            assert!(most < 1e-12, "{}: {name} has a gradient of {most:e}", net.name);
            continue;
        }
        let start = get(&mut engine, at).expect("a read");
        let f = projection(&mut engine, &rig.forward, at.any(), rig.at.y.any(), &upstream);
        // A tensor that nothing depends on would agree with anything that is zero.
        if gradient.iter().all(|g| *g == 0.0) {
            bad.push(format!("{}, batch {n}: the gradient of {name} is 0", net.name));
        }
        if let Err(e) = CHECK.scalar(f, &start, &gradient) {
            bad.push(format!("{}, batch {n}, {name}: {e}", net.name));
        }
        put(&mut engine, at, &start).expect("a write");
    }
    bad
}

#[test]
fn gradients_agree_with_central_differences() {
    let bad: Vec<String> = Net::all().expect("networks").iter().flat_map(|net| check_net(net, 3)).collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn dropout_is_the_identity_in_evaluation() {
    let layer = parse_layer(toml::from_str("type = 'dropout'\np = 0.9").expect("TOML")).expect("a layer");
    let mut engine = Engine::reference();
    let (x, dy) = (engine.alloc("x", 8).expect("x"), engine.alloc("dy", 8).expect("dy"));
    let (layout, theta, step) = (&ParamLayout::default(), x.range(0..0), None);
    let mut rec = Recording::new(Target::default());
    let (graph, segments, pattern, mode) = (None, None, None, Mode::Eval);
    let mut cx = Forward {
        rec: &mut rec,
        layout,
        theta,
        state: None,
        n: 2,
        graph,
        segments,
        pattern,
        mode,
        step,
        dropouts: 0,
        relu: None,
        continued: None,
    };
    let (y, saved) = layer.forward(&mut cx, x, &[4]).expect("a forward pass");
    let sink = Sink::PerSample { slab: theta };
    let (kept, head, relu) = (None, None, None);
    let mut cx = Backward { rec: &mut rec, layout, theta, n: 2, graph, segments, step, sink, kept, head, relu };
    let dx = layer.backward(&mut cx, &saved, dy, &[4], true).expect("a backward pass").expect("dx");
    assert_eq!((y.any(), dx.any(), rec.commands.len()), (x.any(), dy.any(), 0));
}
