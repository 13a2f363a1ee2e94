//! Experiment files: what is refused and where, what is written back, and the files that come with the program.

use std::path::Path;

use unlearn::methods::METHODS;
use unlearn::run::config::Loaded;
use unlearn::run::experiments::EXPERIMENTS;

const SMALL: &str =
    "seed = 7\n[data]\nloader = \"digits\"\n[model]\nzoo = \"mlp\"\nhidden = [8]\n[train]\nepochs = 2\n";

fn parse(text: &str, sets: &[&str]) -> unlearn::Result<Loaded> {
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    Loaded::parse(text, "a.toml", Path::new("here"), &sets, None)
}

/// What is said about a file that is refused, by parsing or by building.
#[track_caller]
fn complaint(text: &str, sets: &[&str]) -> String {
    let error = parse(text, sets).and_then(|mut loaded| loaded.build().map(|_| ())).expect_err("this must be refused");
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_near_one() {
    let forget =
        "[forget]\nrequest = { kind = \"class\", ids = [3] }\nmethods = [\"ssd\"]\n[forget.settings.ssd]\nalhpa = 2\n";
    let cases = [
        (format!("sead = 1\n{SMALL}"), 1, "did you mean `seed`?"),
        (format!("{SMALL}ephocs = 3\n"), 9, "did you mean `epochs`?"),
        (SMALL.replace("loader", "normalise = \"unit\"\nloader"), 3, "did you mean `normalize`?"),
        (SMALL.replace("zoo", "zooo"), 5, "did you mean `zoo`?"),
        (
            SMALL.replace("hidden = [8]", "layers = [{ type = \"linear\", otu = 3 }]").replace("zoo = \"mlp\"\n", ""),
            5,
            "`otu`",
        ),
        (format!("{SMALL}{forget}"), 13, "did you mean `alpha`?"),
        (format!("{SMALL}schedule = \"cosin\"\n"), 9, "did you mean `cosine`?"),
        (SMALL.replace("digits", "digist"), 3, "did you mean `digits`?"),
        (format!("{SMALL}epochs = = 3\n"), 9, "a.toml"),
    ];
    for (text, line, says) in cases {
        let said = complaint(&text, &[]);
        let place = if says == "`otu`" { "a.toml".to_owned() } else { format!("a.toml line {line}: ") };
        assert!(said.starts_with(&place) && said.contains(says), "{said}");
    }
}

#[test]
fn numbers_out_of_range_and_networks_that_do_not_fit_are_refused() {
    let set = |what: &'static str| complaint(SMALL, &[what]);
    assert!(set("train.lr=-1").contains("train.lr must be a positive number"));
    assert!(set("train.epochs=0").contains("train.epochs"));
    assert!(set("train.epochs=many").contains("epochs") || set("train.epochs=many").contains("invalid type"));
    assert!(set("train.ephocs=3").contains("did you mean `epochs`?"));
    assert!(set("model.zoo=lenet7").contains("lenet7"));
    // A 5x5 kernel after two poolings of an 8x8 picture: the shapes cannot be.
    let said = complaint(&SMALL.replace("zoo = \"mlp\"\nhidden = [8]", "zoo = \"lenet5\""), &["data.shape=[1]"]);
    assert!(said.contains("data.shape"), "{said}");
    let impossible = "[[model.layers]]\ntype = \"conv2d\"\nout = 4\nkernel = 9\n[[model.layers]]\ntype = \
        \"flatten\"\n[[model.layers]]\ntype = \"linear\"\n";
    let text = SMALL.replace("[model]\nzoo = \"mlp\"\nhidden = [8]\n", impossible);
    assert!(complaint(&text, &[]).contains("layer 1"), "{}", complaint(&text, &[]));
}

#[test]
fn requests_and_methods_are_held_to_what_there_is() {
    let with = |forget: &str| complaint(&format!("{SMALL}[forget]\n{forget}\n"), &[]);
    assert!(with("methods = [\"ssd\"]").contains("request"));
    assert!(with("request = { kind = \"clas\", ids = [3] }").contains("did you mean `class`?"));
    assert!(with("request = { kind = \"class\", id = [3] }").contains("did you mean `ids`?"));
    let class = "request = { kind = \"class\", ids = [3] }";
    assert!(with(&format!("{class}\nmethods = [\"sdd\"]")).contains("method `sdd` is unknown"));
    assert!(with(&format!("{class}\nreferences = 1")).contains("forget.references"));
    let stray = format!("{class}\nmethods = [\"ssd\"]\n[forget.settings.ssdd]\nalpha = 1");
    assert!(with(&stray).contains("did you mean `ssd`?"), "{}", with(&stray));
}

#[test]
fn every_default_is_written_back_and_reads_as_itself() {
    let mut loaded = parse(SMALL, &["train.optimizer=adamw", "train.lr=1e-3", "model.hidden=[4, 5]"]).unwrap();
    let (_, model) = loaded.build().unwrap();
    assert_eq!(model.layout.count(), 64 * 4 + 4 + 4 * 5 + 5 + 5 * 10 + 10);
    let text = loaded.config.to_toml().unwrap();
    for line in
        ["seed = 7", "optimizer = \"adamw\"", "lr = 0.001", "batch_size = 64", "split_seed = 0", "type = \"relu\""]
    {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("zoo"), "{text}");
    let mut again = parse(&text, &[]).unwrap();
    again.build().unwrap();
    assert_eq!(again.config, loaded.config);
    assert_eq!(again.config.to_toml().unwrap(), text);
}

#[test]
fn paths_become_absolute_from_the_folder_of_the_file() {
    let text = "[data]\nloader = \"idx\"\ntrain_images = \"a\"\ntrain_labels = \"/b\"\n[model]\nzoo = \"lenet5\"\n";
    let here = std::env::current_dir().unwrap().join("here");
    let plain = parse(text, &[]).unwrap().config.data;
    assert_eq!((plain.train_images, plain.train_labels), (Some(here.join("a")), Some("/b".into())));
    let moved = parse(text, &["data.path=there"]).unwrap().config.data;
    assert_eq!((moved.train_images, moved.path), (Some(here.join("there/a")), None));
}

#[test]
fn the_seed_flag_wins_and_every_experiment_reads_as_itself() {
    let seeded = Loaded::parse(SMALL, "a.toml", Path::new(""), &["seed=3".to_owned()], Some(9)).unwrap();
    assert_eq!(seeded.config.seed, 9);
    for row in EXPERIMENTS {
        let mut loaded = row.load(Path::new(""), &[], None).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(loaded.name, row.name);
        assert!(loaded.config.forget.is_some(), "{} has nothing to forget", row.name);
        if row.demo {
            loaded.build().unwrap_or_else(|e| panic!("{e}"));
        }
        let text = loaded.config.to_toml().unwrap();
        let again = parse(&text, &[]).unwrap_or_else(|e| panic!("{}: {e}", row.name));
        assert_eq!(again.config, loaded.config, "{}", row.name);
    }
}

#[test]
fn every_experiment_file_has_a_row_and_the_demo_a_task_of_each_family() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/experiments");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().replace(".toml", ""))
        .collect();
    let mut rows: Vec<String> = EXPERIMENTS.iter().map(|row| row.name.to_owned()).collect();
    files.sort();
    rows.sort();
    assert_eq!(files, rows, "assets/experiments and EXPERIMENTS differ");
    let mut families = Vec::new();
    for row in EXPERIMENTS.iter().filter(|row| row.demo) {
        let mut loaded = row.load(Path::new(""), &[], None).unwrap();
        let (_, model) = loaded.build().unwrap();
        let forget = loaded.config.forget.unwrap();
        families.push(model.family().to_string());
        assert!(loaded.config.data.plant.is_some(), "{}: nothing is planted, so there is nothing to find", row.name);
        // With original, retrain and the held-out one a table of ten rows; `retrain` is the reference.
        assert!(forget.seeds == 3 && forget.methods[0] == "retrain", "{}: {:?}", row.name, forget.methods);
        assert!((6..=8).contains(&forget.methods.len()), "{}: {:?}", row.name, forget.methods);
    }
    assert_eq!(families, ["DNN", "CNN", "GNN", "transformer"]);
}

