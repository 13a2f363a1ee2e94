//! Layers and small networks recorded on an engine, for the tests that hold `nn` to finite differences, to its own sinks
//! and to the reference engine.

use unlearn::Result;
use unlearn::engine::case::Gen;
use unlearn::engine::{Buf, Engine, Lane, Program, Recording, Target};
use unlearn::nn::{Backward, Forward, LAYERS, Layer, Mode, Model, ModelConfig, ParamLayout, Sink, ZOO, parse_layer};

enum Body {
    Layer(Box<dyn Layer>),
    Model(Box<Model>),
}

/// A layer, or a whole model, for one input shape.
pub struct Net {
    /// Kind and input shape; no two are the same.
    pub name: String,
    body: Body,
    /// Has dropout: a record's mask depends on its place in the batch.
    pub drops: bool,
    pub layout: ParamLayout,
    pub input: Vec<usize>,
    pub output: Vec<usize>,
}

/// Layers in forms that the registry's own examples leave out, with their inputs.
const MORE: &[(&str, &[usize])] = &[
    ("type='linear'\nout=4\nbias=false", &[6]),
    ("type='linear'\nout=67", &[65]),
    ("type='conv2d'\nout=9\nkernel=3\npadding=1", &[3, 5, 4]),
    ("type='conv2d'\nout=6\nkernel=3\nstride=2\ngroups=3\nbias=false", &[3, 7, 5]),
    ("type='conv2d'\nout=3\nkernel=1", &[5, 1, 1]),
    ("type='max_pool'\nkernel=3\nstride=2\npadding=1", &[2, 6, 5]),
    ("type='avg_pool'\nkernel=2\nstride=1", &[2, 4, 3]),
    ("type='group_norm'\ngroups=1", &[6]),
    ("type='group_norm'\ngroups=1", &[4, 9, 9]),
    ("type='group_norm'\ngroups=3", &[3, 4, 2]),
    ("type='layer_norm'", &[300]),
    ("type='dropout'\np=0.0", &[5]),
    ("type='residual'\nlayers=[{type='gelu'}]", &[7]),
    (
        "type='residual'\nlayers=[{type='conv2d',name='c',out=4,kernel=3,padding=1},{type='group_norm',name='g',groups=2},\
         {type='relu'},{type='residual',layers=[{type='conv2d',name='d',out=4,kernel=1},{type='tanh'}]}]",
        &[4, 3, 5],
    ),
    (
        "type='residual'\nlayers=[{type='linear',name='a',out=9},{type='dropout',p=0.5},{type='linear',name='b',out=3}]",
        &[3],
    ),
];

/// Small inputs and widths of the named architectures.
fn small(zoo: &str) -> (Vec<usize>, Option<Vec<usize>>) {
    match zoo {
        "mlp" => (vec![2, 3, 2], Some(vec![7, 5])),
        "lenet5" => (vec![1, 12, 12], None),
        "vgg_gn" => (vec![2, 6, 5], Some(vec![4, 6])),
        _ => (vec![2, 3, 3], None),
    }
}

impl Net {
    fn layer(config: &str, input: &[usize]) -> Net {
        let mut layer = parse_layer(toml::from_str(config).expect("TOML")).expect(config);
        layer.complete(1, None);
        let mut layout = ParamLayout::default();
        layout.extend(layer.params(input).expect(config)).expect(config);
        let output = layer.out_shape(input).expect(config);
        let kind = layer.config();
        let name = format!("{} {input:?}", kind["type"].as_str().expect("a type"));
        let drops = config.contains("dropout");
        Net { name, body: Body::Layer(layer), drops, layout, input: input.to_vec(), output }
    }

    fn zoo(name: &str) -> Net {
        let (input, hidden) = small(name);
        let config = ModelConfig { zoo: Some(name.into()), hidden, ..Default::default() };
        let model = Model::build(&config, &input, 3).expect(name);
        let (layout, output) = (model.layout.clone(), vec![3]);
        Net { name: format!("zoo {name}"), body: Body::Model(Box::new(model)), drops: false, layout, input, output }
    }

