//! Layers and small networks recorded on an engine: what holds `nn` to finite differences, to its own sinks and, on
//! each adapter, to the reference engine.

mod along;
mod blocks;
mod rig;

pub use self::along::{Along, derivatives};
use self::blocks::NODES;
pub use self::rig::{Buffers, Found, Into, Rig, gap, get, numbers, put, run};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::nn::structure::{Segments, Structure};
use crate::nn::{
    Backward, Batch, Forward, Init, LAYERS, Layer, LayerRow, Mode, Model, ModelConfig, ParamLayout, Rows, Sink, Sizes,
    SparseInput, ZOO, ZooRow, parse_layer,
};

fn malformed(e: toml::de::Error) -> Error {
    Error::internal(format!("an example is not TOML: {e}"))
}

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
    /// Where the parameters lie.
    pub layout: ParamLayout,
    /// What x and y hold for a record.
    pub input: Vec<usize>,
    /// Shape of a record's output.
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
    ("type='linear'\nout=4\nlora={rank=2,alpha=5.0}", &[9]),
    ("type='dropout'\np=0.0", &[5]),
    ("type='residual'\nlayers=[{type='gelu'}]", &[7]),
    ("type='residual'\nlayers=[{type='tanh'}]\nshortcut=[{type='silu'},{type='identity'}]", &[5]),
    ("type='adaptive_avg_pool'\nsize=2", &[3, 4, 6]),
    ("type='adaptive_avg_pool'\nsize=[3,2]", &[2, 1, 2]),
    ("type='squeeze_excite'\nname='se'\nsqueeze=2", &[4, 3, 3]),
    ("type='max_pool'\nkernel=3\nstride=2\npadding=1", &[2, 8]),
    ("type='adaptive_avg_pool'\nsize=3", &[2, 7]),
    ("type='conv1d'\nout=3\nkernel=4\npadding=1\nbias=false", &[2, 9]),
    ("type='conv2d'\nout=4\nkernel=3\npadding=1\nstride=2\ngroups=4\nbias=false", &[4, 5, 6]),
    (
        "type='residual'\nlayers=[{type='linear',name='a',out=4},{type='relu'},{type='dropout',p=0.5}]\n\
         shortcut=[{type='linear',name='b',out=4},{type='dropout',p=0.3}]",
        &[8],
    ),
    (
        "type='residual'\nlayers=[{type='conv2d',name='c',out=4,kernel=3,padding=1},{type='group_norm',name='g',\
            groups=2},\
         {type='relu'},{type='residual',layers=[{type='conv2d',name='d',out=4,kernel=1},{type='tanh'}]}]",
        &[4, 3, 5],
    ),
    (
        "type='residual'\nlayers=[{type='linear',name='a',out=9},{type='dropout',p=0.5},{type='linear',name='b',\
            out=3}]",
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
    ("type='gat_conv'\nout=3\nheads=2\nedge_dim=4\nfill_value='zero'\ndropout=0.3", 6),
    ("type='transformer_conv'\nout=3\nheads=2\nconcat=false\nbias=false\ndropout=0.3", 6),
    (
        "type='jumping'\nmode='max'\nlayers=[{type='sage_conv',name='a',out=4},{type='tanh'},\
        {type='graph_conv',name='b',out=4},{type='sage_conv',name='c',out=4}]",
        6,
    ),
    ("type='gatv2_conv'\nout=3\nheads=2\nconcat=false\nbias=false", 6),
    ("type='gatv2_conv'\nout=3\nheads=2\nshare_weights=true", 6),
    ("type='linear'\nout=4", 6),
    ("type='linear_transposed'\nout=4", 6),
    ("type='embedding'\nout=5", 6),
];

/// Layers over tokens, and over rows that are grouped into records, in forms that the examples leave out.
const TOKENS: &[(&str, usize)] = &[
    ("type='layer_norm'", 5),
    ("type='rms_norm'\neps=0.1", 6),
    ("type='group_norm'\ngroups=2", 6),
    ("type='swiglu'\ninner=3", 5),
    ("type='swiglu'\ninner=3\nlora={rank=2,alpha=3.0}", 5),
    ("type='linear_transposed'\nout=4\nlora={rank=3,alpha=1.5}", 6),
    ("type='linear_transposed'\nout=4\nbias=false", 6),
    ("type='self_attention'\nheads=1\ncausal=false\nbias=false", 8),
    ("type='self_attention'\nheads=3\nkv_heads=1\nhead_width=4\nnames=['c_attn','c_proj']\ntransposed=true", 6),
    ("type='self_attention'\nheads=2\nrotary=50.0\ncausal=false", 8),
];