/// `[[forget.steps]]` is what the method `composite` does, with the defaults of its steps.
#[test]
fn steps_are_the_settings_of_a_composite() {
    let forget = "[forget]\nrequest = { kind = \"class\", ids = [3] }\nmethods = [\"finetune\"]\n";
    let steps =
        "[[forget.steps]]\nmethod = \"ssd\"\nsettings = { alpha = 3 }\n[[forget.steps]]\nmethod = \"finetune\"\n";
    let config = parse(&format!("{SMALL}{forget}{steps}"), &[]).unwrap().config.forget.unwrap();
    assert_eq!(config.methods, ["finetune", "composite"]);
    let steps_of = config.settings_of("composite")["steps"].clone();
    assert_eq!(steps_of.as_array().map(Vec::len), Some(2), "{steps_of}");
    assert_eq!(steps_of[0]["settings"]["alpha"].as_integer(), Some(3));
    let again = format!("{SMALL}{forget}{steps}[forget.settings.composite]\nsteps = [{{ method = \"ssd\" }}]\n");
    assert!(complaint(&again, &[]).contains("keep one"));
    let wrong = steps.replace("alpha", "alhpa");
    let said = complaint(&format!("{SMALL}{forget}{wrong}"), &[]);
    assert!(said.contains("step 1") && said.contains("did you mean `alpha`"), "{said}");
    let exact = steps.replace("ssd", "retrain").replace("alpha = 3", "");
    assert!(complaint(&format!("{SMALL}{forget}{exact}"), &[]).contains("no step of a composite"));
}

/// A method that no experiment lists, nor runs where its list is left out, is one that nobody finds.
#[test]
fn every_method_is_in_an_experiment() {
    let mut shown: Vec<String> = Vec::new();
    for row in EXPERIMENTS {
        let mut loaded = row.load(Path::new(""), &[], None).unwrap();
        let built = loaded.build();
        let Some(mut forget) = loaded.config.forget else { continue };
        shown.append(&mut forget.methods);
        // Some data sets do not come with the program.
        if let Ok((data, model)) = built {
            forget.complete(&data, &model, &loaded.config.train);
            shown.append(&mut forget.methods);
        }
    }
    let without: Vec<&str> =
        METHODS.iter().map(|row| row.name).filter(|name| !shown.iter().any(|s| s == name)).collect();
    // They need layers, a network, a recipe or checkpoints of their own, and their tests have them.
    assert_eq!(without, ["replay", "sisa", "graph_eraser", "coupling", "gnn_delete"]);
}
