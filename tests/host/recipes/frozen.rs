//! Parameters that a recipe freezes, and weights that it begins with.

use std::sync::atomic::AtomicBool;

use unlearn::engine::Engine;
use unlearn::methods::{View, find};
use unlearn::records::Session;
use unlearn::run::config::Loaded;

use super::resumed::{options, train};
use super::{problem, recipe, trained};
use crate::shared::binary::Desk;

#[test]
fn frozen_parameters_keep_their_bits() {
    let (data, model) = problem(0.0);
    let begun = model.init(5);
    let first = &model.layout.entries()[0];
    let stem = first.name.split('.').next().unwrap();
    for rule in ["optimizer = \"adamw\"\nweight_decay = 0.1", "momentum = 0.9\nweight_decay = 0.1\nclip_norm = 0.1"] {
        let recipe = recipe(&format!("{rule}\nbatch_size = 9\nepochs = 3\nema = 0.7\nfreeze = [\"{stem}\"]"));
        let (ended, _) = trained(&data, &model, &recipe, &mut ());
        for e in model.layout.entries() {
            let same = ended[e.offset..e.offset + e.len]
                .iter()
                .zip(&begun[e.offset..e.offset + e.len])
                .all(|(a, b)| a.to_bits() == b.to_bits());
            assert_eq!(same, e.name.starts_with(stem), "{} under {rule}", e.name);
        }
        // What trains on goes by the recipe, and beside a mask of its own.
        for method in ["finetune", "salun", "l1_sparse"] {
            let mut engine = Engine::reference();
            let mut session = Session::of(&mut engine, &model, &data, None, &ended).unwrap();
            let built = (find(method).unwrap().build)("epochs = 1".parse().unwrap()).unwrap();
            let (retain, forget): (Vec<u32>, Vec<u32>) = data.train_ids().into_iter().partition(|id| id % 5 > 0);
            built.forget(&mut session, &View::new(&recipe, &retain, &forget)).unwrap();
            let after = session.read_theta().unwrap();
            assert_eq!(after[first.offset..first.offset + first.len], ended[first.offset..first.offset + first.len]);
            assert_ne!(after, ended, "{method}");
        }
    }
}

#[test]
fn a_name_that_is_none_has_a_near_one() {
    let (data, model) = problem(0.0);
    let mut engine = Engine::reference();
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(5)).unwrap();
    let mut refused = |freeze: &str| {
        let recipe = recipe(&format!("freeze = [{freeze}]"));
        unlearn::train::Fit::new(&mut session, &recipe, 5).err().expect("refused").to_string()
    };
    let name = &model.layout.entries()[0].name;
    let said = refused(&format!("\"{}\"", name.replace("weight", "wieght")));
    assert!(said.contains("train.freeze") && said.contains(&format!("did you mean `{name}`")), "{said}");
    assert!(refused("\"*\"").contains("every parameter"));
    let method = (find("delta_grad").unwrap().build)(toml::Table::new()).unwrap();
    let said = method.suits_recipe(&recipe("freeze = [\"fc\"]")).unwrap_err().to_string();
    assert!(said.contains("delta_grad") && said.contains("train.freeze"), "{said}");
}

#[test]
fn a_base_is_a_run_or_a_file_and_is_bound_by_its_hash() {
    let (desk, never) = (Desk::new(), AtomicBool::new(false));
    let base = train(&desk, "base", "epochs = 1\n", options(&never), None).expect("trained");
    let (folder, file) = (desk.text("base"), desk.text("base/model.safetensors"));
    let of = |base: &str| format!("epochs = 2\nlr = 0.01\nbase = \"{base}\"\n");
    let from_run = train(&desk, "a", &of(&folder), options(&never), None).expect("from the folder");
    let from_file = train(&desk, "b", &of(&file), options(&never), None).expect("from the file");
    assert_eq!(from_run.model_sha256, from_file.model_sha256);
    assert_eq!(from_run.evidence.base_sha256, Some(base.model_sha256));
    assert_eq!(from_run.config_sha256, from_file.config_sha256, "the configuration names the file");
    let written = std::fs::read_to_string(desk.path("a/config.toml")).unwrap();
    assert!(written.contains("init = ") && written.contains("model.safetensors"), "{written}");
    let both = desk
        .put("both.toml", "init = \"x\"\n[data]\nloader = \"digits\"\n[model]\nzoo = \"mlp\"\n[train]\nbase = \"y\"\n");
    let said = Loaded::read(std::path::Path::new(&both), &[], None).unwrap_err().to_string();
    assert!(said.contains("train.base") && said.contains("init"), "{said}");
}

#[test]
fn a_new_head_is_drawn_where_it_is_asked_for() {
    let (desk, never) = (Desk::new(), AtomicBool::new(false));
    train(&desk, "base", "epochs = 1\n", options(&never), None).expect("trained");
    let base = format!("epochs = 1\nlr = 0.0001\nbase = \"{}\"\n", desk.text("base"));
    // Five classes, and the base knows three.
    let with = |keys: &str, seed: u64| {
        let text =
            super::resumed::DATA.replace("classes = 3", "classes = 5").replace("seed = 3", &format!("seed = {seed}"));
        Loaded::read(std::path::Path::new(&desk.put("more.toml", format!("{text}{base}{keys}"))), &[], None)
    };
    let prepare = |keys: &str, seed: u64, out: &str| {
        unlearn::run::train_run::TrainJob::prepare(with(keys, seed)?, &desk.path(out), false)
    };
    let said = prepare("", 3, "a").err().expect("other classes").to_string();
    assert!(said.contains("[3]") && said.contains("[5]") && said.contains("train.new_head = true"), "{said}");
    let start = |seed: u64, out: &str| {
        let job = prepare("new_head = true\n", seed, out).expect("a new head").expect("a training");
        let theta = unlearn::run::refit::base(&job.config, &job.model).unwrap().expect("weights");
        let of = |name: &str| {
            let e = job.model.layout.get(name).unwrap();
            theta[e.offset..e.offset + e.len].to_vec()
        };
        assert_eq!(unlearn::run::naming::head(&job.model).as_deref(), Some("fc3"));
        [of("fc1.weight"), of("fc3.weight")]
    };
    let base = unlearn::run::folder::RunFolder::new(&desk.path("base")).open().unwrap();
    let e = base.model.layout.get("fc1.weight").unwrap().clone();
    let ([body, head], [again, other]) = (start(3, "b"), start(4, "c"));
    assert_eq!(body, base.theta().unwrap()[e.offset..e.offset + e.len], "the body is the base's");
    assert_eq!(body, again);
    assert!(head != other && head.iter().any(|v| *v != 0.0), "the head is the seed's");
    let text = super::resumed::DATA.to_owned() + "new_head = true\n";
    let said = Loaded::read(std::path::Path::new(&desk.put("none.toml", text)), &[], None).unwrap_err().to_string();
    assert!(said.contains("train.new_head") && said.contains("train.base"), "{said}");
    // Where a body does not fit either, the head is not what is wrong.
    let text = super::resumed::DATA.replace("out=6", "out=7") + &format!("base = \"{}\"\n", desk.text("base"));
    let loaded = Loaded::read(std::path::Path::new(&desk.put("wide.toml", text)), &[], None).unwrap();
    let said = unlearn::run::train_run::TrainJob::prepare(loaded, &desk.path("d"), false).err().unwrap().to_string();
    assert!(said.contains("[7]") && !said.contains("new_head"), "{said}");
}
