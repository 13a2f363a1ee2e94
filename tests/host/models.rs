//! Configurations, shapes, names and starting values of networks.

use unlearn::nn::{LAYERS, Layer, Model, ModelConfig, Rows, ZOO, parse_layer};

fn parse(text: &str) -> Result<Box<dyn Layer>, String> {
    parse_layer(toml::from_str(text).expect("TOML")).map_err(|e| e.to_string())
}

fn model(layers: &str, input: &[usize]) -> Result<Model, String> {
    let config: ModelConfig = toml::from_str(&format!("layers = [{layers}]")).expect("TOML");
    Model::build(&config, input, 3).map_err(|e| e.to_string())
}

#[test]
fn a_written_configuration_builds_the_same_layer_and_shows_its_defaults_as_they_are_written() {
    for row in LAYERS {
        let mut layer = parse(row.example).expect(row.kind);
        layer.complete(4, None);
        let written = toml::to_string(&layer.config()).expect(row.kind);
        assert!(written.contains(&format!("type = \"{}\"\n", row.kind)), "{written}");
        let mut again = parse(&written).expect(row.kind);
        again.complete(9, None);
        assert_eq!(again.config(), layer.config(), "{}", row.kind);
        assert_eq!(again.out_shape(row.example_input).ok(), layer.out_shape(row.example_input).ok(), "{}", row.kind);
    }
    let norm = toml::to_string(&parse("type = 'layer_norm'").expect("layer_norm").config()).expect("TOML");
    assert!(norm.contains("eps = 0.00001\n"), "{norm}");
    let dropout = toml::to_string(&parse("type = 'dropout'\np = 0.4").expect("dropout").config()).expect("TOML");
    assert!(dropout.contains("p = 0.4\n"), "{dropout}");
}

#[test]
fn heights_are_written_before_widths() {
    let window = "kernel = [2, 3]\nstride = [2, 1]\npadding = [1, 0]";
    let conv = parse(&format!("type = 'conv2d'\nname = 'c'\nout = 7\ndilation = [1, 2]\n{window}")).expect("conv2d");
    assert_eq!(conv.out_shape(&[1, 4, 5]).expect("fits"), [7, 3, 1]);
    assert_eq!(conv.params(&[1, 4, 5]).expect("fits")[0].shape, [7, 1, 2, 3]);
    for kind in ["max_pool", "avg_pool"] {
        let pool = parse(&format!("type = '{kind}'\n{window}")).expect(kind);
        assert_eq!(pool.out_shape(&[2, 4, 5]).expect("fits"), [2, 3, 3], "{kind}");
    }
}

#[test]
fn unknown_keys_and_types_are_refused_by_every_layer() {
    for row in LAYERS {
        let error = parse(&format!("widht = 3\n{}", row.example)).err().expect(row.kind);
        assert!(error.contains("widht") && error.contains(row.kind), "{error}");
    }
    let error = parse("type = 'conv3d'").err().expect("an unknown type");
    assert!(error.contains("conv3d") && error.contains("conv2d"), "{error}");
    parse("out = 3").err().expect("no type");
}

