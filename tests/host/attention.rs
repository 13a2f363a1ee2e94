//! What attention over a graph holds in memory.

use unlearn::engine::{Buf, Recording, Target, Vendor};
use unlearn::kernels::graph::Csr;
use unlearn::nn::structure::Structure;
use unlearn::nn::{Batch, Input, Mode, Model, ModelConfig, Sink};

const NODES: usize = 100;
const EDGES: usize = 5000;
const HEADS: usize = 4;
const WIDTH: usize = 8;

/// A graph whose lists hold anything: it is recorded, not run.
fn structure(rec: &mut Recording) -> Structure {
    let mut words = |len| rec.temp::<u32>("words", len);
    let (ptr, t_ptr, idx, t_idx, perm) = (words(NODES + 1), words(NODES + 1), words(EDGES), words(EDGES), words(EDGES));
    let (a, t) =
        (Csr { ptr, idx, perm: None, heavy: false }, Csr { ptr: t_ptr, idx: t_idx, perm: Some(perm), heavy: false });
    let mut values = || rec.temp::<f32>("values", EDGES);
    let (weight, sym, mean, touched) = (values(), values(), values(), values());
    let (slope, nodes, edges, max_degree) = (None, NODES, EDGES, 60);
    Structure { a, t, weight, sym, mean, touched, features: None, slope, nodes, edges, max_degree }
}

/// A message is a node's features times a weight of its edge, and neither pass lays messages out: nothing is as large
/// as edges times features, and nothing larger than two numbers for each edge and head.
#[test]
fn attention_holds_no_tensor_of_edges_by_features() {
    let layers =
        "layers = [{type='gat_conv',out=8,heads=4,dropout=0.5},{type='elu'},{type='gat_conv',heads=4,concat=false}]";
    let config: ModelConfig = toml::from_str(layers).expect("TOML");
    let model = Model::build(&config, &[32], 8).expect("a network");
    for target in [Target::software(8), Target::gpu(Vendor::Unknown, 32)] {
        let mut rec = Recording::new(target);
        let (theta, grad): (Buf<f32>, Buf<f32>) =
            (rec.temp("theta", model.layout.total()), rec.temp("grad", model.layout.total()));
        let x = rec.temp("x", NODES * 32);
        let step = Some(rec.temp("step", 4));
        let batch = Batch::nodes(structure(&mut rec), Input::Dense(x));
        let tape = model.forward(&mut rec, theta, &batch, Mode::Train, step).expect("a forward pass");
        let dlogits = rec.temp("dlogits", tape.logits.len);
        let sink = Sink::Mean { grad, scale: 1.0, accumulate: false };
        model.backward(&mut rec, theta, &tape, dlogits, step, sink).expect("a backward pass");
        rec.check().expect("a valid recording");
        let largest = rec.temps.iter().max_by_key(|t| t.len).expect("buffers");
        assert!(largest.len <= 2 * EDGES * HEADS, "{} holds {} elements", largest.name, largest.len);
        assert!(largest.len < EDGES * HEADS * WIDTH && largest.len >= EDGES * HEADS, "nothing was tested");
    }
}
