//! Layers and small networks recorded on an engine, for the tests that hold `nn` to finite differences, to its own sinks
//! and to the reference engine.

use unlearn::Result;
use unlearn::engine::case::Gen;
use unlearn::engine::{Buf, Engine, Lane, Program, Recording, Target};
use unlearn::kernels::tangent::tangent;
use unlearn::nn::graph::{GraphInput, Segments, Structure};
use unlearn::nn::{
    Backward, Forward, LAYERS, Layer, Mode, Model, ModelConfig, ParamLayout, Sink, SparseInput, SquaredNorms, ZOO,
    parse_layer,
};

use blocks::{Blocks, NODES};

#[path = "blocks.rs"]
mod blocks;

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
    /// What x and y hold for a record.
    pub input: Vec<usize>,
    pub output: Vec<usize>,
    /// What a layer is told its input is; of the nodes of a graph, that of one node.
    shape: Vec<usize>,
    /// Rows are nodes, records are graphs.
    graph: bool,
    /// x holds the nonzero features of nodes alone, and has no gradient.
    pub sparse: bool,
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

/// Layers over graphs in forms that the examples leave out, and whole networks over them; the second is the features'
/// width. Each is run over dense and over sparse features.
const GRAPHS: &[(&str, usize)] = &[
    ("type='graph_conv'\nout=4\nbias=false", 6),
    ("type='sgc'\nout=8\nk=1", 3),
    ("type='sage_conv'\nout=4\naggr='max'", 6),
    ("type='gin_conv'\nout=3", 6),
    ("type='gat_conv'\nout=4", 6),
    ("type='gat_conv'\nout=3\nheads=2\nconcat=false\nbias=false\nslope=0.5", 6),
    ("type='gat_conv'\nout=4\nheads=5\ndropout=0.4", 6),
    ("type='linear'\nout=4", 6),
];

/// Networks whose rows become records on the way.
const READ_OUT: &[&str] = &[
    "{type='graph_conv',out=3},{type='readout',kind='sum'}",
    "{type='sage_conv',out=3},{type='deletion'},{type='elu'},{type='deletion'},{type='readout',kind='mean'}",
    "{type='gin_conv',out=4},{type='relu'},{type='readout',kind='max'},{type='linear'}",
    "{type='sage_conv',out=4,aggr='max'},{type='tanh'},{type='gat_conv',out=5},{type='readout',kind='mean'},{type='linear'}",
];

/// Networks that make logits of single nodes; the named ones stand alone.
fn over_nodes(zoo: &str) -> bool {
    ["gcn", "sage", "gat", "gin", "sgc", "gcn_delete"].contains(&zoo)
}