/// Networks whose rows become records on the way.
const READ_OUT: &[&str] = &[
    "{type='graph_conv',out=3},{type='readout',kind='sum'}",
    "{type='sage_conv',out=3},{type='deletion'},{type='elu'},{type='deletion'},{type='readout',kind='mean'}",
    "{type='gin_conv',out=4},{type='relu'},{type='readout',kind='max'},{type='linear'}",
    "{type='graph_conv',out=4},{type='tanh'},{type='residual',layers=[{type='readout',kind='sum'}],\
        shortcut=[{type='linear',out=4},{type='readout',kind='mean'}]},{type='linear'}",
    "{type='graph_conv',out=8},{type='relu'},{type='dropout',p=0.3},{type='graph_conv',out=4},{type='relu'},\
        {type='readout',kind='mean'},{type='linear'}",
    "{type='gatv2_conv',out=3,edge_dim=2},{type='tanh'},{type='gat_conv',out=4,edge_dim=2},\
        {type='readout',kind='sum'},{type='linear'}",
    "{type='sage_conv',out=4,aggr='max'},{type='tanh'},{type='gat_conv',out=5},{type='readout',kind='mean'},\
        {type='linear'}",
];

/// Whether a named architecture makes logits of such rows.
fn over(zoo: &str, rows: Rows) -> bool {
    ZOO.iter().any(|row| row.name == zoo && row.rows == rows)
}

/// The architectures that are small enough to be run wherever all are.
pub(super) fn small_zoo() -> impl Iterator<Item = &'static ZooRow> {
    ZOO.iter().filter(|row| !row.has_norm())
}

/// Small inputs and widths of the named architectures.
fn small(zoo: &str) -> (Vec<usize>, Option<Vec<usize>>) {
    match zoo {
        "mlp" => (vec![2, 3, 2], Some(vec![7, 5])),
        "lenet5" => (vec![1, 12, 12], None),
        "vgg_gn" => (vec![2, 6, 5], Some(vec![4, 6])),
        graph if over(graph, Rows::Nodes) => (vec![7], Some(vec![4])),
        language if over(language, Rows::Tokens) => (vec![9], None),
        _ => (vec![2, 3, 3], None),
    }
}

impl Net {
    /// Features of an edge that it reads, where it reads any.
    fn edge_dim(&self) -> Option<usize> {
        match &self.body {
            Body::Layer(layer) => layer.edge_dim(),
            Body::Model(model) => model.every_layer().iter().find_map(|layer| layer.edge_dim()),
        }
    }

    fn layer(config: &str, input: &[usize]) -> Result<Net> {
        let mut layer = parse_layer(toml::from_str(config).map_err(malformed)?)?;
        layer.complete(1, None);
        let mut layout = ParamLayout::default();
        layout.extend(layer.params(input)?)?;
        layout.extend_state(layer.state(input)?)?;
        let output = layer.out_shape(input)?;
        let (kind, facts) = (layer.row().kind, layer.row().facts);
        let name = format!("{kind} {input:?}");
        let drops = config.contains("dropout");
        let (graph, sparse) = (facts.rows != Rows::Any, false);
        let (input, shape) = (input.to_vec(), input.to_vec());
        let net = Net { name, body: Body::Layer(layer), drops, layout, input, output, shape, graph, sparse };
        Ok(if graph { net.over_graph(false, facts.rows != Rows::ReadOut) } else { net })
    }