#[test]
fn layers_that_do_not_fit_are_refused_in_a_sentence() {
    for (layers, input, says) in [
        ("{type='linear'}", &[2usize, 3][..], "flatten"),
        ("{type='linear',out=4}", &[6], "classes"),
        ("{type='linear',out=0},{type='linear'}", &[6], "out"),
        ("{type='linear',name='a',out=4},{type='linear',name='a'}", &[6], "a.weight"),
        ("{type='conv2d',out=4,kernel=5},{type='flatten'},{type='linear'}", &[1, 3, 3], "kernel"),
        ("{type='conv2d',out=4,kernel=0},{type='flatten'},{type='linear'}", &[1, 3, 3], "kernel"),
        ("{type='conv2d',out=4,kernel=1,stride=0},{type='flatten'},{type='linear'}", &[1, 3, 3], "stride"),
        ("{type='conv2d',out=4,kernel=1,groups=3},{type='flatten'},{type='linear'}", &[3, 3, 3], "groups"),
        ("{type='conv2d',out=0,kernel=1},{type='flatten'},{type='linear'}", &[3, 3, 3], "out"),
        ("{type='max_pool',kernel=2,stride=0},{type='flatten'},{type='linear'}", &[1, 3, 3], "stride"),
        ("{type='max_pool',kernel=4},{type='flatten'},{type='linear'}", &[1, 3, 3], "max_pool"),
        ("{type='group_norm',groups=2},{type='flatten'},{type='linear'}", &[3, 2, 2], "groups"),
        ("{type='group_norm',groups=0},{type='flatten'},{type='linear'}", &[3, 2, 2], "groups"),
        ("{type='layer_norm'},{type='flatten'},{type='linear'}", &[3, 2, 2], "features"),
        ("{type='residual',layers=[{type='linear',out=5}]},{type='linear'}", &[6], "keep its shape"),
        (
            "{type='residual',layers=[{type='linear',out=5}],shortcut=[{type='linear',out=4}]},{type='linear'}",
            &[6],
            "of [6], so both need one shape: the layers make [5], the shortcut [4]",
        ),
        ("{type='residual',layers=[{type='linear',out=5}]},{type='linear'}", &[6], "layers that make [5] of [6]"),
        ("{type='residual',layers=[],shortcut=[{type='linear'}]},{type='linear'}", &[6], "in the shortcut: layer 1"),
        ("{type='leaky_relu',slope=inf},{type='linear'}", &[6], "slope must be"),
        ("{type='softplus',beta=0.0},{type='linear'}", &[6], "beta must be above 0"),
        ("{type='softplus',threshold=nan},{type='linear'}", &[6], "threshold must be"),
        ("{type='dropout',p=1.0},{type='linear'}", &[6], "[0, 1)"),
        ("{type='dropout',p=nan},{type='linear'}", &[6], "[0, 1)"),
        ("{type='layer_norm',eps=-1.0},{type='linear'}", &[6], "eps"),
        ("{type='gat_conv',out=4,heads=0},{type='linear'}", &[6], "heads"),
        ("{type='gat_conv',out=4,dropout=1.0},{type='linear'}", &[6], "[0, 1)"),
        ("{type='gat_conv',out=4,slope=inf},{type='linear'}", &[6], "slope"),
        ("{type='gat_conv',heads=2}", &[6], "classes"),
        ("{type='sgc',k=0}", &[6], "k must"),
        ("{type='graph_conv'}", &[6, 2], "features of nodes"),
    ] {
        let error = model(layers, input).err().unwrap_or_else(|| panic!("{layers} was built"));
        assert!(error.contains(says), "{layers}: {error}");
    }
}

#[test]
fn named_architectures_resolve_to_layers_that_build_the_same_network() {
    for row in ZOO {
        let config = ModelConfig { zoo: Some(row.name.into()), ..Default::default() };
        let nodes = ["gcn", "sage", "gat", "gin", "sgc", "gcn_delete"].contains(&row.name);
        let vector = nodes || row.rows == Rows::Tokens;
        let input: &[usize] = if vector { &[30] } else { &[1, 32, 32] };
        let model = Model::build(&config, input, 10).expect(row.name);
        assert_eq!(model.hops() > 0, nodes, "{}", row.name);
        let again = Model::build(&model.config(), input, 10).expect(row.name);
        assert_eq!(again.layout, model.layout, "{}", row.name);
    }
    let config = ModelConfig { zoo: Some("lenet5".into()), ..Default::default() };
    assert_eq!(Model::build(&config, &[1, 28, 28], 10).expect("lenet5").layout.count(), 61706);
}

#[test]
fn a_block_with_a_shortcut_has_the_names_of_both_in_pytorchs_order() {
    let block = "{type='residual',layers=[{type='conv2d',name='layer2.0.conv1',out=4,kernel=3,stride=2,padding=1},\
        {type='relu'},{type='conv2d',out=4,kernel=1}],shortcut=[{type='conv2d',name='layer2.0.downsample.0',out=4,\
        kernel=1,stride=2,bias=false},{type='group_norm',groups=2}]},{type='flatten'},{type='linear',name='fc'}";
    let model = model(block, &[2, 5, 5]).expect("a network");
    let names: Vec<&str> = model.layout.entries().iter().map(|e| e.name.as_str()).collect();
    let want = [
        "layer2.0.conv1.weight",
        "layer2.0.conv1.bias",
        "conv103.weight",
        "conv103.bias",
        "layer2.0.downsample.0.weight",
        "gn105.weight",
        "gn105.bias",
        "fc.weight",
        "fc.bias",
    ];
    assert_eq!(names, want);
    let kinds: Vec<&str> = model.every_layer().iter().map(|layer| layer.row().kind).collect();
    assert_eq!(kinds, ["residual", "conv2d", "relu", "conv2d", "conv2d", "group_norm", "flatten", "linear"]);
    let again = Model::build(&model.config(), &[2, 5, 5], 3).expect("the same network");
    assert_eq!((&again.layout, again.config()), (&model.layout, model.config()));
}

