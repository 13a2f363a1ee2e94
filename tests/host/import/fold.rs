//! Batch norms that go into the layers before them: the folded network says what the whole one says.

use unlearn::data::Samples;
use unlearn::engine::Engine;
use unlearn::nn::{LAYERS, Model, ModelConfig, folded};
use unlearn::records::{Records, Session};
use unlearn::run::export::{ExportJob, Format};
use unlearn::run::naming::Naming;
use unlearn::statistics;

use super::super::evidence::bench::refused;
use super::out::{MODERN, drawn, held_by_onnxruntime, predict};
use super::{LENET, Place};

fn build(layers: &str, input: &[usize]) -> Model {
    let config: ModelConfig = toml::from_str(layers).unwrap();
    Model::build(&config, input, 3).unwrap()
}

/// Weights of a seed; running statistics, scales and shifts that are no defaults.
fn numbers(model: &Model) -> Vec<f32> {
    let mut all = model.init(3);
    for (e, at) in model.layout.tensors() {
        let kind = e.name.rsplit('.').next().unwrap_or_default();
        for (i, v) in all[at].iter_mut().enumerate() {
            let wave = (1.0 + i as f32 * 1.7 + e.name.len() as f32).sin();
            match kind {
                "running_mean" | "bias" => *v = 0.7 * wave,
                "running_var" => *v = 1.5 + wave,
                "weight" if e.shape.len() == 1 => *v = 0.3 + wave,
                _ => {}
            }
        }
    }
    all
}

fn logits(model: &Model, values: &[f32]) -> Vec<f32> {
    let width = model.width();
    let x = (0..5 * width).map(|i| (i as f32 * 0.37).sin() * 2.0).collect();
    let (samples, mut engine) = (Samples { x, y: vec![0; 5], targets: None }, Engine::reference());
    let mut session = Session::new(&mut engine, model, &samples, &Samples::default(), values).unwrap();
    statistics::logits(&mut session, Records::train(&[0, 1, 2, 3, 4])).unwrap()
}

/// The folded network's logits beside the whole one's, relative to the largest.
fn gap(model: &Model) -> f64 {
    let values = numbers(model);
    let (less, fewer) = folded(model, &values).unwrap();
    assert!(less.layout.state().is_empty(), "no running statistics are left");
    let names: Vec<&str> = model.layout.entries().iter().map(|e| e.name.as_str()).collect();
    let kept = |name: &str| names.contains(&name) || name.ends_with(".bias");
    assert!(less.layout.entries().iter().all(|e| kept(&e.name)), "names are the layers' own");
    let (whole, folded) = (logits(model, &values), logits(&less, &fewer));
    let largest = whole.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    let apart = whole.iter().zip(&folded).map(|(a, b)| (a - b).abs());
    f64::from(apart.fold(0.0, f32::max) / largest)
}

#[test]
fn every_layer_that_says_so_takes_a_batch_norm_in() {
    let mut folds = 0;
    for row in LAYERS.iter().filter(|row| !row.facts.messages) {
        let mut layer: toml::Table = row.example.parse().unwrap();
        let own = unlearn::nn::parse_layer(layer.clone()).unwrap();
        // Over nodes, or with an output of no channels.
        if own.hops() > 0 || row.facts.rows != unlearn::nn::Rows::Any || row.facts.running_state {
            continue;
        }
        for bias in [true, false] {
            if row.facts.folds {
                layer.insert("bias".into(), bias.into());
            }
            let norm: toml::Table = "type = 'batch_norm'\nname = 'bn'".parse().unwrap();
            let rest = ["type = 'relu'", "type = 'flatten'", "type = 'linear'\nname = 'out'"];
            let rest = rest.map(|text| text.parse::<toml::Table>().unwrap());
            let layers = [layer.clone(), norm].into_iter().chain(rest).collect();
            let model = Model::build(&ModelConfig { layers, ..Default::default() }, row.example_input, 3).unwrap();
            match row.facts.folds {
                true => assert!(gap(&model) < 1e-6, "{}: {:.1e}", row.kind, gap(&model)),
                false => drop(refused(folded(&model, &numbers(&model)).map(drop), &["`bn`", row.kind, "--fold"])),
            }
            folds += usize::from(row.facts.folds);
        }
    }
    assert_eq!(folds, 6);
}