    /// Every row of the layer registry, more forms of some, and every named architecture.
    pub fn all() -> Vec<Net> {
        let rows = LAYERS.iter().map(|row| (row.example, row.example_input));
        let layers = rows.chain(MORE.iter().copied()).map(|(config, input)| Net::layer(config, input));
        layers.chain(ZOO.iter().map(|row| Net::zoo(row.name))).collect()
    }

    /// Parameters that are neither zero nor one anywhere; the lanes between them are 0.
    pub fn theta(&self, seed: u64) -> Vec<f64> {
        let mut theta = match &self.body {
            Body::Layer(_) => vec![0.0; self.layout.total()],
            Body::Model(m) => m.init(seed).into_iter().map(f64::from).collect(),
        };
        let noise = if matches!(self.body, Body::Layer(_)) { 1.0 } else { 0.2 };
        for e in self.layout.entries() {
            let values = numbers(e.len, seed ^ e.offset as u64);
            theta[e.offset..e.offset + e.len].iter_mut().zip(values).for_each(|(t, v)| *t += noise * v);
        }
        theta.iter().map(|t| f64::from(*t as f32)).collect()
    }

    /// Dropout runs in training mode with a fixed seed, everything else in evaluation mode, where no seed is needed.
    fn mode(&self, rig: &Buffers) -> (Mode, Option<Buf<u32>>) {
        if self.drops { (Mode::Train, Some(rig.step)) } else { (Mode::Eval, None) }
    }

    fn forward(&self, rec: &mut Recording, rig: &Buffers, n: usize) -> Result<(Buf<f32>, Tape)> {
        let (mode, step) = self.mode(rig);
        match &self.body {
            Body::Model(m) => {
                let tape = m.forward(rec, rig.theta, rig.x, n, mode, step)?;
                Ok((tape.logits, Tape::Model(tape)))
            }
            Body::Layer(l) => {
                let layout = &self.layout;
                let mut cx = Forward { rec, layout, theta: rig.theta, n, mode, step, dropouts: 0 };
                let (y, saved) = l.forward(&mut cx, rig.x, &self.input)?;
                Ok((y, Tape::Layer(saved)))
            }
        }
    }

    fn backward(&self, rec: &mut Recording, rig: &Buffers, tape: &Tape, n: usize, sink: Sink, dx: bool) -> Result<()> {
        let (_, step) = self.mode(rig);
        let found = match (&self.body, tape) {
            (Body::Model(m), Tape::Model(tape)) if dx => {
                m.backward_to_input(rec, rig.theta, tape, rig.dy, step, sink)?
            }
            (Body::Model(m), Tape::Model(tape)) => {
                m.backward(rec, rig.theta, tape, rig.dy, step, sink)?;
                None
            }
            (Body::Layer(l), Tape::Layer(saved)) => {
                let mut cx = Backward { rec, layout: &self.layout, theta: rig.theta, n, step, sink };
                l.backward(&mut cx, saved, rig.dy, &self.input, dx)?
            }
            _ => unreachable!("a tape belongs to its network"),
        };
        if dx {
            rec.copy(found.expect("dx was asked for"), rig.dx);
        }
        Ok(())
    }
}

enum Tape {
    Layer(unlearn::nn::Saved),
    Model(unlearn::nn::Tape),
}

/// What becomes of the weight gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Into {
    Mean { scale: f32, accumulate: bool },
    SquareSum { accumulate: bool },
    PerSample,
}

/// The kept buffers of a rig.
#[derive(Clone, Copy)]
pub struct Buffers {
    pub theta: Buf<f32>,
    pub x: Buf<f32>,
    pub y: Buf<f32>,
    pub dy: Buf<f32>,
    pub dx: Buf<f32>,
    pub sink: Buf<f32>,
    step: Buf<u32>,
}

/// A network compiled for a batch size and a sink: the forward pass alone, and both passes.
pub struct Rig {
    pub at: Buffers,
    pub forward: Program,
    pub both: Program,
}

