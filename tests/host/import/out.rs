//! What goes out of a run again: predictions, ONNX, a model card, a draft of layers.

use std::path::Path;
use std::process::Command;

use super::super::data_files::{header, npy};
use super::super::evidence::bench::refused;
use super::files::zip;
use super::{LENET, Place, fixture};
use unlearn::data::{Arrays, Id, Portion, StateDict};
use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::export::{ExportJob, Format};
use unlearn::run::guess::draft;
use unlearn::run::predict::{PredictJob, Predictions};

pub fn predict(place: &Place, run: &str, on: &str) -> unlearn::Result<Predictions> {
    PredictJob::read(&place.path(run), on)?.predict(&mut Engine::reference())
}

/// An archive with `x` of floats.
fn records(path: &Path, shape: &str, x: &[f32]) {
    let bytes: Vec<u8> = x.iter().flat_map(|value| value.to_le_bytes()).collect();
    zip(path, &[("x.npy", &npy(&header("<f4", "False", shape), &bytes), false)]);
}

#[test]
fn predictions_are_by_id_and_of_a_file_as_of_the_data() {
    let place = Place::new(LENET);
    place.run("lenet.pt");
    let test = predict(&place, "run", "test").unwrap();
    let all = predict(&place, "run", "all").unwrap();
    let first = all.parts.iter().position(|part| *part == Portion::Test).unwrap();
    assert_eq!(&all.ids[first..], test.ids.as_slice());
    assert_eq!(&all.logits[10 * first..], test.logits.as_slice());
    assert!(test.accuracy().unwrap() > 0.8, "{:?}", test.accuracy());
    // The same records as the source has them: the run scales them.
    let data = Loaded::read(&place.path("c.toml"), &[], None).unwrap().config.load().unwrap();
    let raw: Vec<f32> = data.test.x.iter().map(|value| value * 16.0).collect();
    let shape = format!("{}, 1, 8, 8", data.test.len());
    let path = place.path("x.npz");
    records(&path, &shape, &raw);
    let from_file = predict(&place, "run", &path.display().to_string()).unwrap();
    assert_eq!((from_file.logits.as_slice(), &from_file.ids[0]), (test.logits.as_slice(), &Id::Number(0)));
    assert!(from_file.labels.is_empty() && from_file.accuracy().is_none());
    records(&path, &format!("{}, 64", data.test.len()), &raw);
    refused(predict(&place, "run", &path.display().to_string()), &["x.npz", "64]", "[1, 8, 8]"]);
    refused(predict(&place, "run", "tset"), &["tset", "no such file"]);
    refused(predict(&place, "run", "val"), &["no such records"]);
}

#[test]
fn a_table_is_encoded_as_the_run_encodes_it() {
    let rows = |from: usize, to: usize| {
        let row = |i: usize| format!("{i},{},{},{}\n", i % 7, ["red", "blue"][i % 2], ["p", "q"][i % 2]);
        "id,a,colour,y\n".to_owned() + &(from..to).map(row).collect::<String>()
    };
    let config = "[data]\nloader = 'csv'\npath = 't.csv'\nlabel = 'y'\nid = 'id'\n\
        [[model.layers]]\ntype = 'linear'\nname = 'fc'\n";
    let place = Place::new(config);
    place.put("t.csv", rows(0, 40));
    let weights =
        [("fc.weight", "[2,3]", [1.0f32, 0.5, -0.5, 0.25, 2.0, -1.0].as_slice()), ("fc.bias", "[2]", &[0.1, 0.2])];
    let (mut header, mut bytes) = (Vec::new(), Vec::new());
    for (name, shape, values) in weights {
        let from = bytes.len();
        values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
        header.push(format!(
            "\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[{from},{}]}}",
            bytes.len()
        ));
    }
    let header = format!("{{{}}}", header.join(","));
    let file =
        place.put("m.safetensors", [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes].concat());
    place.import(&file, &Default::default()).unwrap().write().unwrap();
    let all = predict(&place, "run", "all").unwrap();
    // Another table with some of the rows: another mean, and the run's is used.
    let other = place.put(
        "other.csv",
        rows(30, 36)
            .replace("30,", "130,")
            .replace("31,", "131,")
            .replace("32,", "132,")
            .replace("33,", "133,")
            .replace("34,", "134,")
            .replace("35,", "135,"),
    );
    let said = predict(&place, "run", &other.display().to_string()).unwrap();
    assert_eq!(said.ids[0], Id::Name("130".into()));
    for (at, id) in said.ids.iter().enumerate() {
        let then: u64 = id.text().unwrap().parse().unwrap();
        let known = all.ids.iter().position(|id| id.text() == Some((then - 100).to_string())).unwrap();
        assert_eq!(said.logits[2 * at..][..2], all.logits[2 * known..][..2]);
    }
    let csv = place.path("said.csv");
    said.write(&csv).unwrap();
    let text = std::fs::read_to_string(&csv).unwrap();
    assert!(text.starts_with("id,label,predicted,probability_p,probability_q,logit_p,logit_q\n130,p,"), "{text}");
    refused(said.write(&place.path("said.txt")), &[".csv or .npz"]);
}