    fn model(name: String, config: &ModelConfig, shape: Vec<usize>) -> Result<Net> {
        let model = Model::build(config, &shape, 3)?;
        let tokens = model.every_layer().iter().any(|layer| layer.row().facts.rows == Rows::Tokens);
        let (layout, graph, input) = (model.layout.clone(), model.hops() > 0 || tokens, shape.clone());
        let (body, output) = (Body::Model(Box::new(model)), vec![3]);
        let drops = name.contains("dropout");
        let net = Net { name, body, drops, layout, input, output, shape, graph, sparse: false };
        Ok(if graph { net.over_graph(false, false) } else { net })
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

    fn zoo(name: &str) -> Result<Net> {
        let (input, hidden) = small(name);
        let sizes = over(name, Rows::Tokens).then(|| Sizes {
            width: Some(8),
            depth: Some(1),
            heads: Some(2),
            kv_heads: (name == "llama").then_some(1),
            inner: Some(6),
            ..Default::default()
        });
        let config = ModelConfig { zoo: Some(name.into()), hidden, sizes, ..Default::default() };
        Net::model(format!("zoo {name}"), &config, input)
    }

    /// A named architecture at its default widths, for an input of this shape; over a graph, with sparse features.
    ///
    /// # Errors
    /// The architecture is unknown, or does not take the input.
    pub fn named(zoo: &str, input: &[usize]) -> Result<Net> {
        let config = ModelConfig { zoo: Some(zoo.into()), ..Default::default() };
        let net = Net::model(format!("zoo {zoo}"), &config, input.to_vec())?;
        Ok(if over(zoo, Rows::Nodes) { net.over_graph(true, false) } else { net })
    }

    /// Layers and networks over graphs.
    fn graphs() -> impl Iterator<Item = Result<Net>> {
        let forms = GRAPHS.iter().flat_map(|(config, width)| {
            [false, true].map(|sparse| {
                let net = Net::layer(config, &[*width])?;
                let output = net.output[net.output.len() - 1..].to_vec();
                let name = config.replace('\n', " ");
                Ok(Net { name, output, ..net }.over_graph(sparse, true))
            })
        });
        let tokens = TOKENS.iter().map(|(config, width)| {
            let net = Net::layer(config, &[*width])?;
            let output = net.output[net.output.len() - 1..].to_vec();
            let name = format!("{} of rows", config.replace('\n', " "));
            Ok(Net { name, output, ..net }.over_graph(false, true))
        });
        let forms = forms.chain(tokens);
        let read_out = READ_OUT.iter().map(|layers| {
            let config: ModelConfig = toml::from_str(&format!("layers = [{layers}]")).map_err(malformed)?;
            Net::model((*layers).to_owned(), &config, vec![6])
        });
        let sparse = ZOO.iter().filter(|row| row.rows != Rows::Any);
        let sparse = sparse.map(|row| Ok(Net::zoo(row.name)?.over_graph(true, false)));
        forms.chain(read_out).chain(sparse)
    }

    /// The example of a row of the layer registry.
    ///
    /// # Errors
    /// The example is not a layer.
    pub fn of_row(row: &LayerRow) -> Result<Net> {
        Net::layer(row.example, row.example_input)
    }

    /// Every row of the layer registry, more forms of some, and every named architecture.
    ///
    /// # Errors
    /// A row's example, or a form of ours, is not a network.
    pub fn all() -> Result<Vec<Net>> {
        let rows = LAYERS.iter().map(|row| (row.example, row.example_input));
        let layers = rows.chain(MORE.iter().copied()).map(|(config, input)| Net::layer(config, input));
        layers.chain(small_zoo().map(|row| Net::zoo(row.name))).chain(Net::graphs()).collect()
    }

    /// Parameters that are neither zero nor one anywhere; the lanes between them are 0.
    pub fn theta(&self, seed: u64) -> Vec<f64> {
        let mut theta = match &self.body {
            Body::Layer(_) => vec![0.0; self.layout.total()],
            Body::Model(m) => m.init(seed).into_iter().take(self.layout.total()).map(f64::from).collect(),
        };
        let noise = if matches!(self.body, Body::Layer(_)) { 1.0 } else { 0.2 };
        for e in self.layout.entries() {
            let values = numbers(e.len, seed ^ e.offset as u64);
            theta[e.offset..e.offset + e.len].iter_mut().zip(values).for_each(|(t, v)| *t += noise * v);
        }
        theta.iter().map(|t| f64::from(*t as f32)).collect()
    }

    /// Running statistics: means of either sign, spreads about 1.
    fn state(&self, seed: u64) -> Vec<f64> {
        let mut state = vec![0.0; self.layout.state_total()];
        for e in self.layout.state() {
            let start = if e.init == Init::Constant(1.0) { 1.0 } else { 0.0 };
            let values = numbers(e.len, seed ^ e.offset as u64).into_iter().map(|v| start + 0.5 * v);
            state[e.offset..e.offset + e.len].iter_mut().zip(values).for_each(|(s, v)| *s = v);
        }
        state
    }

    /// Dropout runs in training mode with a fixed seed, everything else in evaluation mode, where no seed is needed.
    fn mode(&self, rig: &Buffers) -> (Mode, Option<Buf<u32>>) {
        if self.drops { (Mode::Train, Some(rig.step)) } else { (Mode::Eval, None) }
    }

    fn forward(&self, rec: &mut Recording, rig: &Buffers, n: usize) -> Result<(Buf<f32>, Tape)> {
        let (mode, step) = self.mode(rig);
        let batch = rig.blocks.map_or(Batch::dense(rig.x, n), |blocks| blocks.input(rec, rig.x));
        match &self.body {
            Body::Model(m) => {
                let tape = m.forward(rec, rig.values(), &self.seeds(batch), mode, step)?;
                Ok((tape.logits, Tape::Model(tape)))
            }
            Body::Layer(l) => {
                let (layout, theta, state) = (&self.layout, rig.theta, rig.state);
                let Batch { n, structure: graph, segments, .. } = batch;
                let pattern = batch.x.pattern();
                let mut cx = Forward {
                    rec,
                    layout,
                    theta,
                    state,
                    n,
                    graph,
                    segments,
                    pattern,
                    mode,
                    step,
                    dropouts: 0,
                    relu: None,
                    continued: None,
                };
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
    fn seeds(&self, batch: Batch) -> Batch {
        let seeds = batch.seeds.filter(|_| !self.name.contains("readout"));
        Batch { seeds, ..batch }
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
                let mut cx = Backward {
                    rec,
                    layout: &self.layout,
                    theta,
                    n,
                    graph,
                    segments,
                    step,
                    sink,
                    kept: None,
                    head: None,
                    relu: None,
                };
                l.backward(&mut cx, saved, rig.dy, &self.shape, dx)?
            }
            _ => unreachable!("a tape belongs to its network"),
        };
        if dx {
            let found = found.ok_or_else(|| Error::internal(format!("{}: no gradient of the input", self.name)))?;
            rec.copy(found, rig.dx);
        }
        Ok(())
    }
}

enum Tape {
    /// With what the rows are behind the layer.
    Layer(crate::nn::Saved, (usize, Option<Structure>, Option<Segments>)),
    Model(crate::nn::Tape),
}