impl Rig {
    /// With the kernel variants for `target`. `dx` asks for the input's gradient too.
    pub fn new(engine: &mut Engine, target: Target, net: &Net, n: usize, into: Into, dx: bool) -> Result<Rig> {
        let (inputs, outputs) = (n * net.input.iter().product::<usize>(), n * net.output.iter().product::<usize>());
        let total = net.layout.total();
        let at = Buffers {
            theta: engine.alloc("theta", total)?,
            x: engine.alloc("x", inputs)?,
            y: engine.alloc("y", outputs)?,
            dy: engine.alloc("dy", outputs)?,
            dx: engine.alloc("dx", inputs)?,
            sink: engine.alloc("sink", if into == Into::PerSample { n * total } else { total })?,
            step: engine.alloc("step", 4)?,
        };
        engine.write(at.step, &[7, 0, 3, 0])?;
        let sink = match into {
            Into::Mean { scale, accumulate } => Sink::Mean { grad: at.sink, scale, accumulate },
            Into::SquareSum { accumulate } => Sink::SquareSum { squares: at.sink, accumulate },
            Into::PerSample => Sink::PerSample { slab: at.sink },
        };
        let mut forward = Recording::new(target);
        let (y, _) = net.forward(&mut forward, &at, n)?;
        forward.copy(y, at.y);
        let mut both = Recording::new(target);
        let (y, tape) = net.forward(&mut both, &at, n)?;
        both.copy(y, at.y);
        net.backward(&mut both, &at, &tape, n, sink, dx)?;
        Ok(Rig { at, forward: engine.compile(forward)?, both: engine.compile(both)? })
    }
}

/// Writes a range, exactly on the reference engine.
pub fn put(engine: &mut Engine, to: Buf<f32>, values: &[f64]) {
    match engine.as_reference() {
        Some(r) => r.store(to.any(), &Lane::F32(values.to_vec())),
        None => engine.write(to, &values.iter().map(|v| *v as f32).collect::<Vec<_>>()).expect("a write"),
    }
}

/// Reads a range, exactly on the reference engine.
pub fn get(engine: &mut Engine, from: Buf<f32>) -> Vec<f64> {
    match engine.as_reference() {
        Some(r) => r.load(from.any()).f().to_vec(),
        None => engine.read(from).expect("a read").into_iter().map(f64::from).collect(),
    }
}

/// Random numbers in (−1, 1) that f32 holds exactly.
pub fn numbers(n: usize, seed: u64) -> Vec<f64> {
    Gen::new(seed).values(n).into_iter().map(f64::from).collect()
}

/// The buffers that a run of both passes leaves.
pub struct Found {
    pub y: Vec<f64>,
    pub dx: Vec<f64>,
    pub sink: Vec<f64>,
}

/// Runs the forward pass alone, then both passes; the outputs must be the same to the last bit. `x` and `dy` hold whole records; `before` is what the sink starts from, given per element of
/// the flat vector (0 between parameters), the same for every row of a slab.
pub fn run(
    engine: &mut Engine,
    target: Target,
    net: &Net,
    into: Into,
    [x, dy, before]: [&[f64]; 3],
    dx: bool,
) -> Result<Found> {
    let n = x.len() / net.input.iter().product::<usize>();
    let mark = engine.mark();
    let rig = Rig::new(engine, target, net, n, into, dx)?;
    let at = rig.at;
    let rows = if into == Into::PerSample { n } else { 1 };
    for (to, values) in [(at.theta, &net.theta(5)[..]), (at.x, x), (at.dy, dy), (at.sink, &before.repeat(rows))] {
        put(engine, to, values);
    }
    engine.run(&rig.forward, &[])?;
    let alone = get(engine, at.y);
    engine.run(&rig.both, &[])?;
    let found = Found { y: get(engine, at.y), dx: get(engine, at.dx), sink: get(engine, at.sink) };
    assert_eq!(alone, found.y, "{}: the forward pass alone gives other outputs", net.name);
    drop(rig);
    engine.release(mark);
    Ok(found)
}

/// Largest difference over the largest reference value; infinite where anything is not a number or lengths differ.
pub fn gap(got: &[f64], want: &[f64]) -> f64 {
    if got.len() != want.len() || got.iter().chain(want).any(|v| !v.is_finite()) {
        return f64::INFINITY;
    }
    let top = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |a: f64, b| a.max(b.abs()));
    let difference = top(&mut got.iter().zip(want).map(|(g, w)| g - w));
    if difference == 0.0 { 0.0 } else { difference / top(&mut want.iter().copied()) }
}