#[test]
fn shortcuts_and_inputs_are_folded_too() {
    let residual = build(
        "layers = [{type='conv2d',name='a',out=4,kernel=3,padding=1,bias=false},{type='batch_norm',name='b'},\
         {type='relu'},{type='residual',layers=[{type='conv2d',name='c',out=6,kernel=3,stride=2,padding=1,groups=2},\
         {type='batch_norm',name='d',eps=0.01},{type='batch_norm',name='e'}],shortcut=[{type='conv2d',name='f',out=6,\
         kernel=1,stride=2},{type='batch_norm',name='g'}]},{type='relu'},{type='flatten'},\
         {type='linear',name='h',out=3},{type='batch_norm',name='i'}]",
        &[2, 5, 4],
    );
    assert!(gap(&residual) < 1e-6, "{:.1e}", gap(&residual));
    let inputs = build(
        "inputs = [{features=[[0,3]],layers=[{type='linear',name='a',out=4},{type='batch_norm',name='b'}]},\
         {features=[[3,5]]}]\nlayers = [{type='tanh'},{type='linear',name='c'}]",
        &[5],
    );
    assert!(gap(&inputs) < 1e-6, "{:.1e}", gap(&inputs));
}

#[test]
fn what_does_not_fold_is_named() {
    let refuse = |layers: &str, says: &[&str]| {
        let model = build(layers, &[4]);
        refused(folded(&model, &numbers(&model)).map(drop), says);
    };
    refuse(
        "layers=[{type='batch_norm',name='first'},{type='linear',name='fc'}]",
        &["`first`", "follows no layer", "without --fold"],
    );
    refuse(
        "layers=[{type='linear',name='a',out=4},{type='relu'},{type='batch_norm',name='b'},{type='linear',name='fc'}]",
        &["`b`", "(relu)"],
    );
    refuse("layers=[{type='linear',name='a'}]", &["no batch_norm"]);
    let flat = build(
        "layers=[{type='linear',name='a',out=4},{type='batch_norm',name='b',eps=0.0},{type='linear',name='c'}]",
        &[4],
    );
    let mut values = numbers(&flat);
    let (_, at) = flat.layout.tensors().find(|(e, _)| e.name == "b.running_var").unwrap();
    values[at.start + 2] = 0.0;
    refused(folded(&flat, &values).map(drop), &["channel 2", "`b`", "variance of 0"]);
}

#[test]
fn a_folded_export_is_imported_by_the_configuration_beside_it() {
    let place = Place::new(MODERN);
    drawn(&place);
    let job = ExportJob::read(&place.path("run")).unwrap().fold().unwrap();
    let (file, config) = (place.path("f.safetensors"), place.path("f.toml"));
    job.write(Format::Safetensors, &file).unwrap();
    job.write_config(&config).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.starts_with("# Each batch_norm is folded") && !text.contains("\"batch_norm\""), "{text}");
    let onnx = place.path("f.onnx");
    job.write(Format::Onnx, &onnx).unwrap();
    let said = String::from_utf8_lossy(&std::fs::read(&onnx).unwrap()).into_owned();
    assert!(!said.contains("BatchNormalization") && said.contains("folded"));
    held_by_onnxruntime(&place, &onnx);
    job.write_card(&place.path("card.md")).unwrap();
    assert!(std::fs::read_to_string(place.path("card.md")).unwrap().contains("is folded into the layer before it"));
    let whole = predict(&place, "run", "test").unwrap();
    let loaded = unlearn::run::config::Loaded::read(&config, &[], None).unwrap();
    let naming = Naming::default();
    let imported = unlearn::run::import::ImportJob::prepare(loaded, &file, (None, &naming), &place.path("folded"));
    imported.unwrap().write().unwrap();
    let again = predict(&place, "folded", "test").unwrap();
    let largest = whole.logits.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    let apart = whole.logits.iter().zip(&again.logits).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(apart <= 1e-6 * largest, "{apart} of {largest}");
    // A network without a batch norm has nothing to fold.
    let plain = Place::new(LENET);
    plain.run("lenet.pt");
    refused(ExportJob::read(&plain.path("run")).unwrap().fold().map(drop), &["no batch_norm"]);
}