#[test]
fn parameters_start_inside_their_bounds_whatever_else_the_network_holds() {
    let small = model("{type='linear',name='a',out=300},{type='linear',name='b'}", &[6]).expect("a model");
    let large =
        model("{type='layer_norm'},{type='linear',name='a',out=300},{type='linear',name='b'}", &[6]).expect("one");
    let part = |m: &Model, seed, name: &str| {
        let e = m.layout.get(name).expect(name);
        m.init(seed)[e.offset..e.offset + e.len].to_vec()
    };
    let weight = part(&small, 1, "a.weight");
    assert_eq!(weight, part(&large, 1, "a.weight"));
    assert_ne!(weight, part(&small, 2, "a.weight"));
    assert_ne!(weight[..900], part(&small, 1, "b.weight")[..900]);
    // Uniform in ±sqrt(6 / 6): the extremes come close to ±1, the mean to 0 and the variance to 1/3.
    let (low, high) = weight.iter().fold((0.0f32, 0.0f32), |(l, h), w| (l.min(*w), h.max(*w)));
    let n = weight.len() as f32;
    let (mean, square) = (weight.iter().sum::<f32>() / n, weight.iter().map(|w| w * w).sum::<f32>() / n);
    assert!((-1.0..-0.99).contains(&low) && (0.99..1.0).contains(&high), "{low} {high}");
    assert!(mean.abs() < 0.06 && (square - 1.0 / 3.0).abs() < 0.03, "{mean} {square}");
    let flat = small.init(1);
    let owned: usize = small.layout.entries().iter().map(|e| flat[e.offset..e.offset + e.len].len()).sum();
    let zeros = flat.iter().filter(|v| **v == 0.0).count();
    // The lanes between parameters and the two biases.
    assert_eq!(zeros, flat.len() - owned + 303);
}

#[test]
fn a_model_is_linear_where_its_logits_are_linear_in_its_parameters() {
    for (layers, linear) in [
        ("{type='flatten'},{type='linear'}", true),
        ("{type='linear'}", true),
        ("{type='linear',out=4},{type='linear'}", false),
        ("{type='relu'},{type='linear'}", false),
        ("{type='dropout',p=0.5},{type='linear'}", false),
        ("{type='linear',out=4},{type='relu'},{type='linear'}", false),
    ] {
        let model = model(layers, &[6]).expect(layers);
        assert_eq!(model.is_linear(), linear, "{layers}");
    }
}

#[test]
fn jumping_says_what_it_cannot_put_together() {
    let made = |mode: &str, layers: &str| {
        let text = format!("layers = [{{type='jumping',mode='{mode}',layers=[{layers}]}},{{type='linear',name='fc'}}]");
        let config: ModelConfig = toml::from_str(&text).expect("TOML");
        Model::build(&config, &[7], 3)
    };
    let two = "{type='graph_conv',name='a',out=4},{type='relu'},{type='sage_conv',name='b',out=5}";
    let width = |mode: &str| {
        let model = made(mode, two).expect(mode);
        model.layout.entries().iter().find(|entry| entry.name == "fc.weight").map(|e| e.shape[1])
    };
    assert_eq!((width("cat"), width("last")), (Some(9), Some(5)));
    for (mode, layers, parts) in [
        ("max", two, ["4 is followed by 5", "one width"]),
        ("cat", "{type='graph_conv',name='a',out=4},{type='linear',out=2}", ["jumping", "two graph layers"]),
        ("cat", "{type='graph_conv',out=4},{type='readout'},{type='graph_conv',out=4}", ["jumping", "readout"]),
        ("sum", two, ["jumping", "sum"]),
    ] {
        let error = made(mode, layers).err().expect(mode).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