/// Small inputs and widths of the named architectures.
fn small(zoo: &str) -> (Vec<usize>, Option<Vec<usize>>) {
    match zoo {
        "mlp" => (vec![2, 3, 2], Some(vec![7, 5])),
        "lenet5" => (vec![1, 12, 12], None),
        "vgg_gn" => (vec![2, 6, 5], Some(vec![4, 6])),
        graph if over_nodes(graph) => (vec![7], Some(vec![4])),
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
        let kind = kind["type"].as_str().expect("a type");
        let name = format!("{kind} {input:?}");
        let drops = config.contains("dropout");
        let (graph, sparse) = (layer.hops() > 0 || ["readout", "deletion"].contains(&kind), false);
        let (input, shape) = (input.to_vec(), input.to_vec());
        let net = Net { name, body: Body::Layer(layer), drops, layout, input, output, shape, graph, sparse };
        if graph { net.over_graph(false, kind != "readout") } else { net }
    }

    fn model(name: String, config: &ModelConfig, shape: Vec<usize>) -> Net {
        let model = Model::build(config, &shape, 3).expect(&name);
        let (layout, graph, input) = (model.layout.clone(), model.hops() > 0, shape.clone());
        let (body, output) = (Body::Model(Box::new(model)), vec![3]);
        let net = Net { name, body, drops: false, layout, input, output, shape, graph, sparse: false };
        if graph { net.over_graph(false, false) } else { net }
    }

    /// The same with rows that are nodes; `rows` says whether they still are behind it.
    fn over_graph(mut self, sparse: bool, rows: bool) -> Net {
        let width = self.shape[0];
        self.input = if sparse { vec![blocks::nonzeros(width)] } else { vec![NODES, width] };
        if rows {
            self.output.insert(0, NODES);
        }
        if sparse {
            self.name += " sparse";
        }
        Net { graph: true, sparse, ..self }
    }

    fn zoo(name: &str) -> Net {
        let (input, hidden) = small(name);
        let config = ModelConfig { zoo: Some(name.into()), hidden, ..Default::default() };
        Net::model(format!("zoo {name}"), &config, input)
    }

    /// Layers and networks over graphs.
    fn graphs() -> Vec<Net> {
        let forms = GRAPHS.iter().flat_map(|(config, width)| {
            [false, true].map(|sparse| {
                let net = Net::layer(config, &[*width]);
                let output = net.output[net.output.len() - 1..].to_vec();
                let name = config.replace('\n', " ");
                Net { name, output, ..net }.over_graph(sparse, true)
            })
        });
        let read_out = READ_OUT.iter().map(|layers| {
            let config: ModelConfig = toml::from_str(&format!("layers = [{layers}]")).expect("TOML");
            Net::model((*layers).to_owned(), &config, vec![6])
        });
        let sparse =
            ["gcn", "sage", "gat", "gin", "sgc", "gcn_delete"].map(|name| Net::zoo(name).over_graph(true, false));
        forms.chain(read_out).chain(sparse).collect()
    }

    /// Every row of the layer registry, more forms of some, and every named architecture.
    pub fn all() -> Vec<Net> {
        let rows = LAYERS.iter().map(|row| (row.example, row.example_input));
        let layers = rows.chain(MORE.iter().copied()).map(|(config, input)| Net::layer(config, input));
        layers.chain(ZOO.iter().map(|row| Net::zoo(row.name))).chain(Net::graphs()).collect()
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
        let input = rig.blocks.map(|blocks| blocks.input(rec, rig.x));
        match &self.body {
            Body::Model(m) => {
                let tape = match input {
                    Some(input) => m.forward_graph(rec, rig.theta, &self.seeds(input), mode, step)?,
                    None => m.forward(rec, rig.theta, rig.x, n, mode, step)?,
                };
                Ok((tape.logits, Tape::Model(tape)))
            }
            Body::Layer(l) => {
                let (layout, theta) = (&self.layout, rig.theta);
                let (graph, segments) = (input.map(|i| i.structure), input.and_then(|i| i.segments));
                let (pattern, n) = (input.and_then(|i| i.pattern), graph.map_or(n, |g| g.nodes));
                let mut cx = Forward { rec, layout, theta, n, graph, segments, pattern, mode, step, dropouts: 0 };
                let (y, mut saved) = l.forward(&mut cx, rig.x, &self.shape)?;
                if l.sparse() == SparseInput::Takes {
                    saved.pattern = pattern;
                }
                let end = (cx.n, cx.graph, cx.segments);
                Ok((y, Tape::Layer(saved, end)))
            }
        }
    }

    /// Behind a read-out every row is a record.
    fn seeds(&self, input: GraphInput) -> GraphInput {
        let seeds = input.seeds.filter(|_| !self.name.contains("readout"));
        GraphInput { seeds, ..input }
    }

    fn backward(&self, rec: &mut Recording, rig: &Buffers, tape: &Tape, sink: Sink, dx: bool) -> Result<()> {
        let (_, step) = self.mode(rig);
        let found = match (&self.body, tape) {
            (Body::Model(m), Tape::Model(tape)) if dx => {
                m.backward_to_input(rec, rig.theta, tape, rig.dy, step, sink)?
            }
            (Body::Model(m), Tape::Model(tape)) => {
                m.backward(rec, rig.theta, tape, rig.dy, step, sink)?;
                None
            }
            (Body::Layer(l), Tape::Layer(saved, (n, graph, segments))) => {
                let (n, graph, segments, theta) = (*n, *graph, *segments, rig.theta);
                let mut cx = Backward { rec, layout: &self.layout, theta, n, graph, segments, step, sink };
                l.backward(&mut cx, saved, rig.dy, &self.shape, dx)?
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
    /// With what the rows are behind the layer.
    Layer(unlearn::nn::Saved, (usize, Option<Structure>, Option<Segments>)),
    Model(unlearn::nn::Tape),
}

/// What becomes of the weight gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Into {
    Mean { scale: f32, accumulate: bool },
    SquareSum { accumulate: bool },
    PerSample,
    Norms,
    Gram,
}

impl Into {
    /// What a sink starts from; `before` is given per element of the flat vector, the same for every row of a slab. Norms are
    /// overwritten, inner products added to.
    fn start(self, net: &Net, n: usize, before: &[f64]) -> Vec<f64> {
        match self {
            Into::Mean { .. } | Into::SquareSum { .. } => before.to_vec(),
            Into::PerSample => before.repeat(n),
            Into::Norms => vec![-1.0; SquaredNorms::elements(&net.layout, n)],
            Into::Gram => vec![0.5; n * n],
        }
    }
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
    blocks: Option<Blocks>,
}

/// A network compiled for a batch size and a sink: the forward pass alone, and both passes.
pub struct Rig {
    pub at: Buffers,
    pub forward: Program,
    pub both: Program,
}

impl Rig {
    /// With the kernel variants for `target`. `dx` asks for the input's gradient too, where it has one.
    pub fn new(engine: &mut Engine, target: Target, net: &Net, n: usize, into: Into, dx: bool) -> Result<Rig> {
        let (inputs, outputs) = (n * net.input.iter().product::<usize>(), n * net.output.iter().product::<usize>());
        let total = net.layout.total();
        let dx = dx && !net.sparse;
        let sparse = net.sparse.then(|| net.shape[0]);
        let blocks = if net.graph { Some(Blocks::new(engine, n, sparse)?) } else { None };
        let at = Buffers {
            theta: engine.alloc("theta", total)?,
            x: engine.alloc("x", inputs)?,
            y: engine.alloc("y", outputs)?,
            dy: engine.alloc("dy", outputs)?,
            dx: engine.alloc("dx", if net.sparse { 0 } else { inputs })?,
            sink: engine.alloc("sink", into.start(net, n, &vec![0.0; total]).len())?,
            step: engine.alloc("step", 4)?,
            blocks,
        };
        engine.write(at.step, &[7, 0, 3, 0])?;
        let sink = match into {
            Into::Mean { scale, accumulate } => Sink::Mean { grad: at.sink, scale, accumulate },
            Into::SquareSum { accumulate } => Sink::SquareSum { squares: at.sink, accumulate },
            Into::PerSample => Sink::PerSample { slab: at.sink },
            Into::Norms => Sink::Norms { parts: at.sink },
            Into::Gram => Sink::Gram { gram: at.sink },
        };
        let mut forward = Recording::new(target);
        let (y, _) = net.forward(&mut forward, &at, n)?;
        forward.copy(y, at.y);
        let mut both = Recording::new(target);
        let (y, tape) = net.forward(&mut both, &at, n)?;
        both.copy(y, at.y);
        net.backward(&mut both, &at, &tape, sink, dx)?;
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
    let start = into.start(net, n, before);
    for (to, values) in [(at.theta, &net.theta(5)[..]), (at.x, x), (at.dy, dy), (at.sink, &start)] {
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

/// A network's two passes, with a derivative beside every buffer of theirs.
pub struct Along {
    pub at: Buffers,
    /// Beside theta, x, y, dy, dx and sink.
    pub homes: [Buf<f32>; 6],
    pub both: Program,
    pub along: Program,
}

impl Along {
    /// Gradients go to `sink` with the scale 1.
    pub fn new(engine: &mut Engine, target: Target, net: &Net, n: usize) -> Result<Along> {
        let Rig { at, both, .. } =
            Rig::new(engine, target, net, n, Into::Mean { scale: 1.0, accumulate: false }, true)?;
        let values = at.floats();
        let mut homes = [at.theta; 6];
        for (home, value) in homes.iter_mut().zip(values) {
            *home = engine.alloc("home", value.len)?;
        }
        let mut rec = both.recording().clone();
        let seeds: Vec<_> = values.into_iter().zip(homes).filter(|(value, _)| value.len > 0).collect();
        tangent(&mut rec, &seeds)?;
        Ok(Along { at, homes, both, along: engine.compile(rec)? })
    }
}

impl Buffers {
    /// theta, x, y, dy, dx and sink.
    pub fn floats(&self) -> [Buf<f32>; 6] {
        [self.theta, self.x, self.y, self.dy, self.dx, self.sink]
    }
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
