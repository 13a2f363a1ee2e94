//! What layers' rows say of them, held to the layers themselves.

use unlearn::engine::{Engine, Target};
use unlearn::harness::nets::{Into, Net, Rig, gap, get, numbers, put};
use unlearn::nn::{Facts, Family, LAYERS, LayerRow, Model, ModelConfig, Rows, ZOO, parse_layer};

/// The output at some parameters and at twice those.
fn at_once_and_twice(net: &Net) -> [Vec<f64>; 2] {
    let mut engine = Engine::reference();
    let into = Into::Mean { scale: 1.0, accumulate: false };
    let rig = Rig::new(&mut engine, Target::default(), net, 3, into, false).expect(&net.name);
    put(&mut engine, rig.at.x, &numbers(rig.at.x.len, 2)).expect("a write");
    [1.0, 2.0].map(|times| {
        let theta: Vec<f64> = net.theta(5).iter().map(|v| times * v).collect();
        put(&mut engine, rig.at.theta, &theta).expect("a write");
        engine.run(&rig.forward, &[]).expect(&net.name);
        get(&mut engine, rig.at.y).expect("a read")
    })
}

#[test]
fn facts_of_layers_are_what_the_layers_do() {
    for row in LAYERS {
        let mut layer = parse_layer(toml::from_str(row.example).expect("TOML")).expect(row.kind);
        layer.complete(1, None);
        let Facts { linear, reshape, messages, rows, .. } = row.facts;
        assert_eq!(layer.row().kind, row.kind);
        assert_eq!(messages, layer.hops() > 0, "{}: messages", row.kind);
        assert!(!messages || rows == Rows::Nodes, "{}: who passes messages works on nodes", row.kind);
        assert!(!row.facts.edge_gradients || messages, "{}: gradients of edges without messages", row.kind);
        let net = Net::of_row(row).expect(row.kind);
        let has_params = !layer.params(row.example_input).expect(row.kind).is_empty();
        let [once, twice] = at_once_and_twice(&net);
        let doubled: Vec<f64> = once.iter().map(|y| 2.0 * y).collect();
        assert_eq!(linear, has_params && gap(&twice, &doubled) < 1e-12, "{}: linear in its parameters", row.kind);
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        let kept = size(&layer.out_shape(row.example_input).expect(row.kind)) == size(row.example_input);
        assert!(!reshape || !has_params && kept, "{}: values pass as they are", row.kind);
    }
}

#[test]
fn a_network_is_named_by_what_its_layers_say() {
    for row in ZOO {
        let config = ModelConfig { zoo: Some(row.name.into()), ..Default::default() };
        let input: &[usize] = if row.rows == Rows::Any { &[1, 32, 32] } else { &[7] };
        let model = Model::build(&config, input, 3).expect(row.name);
        let facts: Vec<Facts> = model.layers().iter().map(|layer| layer.row().facts).collect();
        let over_nodes = facts.iter().any(|f| f.messages) && facts.iter().all(|f| f.rows != Rows::ReadOut);
        assert_eq!(row.rows == Rows::Nodes, over_nodes, "{}", row.name);
        let tokens = model.every_layer().iter().any(|layer| layer.row().facts.rows == Rows::Tokens);
        assert_eq!(row.rows == Rows::Tokens, tokens, "{}", row.name);
        assert_eq!(model.family() == Family::Gnn, facts.iter().any(|f| f.messages), "{}", row.name);
        assert_eq!(model.family() == Family::Transformer, tokens, "{}", row.name);
    }
    let inside =
        "layers = [{type='residual',layers=[{type='conv2d',out=2,kernel=1}]},{type='flatten'},{type='linear'}]";
    let config: ModelConfig = toml::from_str(inside).expect("TOML");
    assert_eq!(Model::build(&config, &[2, 3, 3], 3).expect("a network").family(), Family::Cnn);
}

#[test]
fn the_largest_of_outputs_is_one_of_them_whatever_their_sizes() {
    let jumping = LAYERS.iter().find(|row| row.kind == "jumping").expect("a row");
    let layers = "mode = 'max'\nlayers = [{ type = 'graph_conv', name = 'a', out = 3 }, \
        { type = 'graph_conv', name = 'b', out = 3 }]";
    let row = LayerRow { example: format!("type = 'jumping'\n{layers}").leak(), ..**jumping };
    let net = Net::of_row(&row).expect("a layer");
    let mut engine = Engine::reference();
    let into = Into::Mean { scale: 1.0, accumulate: false };
    let rig = Rig::new(&mut engine, Target::default(), &net, 3, into, false).expect("a rig");
    let mut theta = vec![0.0; net.layout.total()];
    // The second layer's weights are 0: biases alone are compared.
    for (name, values) in [("a.bias", [-1e20, 1e20, 2.0]), ("b.bias", [3.25, 3.25, 1.0])] {
        let at = net.layout.get(name).expect("a bias").offset;
        theta[at..at + 3].copy_from_slice(&values);
    }
    put(&mut engine, rig.at.x, &numbers(rig.at.x.len, 2)).expect("a write");
    put(&mut engine, rig.at.theta, &theta).expect("a write");
    engine.run(&rig.forward, &[]).expect("a run");
    let y = get(&mut engine, rig.at.y).expect("a read");
    assert!(y.chunks(3).all(|row| row == [3.25, 1e20, 2.0]), "{y:?}");
}