#[test]
fn arrays_are_those_of_numpy() {
    let place = Place::new(LENET);
    place.run("lenet.pt");
    let test = predict(&place, "run", "test").unwrap();
    let path = place.path("said.npz");
    test.write(&path).unwrap();
    let arrays = Arrays::read(&path, &["logits", "probabilities", "predicted", "labels", "ids"]).unwrap();
    let (shape, logits) = arrays.need("logits").unwrap();
    assert_eq!((shape, logits), (&[test.ids.len(), 10][..], test.logits.as_slice()));
    let (_, probabilities) = arrays.need("probabilities").unwrap();
    assert!(probabilities.chunks(10).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    let ids: Vec<f32> = test.ids.iter().map(|id| id.text().unwrap().parse().unwrap()).collect();
    assert_eq!(arrays.need("ids").unwrap().1, ids);
    refused(arrays.need("x").map(drop), &["no array `x`", "class_names"]);
}

/// With every layer that has a form in ONNX.
const WIDE: &str = "[data]\nloader = 'digits'\nlimit = 60\nnormalize = 'standard'\n\
    [[model.layers]]\ntype = 'conv2d'\nname = 'c1'\nout = 8\nkernel = [3, 2]\nstride = [1, 2]\n\
    padding = [1, 0]\nbias = false\n\
    [[model.layers]]\ntype = 'group_norm'\nname = 'g1'\ngroups = 4\n[[model.layers]]\ntype = 'gelu'\n\
    [[model.layers]]\ntype = 'avg_pool'\nkernel = [3, 2]\nstride = 2\npadding = 1\n\
    [[model.layers]]\ntype = 'conv2d'\nname = 'c2'\nout = 8\nkernel = 3\npadding = 2\ndilation = 2\ngroups = 2\n\
    [[model.layers]]\ntype = 'max_pool'\nkernel = 2\nstride = 1\npadding = 1\n\
    [[model.layers]]\ntype = 'residual'\n\
    layers = [{ type = 'conv2d', name = 'r', out = 8, kernel = 3, padding = 1 }, { type = 'elu' }]\n\
    [[model.layers]]\ntype = 'global_avg_pool'\n[[model.layers]]\ntype = 'flatten'\n\
    [[model.layers]]\ntype = 'layer_norm'\nname = 'ln'\n[[model.layers]]\ntype = 'linear'\nname = 'f1'\nout = 9\n\
    [[model.layers]]\ntype = 'tanh'\n[[model.layers]]\ntype = 'dropout'\np = 0.5\n\
    [[model.layers]]\ntype = 'sigmoid'\n[[model.layers]]\ntype = 'linear'\nname = 'f2'\nbias = false\n";

/// With the layers that modern networks bring along.
pub const MODERN: &str = "[data]\nloader = 'digits'\nlimit = 60\nnormalize = 'standard'\n[model]\nlayers = [\n\
    {type='conv2d',name='c',out=6,kernel=3,padding=1,bias=false},{type='batch_norm',name='b'},{type='silu'},\n\
    {type='residual',layers=[{type='conv2d',name='d',out=6,kernel=3,padding=1,groups=6},{type='relu6'},\
     {type='conv2d',name='e',out=4,kernel=1,stride=2},{type='squeeze_excite',name='s',squeeze=3,gate='hard_sigmoid'}],\
     shortcut=[{type='conv2d',name='f',out=4,kernel=1,stride=2},{type='batch_norm',name='g'}]},\n\
    {type='leaky_relu',slope=0.3},{type='adaptive_avg_pool',size=[3,4]},{type='hard_swish'},\
    {type='squeeze_excite',name='t',squeeze=2},{type='adaptive_avg_pool',size=[3,2]},\n\
    {type='flatten'},{type='conv1d',name='h',out=4,kernel=5,stride=2,padding=1,dilation=2},{type='identity'},\
    {type='softplus',beta=2.0,threshold=0.7},{type='max_pool',kernel=3,stride=2,padding=1},\
    {type='conv1d',name='i',out=6,kernel=2,groups=2,bias=false},{type='adaptive_avg_pool',size=2},\n\
    {type='flatten'},{type='linear',name='j'}]\n";

/// A run with weights of the seed.
pub fn drawn(place: &Place) {
    let mut loaded = Loaded::read(&place.path("c.toml"), &[], None).unwrap();
    let (_, model) = loaded.build().unwrap();
    let theta: Vec<f32> = model.init(5).iter().enumerate().map(|(i, v)| v + 0.01 * (i % 7) as f32).collect();
    let file = place.path("m.safetensors");
    let mut padded = vec![0.0; model.layout.whole()];
    model.layout.tensors().for_each(|(_, at)| padded[at.clone()].copy_from_slice(&theta[at]));
    unlearn::train::weights::save_model(&file, &model.layout, &padded, &[]).unwrap();
    place.import(&file, &Default::default()).unwrap().write().unwrap();
}

/// Whether a file of ONNX says what the run says, where Python (`python3`, or what UNLEARN_PYTHON names) has
/// onnxruntime.
pub fn held_by_onnxruntime(place: &Place, file: &Path) {
    let python = std::env::var("UNLEARN_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import numpy, onnx, onnxruntime"]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        return;
    }
    let data = Loaded::read(&place.path("c.toml"), &[], None).unwrap().config.load().unwrap();
    let n = &data.normalization;
    let raw: Vec<f32> = data.test.x.iter().map(|value| (f64::from(*value) * n.scale[0] + n.offset[0]) as f32).collect();
    let (x, said) = (place.path("x.npz"), place.path("said.npz"));
    records(&x, &format!("{}, 1, 8, 8", data.test.len()), &raw);
    predict(place, "run", &x.display().to_string()).unwrap().write(&said).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/parity/check_onnx.py");
    let output = Command::new(&python).args([&script, file, &x, &said]).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn onnx_has_every_layer_and_the_numbers_of_the_run() {
    for config in [LENET, WIDE, MODERN] {
        let place = Place::new(config);
        if config == LENET {
            drop(place.run("lenet.pt"))
        } else {
            drawn(&place)
        }
        let job = ExportJob::read(&place.path("run")).unwrap();
        let bytes = job.bytes(Format::Onnx).unwrap();
        assert_eq!(bytes, job.bytes(Format::Onnx).unwrap());
        // IR version 8 in the first field.
        assert_eq!(bytes[..2], [0x08, 8]);
        let said = String::from_utf8_lossy(&bytes);
        let words: &[&str] = match config {
            LENET => &["Conv", "Relu", "MaxPool", "Flatten", "Gemm", "conv1.weight", "fc2.bias", "logits", "Softmax"],
            WIDE => &["AveragePool", "GlobalAveragePool", "LayerNormalization", "InstanceNormalization", "Erf", "Elu"],
            _ => &["BatchNormalization", "Clip", "HardSigmoid", "HardSwish", "LeakyRelu", "MatMul", "Softplus"],
        };
        words.iter().for_each(|word| assert!(said.contains(word), "{word}"));
        assert!(said.contains("[\"0\",\"1\",\"2\"") && said.contains(job.model_sha256()));
        let file = place.path("m.onnx");
        job.write(Format::Onnx, &file).unwrap();
        held_by_onnxruntime(&place, &file);
    }
    let graph = Place::new("[data]\nloader = 'karate'\n[model]\nzoo = 'gcn'\nhidden = [4]\n");
    drawn(&graph);
    refused(ExportJob::read(&graph.path("run")).unwrap().bytes(Format::Onnx), &["ONNX", "safetensors"]);
}

#[test]
fn safetensors_are_the_runs_and_the_card_says_where_they_came_from() {
    let place = Place::new(LENET);
    place.run("lenet.pt");
    let job = ExportJob::read(&place.path("run")).unwrap();
    let file = place.path("out.safetensors");
    job.write(Format::Safetensors, &file).unwrap();
    let (mut ours, mut theirs) =
        (StateDict::read(&file, None).unwrap(), StateDict::read(&fixture("lenet.pt"), None).unwrap());
    for dict in [&mut ours, &mut theirs] {
        dict.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    }
    assert_eq!(ours.tensors, theirs.tensors, "what came in goes out, bit by bit");
    let card = place.path("README.md");
    job.write_card(&card).unwrap();
    let text = std::fs::read_to_string(&card).unwrap();
    let (head, body) = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).unwrap();
    assert!(head.contains("pipeline_tag: image-classification") && head.contains("machine-unlearning"), "{head}");
    assert!(body.contains("were imported") && body.contains(job.model_sha256()) && body.contains("scale 16"), "{body}");
}

