//! Names: prefixes, maps, checkpoints, and what is said where they do not fit.

use super::super::evidence::bench::refused;
use super::{LENET, MLP, Place, fixture};
use unlearn::data::StateDict;
use unlearn::nn::Model;
use unlearn::run::naming::{Naming, fit};

fn model(layers: &str, shape: &[usize]) -> Model {
    let config: toml::Table = layers.parse().unwrap();
    Model::build(&config["model"].clone().try_into().unwrap(), shape, 10).unwrap()
}

fn renamed(from: &str, to: &str) -> String {
    LENET.replace(&format!("'{from}'"), &format!("'{to}'"))
}

#[test]
fn a_checkpoint_in_a_wrapper_is_looked_through() {
    let place = Place::new(MLP);
    let info = place.run("mlp.pt");
    let imported = info.imported.unwrap();
    assert_eq!(imported.key.as_deref(), Some("model_state_dict"));
    assert_eq!(imported.ignored, ["module.bn.num_batches_tracked"]);
    assert_eq!(imported.renamed.len(), 4);
    assert_eq!(imported.renamed[0], ("module.fc1.weight".to_owned(), "fc1.weight".to_owned()));
    refused(
        StateDict::read(&fixture("mlp.pt"), Some("weights")),
        &["--key weights", "epoch, best, args, model_state_dict"],
    );
}

#[test]
fn missing_and_extra_names_stand_side_by_side() {
    let dict = StateDict::read(&fixture("lenet.pt"), None).unwrap();
    let net = model(&renamed("fc2", "head"), &[1, 8, 8]);
    let said =
        refused(fit(&dict, &net.layout, &Naming::default(), "m.pt"), &["m.pt", "2 of the model's", "2 of the file's"]);
    let rows: Vec<&str> = said.lines().skip(2).collect();
    assert_eq!(
        rows,
        ["  head.weight [10, 40]  fc2.weight [10, 40]", "  head.bias [10]        fc2.bias [10]"],
        "{said}"
    );
    let net = model(&LENET.replace("out = 40", "out = 41"), &[1, 8, 8]);
    refused(fit(&dict, &net.layout, &Naming::default(), "m.pt"), &["`fc1.weight`", "[40, 16]", "[41, 16]"]);
}

#[test]
fn a_map_gives_whole_names_or_what_stands_before_a_dot() {
    let dict = StateDict::read(&fixture("lenet.pt"), None).unwrap();
    let net = model(&renamed("fc2", "head"), &[1, 8, 8]);
    let place = Place::new("");
    let map = |name: &str, text: &str| Naming::default().read_map(&place.put(name, text));
    let maps = [
        ("a.toml", "fc2 = 'head'"),
        ("b.toml", "'fc2.weight' = 'head.weight'\nfc2.bias = 'head.bias'"),
        ("c.json", "{\"fc2\": \"head\"}"),
    ];
    for (name, text) in maps {
        let named = fit(&dict, &net.layout, &map(name, text).unwrap(), "m.pt").unwrap();
        assert!(named.renamed.contains(&("fc2.bias".into(), "head.bias".into())), "{name}");
    }
    refused(map("d.toml", "fc2 = 3"), &["d.toml", "fc2", "3"]);
    refused(map("e.json", "{"), &["e.json"]);
    let stray = map("f.toml", "fc3 = 'head'").unwrap();
    refused(fit(&dict, &net.layout, &stray, "m.pt"), &["`fc3`", "fc"]);
    let mut twice = dict.clone();
    let again = twice.tensors.iter().find(|tensor| tensor.name == "fc2.bias").unwrap().clone();
    twice.tensors.push(unlearn::data::Tensor { name: "module.fc2.bias".into(), ..again });
    let net = model(LENET, &[1, 8, 8]);
    refused(fit(&twice, &net.layout, &Naming::default(), "m.pt"), &["`fc2.bias`", "`module.fc2.bias`", "both"]);
}

#[test]
fn a_prefix_takes_a_part_of_a_larger_model() {
    let mut dict = StateDict::read(&fixture("lenet.pt"), None).unwrap();
    for tensor in &mut dict.tensors {
        tensor.name = format!("net.features.{}", tensor.name);
    }
    dict.tensors.push(unlearn::data::Tensor {
        name: "decoder.weight".into(),
        shape: vec![1],
        kind: "F32".into(),
        values: Some(vec![0.0]),
    });
    let net = model(LENET, &[1, 8, 8]);
    refused(fit(&dict, &net.layout, &Naming::default(), "m.pt"), &["9 of the file's"]);
    let naming = Naming { prefix: Some("net.features.".into()), ..Naming::default() };
    assert_eq!(fit(&dict, &net.layout, &naming, "m.pt").unwrap().ignored, ["decoder.weight"]);
}