#[test]
fn a_draft_is_a_network_once_its_guesses_are_filled_in() {
    let text = draft(&fixture("lenet.pt"), None).unwrap();
    for line in ["name = \"conv1\"", "out = 16", "kernel = 3", "# 16 channels of 1 positions", "type = \"flatten\""] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let config: unlearn::nn::ModelConfig = text.parse::<toml::Table>().unwrap()["model"].clone().try_into().unwrap();
    let kinds: Vec<&str> = config.layers.iter().filter_map(|layer| layer["type"].as_str()).collect();
    assert_eq!(kinds, ["conv2d", "relu", "conv2d", "relu", "flatten", "linear", "relu", "linear"]);
    assert!(config.layers[7].get("out").is_none(), "the last width is that of the classes");
    let fixture_of = |name: &str| format!("{}/assets/parity/layers/{name}", env!("CARGO_MANIFEST_DIR"));
    let resnet = draft(Path::new(&fixture_of("resnet.safetensors")), None).unwrap();
    for line in ["type = \"squeeze_excite\"", "squeeze = 3", "downsample.0`: by its name in the `shortcut`"] {
        assert!(resnet.contains(line), "{line}: {resnet}");
    }
    assert!(!resnet.contains("name = \"param.layer2.0.se.fc2\""), "{resnet}");
    let line = draft(Path::new(&fixture_of("line.safetensors")), None).unwrap();
    assert!(line.contains("type = \"conv1d\""), "{line}");
    let wrapped = draft(&fixture("mlp.pt"), None).unwrap();
    assert!(wrapped.contains("--prefix module.") && wrapped.contains("name = \"fc1\""), "{wrapped}");
    assert!(wrapped.contains("# `bn` num_batches_tracked"), "{wrapped}");
}
