use super::*;
use crate::data_files::{Archive, header, npy};
use rawzip::CompressionMethod;
use unlearn::data::Portion;
use unlearn::run::config::Loaded;

fn recipe(optimizer: &str, keep: &str) -> String {
    format!(
        "[model]\nlayers = [{{type='linear',out=5}},{{type='dropout',p=0.2}},{{type='relu'}},{{type='linear'}}]\n\
         [train]\noptimizer = \"{optimizer}\"\nlr = 0.02\nbatch_size = 4\nepochs = 2\nsteps_per_submission = 1\n{keep}"
    )
}

const KEEP: &str = "order = \"keyed\"\nkeep = { every = 5, most = 8 }\n";

/// Training records in the order of their rows.
fn training(config: &str) -> Vec<usize> {
    let data = Loaded::read(Path::new(config), &[], None).unwrap().config.load().unwrap();
    let name = |record: &unlearn::data::Identity| record.name.as_ref().unwrap()[1..].parse().unwrap();
    data.who.part(Portion::Train).iter().map(name).collect()
}

/// Without numbers that are fitted on records, so that checkpoints stay of use.
fn plain(config: String) -> String {
    let text = std::fs::read_to_string(&config).unwrap();
    let schema = "normalize = \"none\"\nschema = { color = \"drop\" }";
    std::fs::write(&config, text.replace("normalize = \"standard\"", schema)).unwrap();
    config
}

#[test]
fn replay_has_the_bytes_of_a_training_without_the_records() {
    for (optimizer, momentum) in [("sgd", "momentum = 0.9\n"), ("adam", "")] {
        let (desk, recipe) = (Desk::new(), recipe(optimizer, &format!("{momentum}{KEEP}")));
        let csv = table(&desk, "whole.csv", &BTreeSet::new());
        let whole = plain(config(&desk, "whole.toml", &csv, false, &recipe));
        let run = desk.path("run");
        train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
        let records = training(&whole);
        let mut saved = 0;
        for at in (0..records.len()).step_by(17) {
            let (gone, ids) = rows(&records[at..(at + 1 + at % 2)]);
            let (after, against) = (desk.path(&format!("after-{at}")), desk.path(&format!("against-{at}")));
            let info = forget(&desk, &run, ("sample", &ids), "replay", &after).unwrap_or_else(|e| panic!("{e}"));
            let without = table(&desk, &format!("without-{at}.csv"), &gone);
            let without = plain(config(&desk, &format!("without-{at}.toml"), &without, false, &recipe));
            train(&without, &against).unwrap();
            proven(&after, &against);
            let replayed = info.forget.unwrap().details.replayed.unwrap();
            assert!(replayed.from <= replayed.parts && replayed.parts < replayed.whole, "{replayed:?}");
            saved += replayed.from;
        }
        assert!(saved > 0, "no checkpoint was of use");
    }
}

#[test]
fn what_is_fitted_on_the_records_makes_the_checkpoints_useless_and_the_bytes_the_same() {
    let (desk, recipe) = (Desk::new(), recipe("adam", KEEP));
    let whole = config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, &recipe);
    let (run, after, against) = (desk.path("run"), desk.path("after"), desk.path("against"));
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let (gone, ids) = rows(&training(&whole)[40..41]);
    let info = forget(&desk, &run, ("sample", &ids), "replay", &after).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(info.forget.unwrap().details.replayed.unwrap().from, 0);
    let without = table(&desk, "without.csv", &gone);
    train(&config(&desk, "without.toml", &without, false, &recipe), &against).unwrap();
    proven(&after, &against);
}

#[test]
fn a_trace_with_empty_places_is_another_trajectory_and_is_not_called_exact() {
    let (desk, recipe) = (Desk::new(), recipe("sgd", KEEP));
    let whole = plain(config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, &recipe));
    let (run, after) = (desk.path("run"), desk.path("after"));
    train(&whole, &run).unwrap();
    let (gone, ids) = rows(&training(&whole)[30..33]);
    let mode = ("replay", "mode = \"trace_preserving\"");
    let info = forget_with(&desk, &run, ("sample", &ids), mode, &after).unwrap_or_else(|e| panic!("{e}"));
    let forgot = info.forget.unwrap();
    assert!(forgot.details.other_trajectory && forgot.tier.as_str() == "approximate", "{forgot:?}");
    let without = plain(config(&desk, "w.toml", &table(&desk, "without.csv", &gone), false, &recipe));
    train(&without, &desk.path("against")).unwrap();
    assert_eq!(prove(&after, &desk.path("against")).unwrap().outcome, Outcome::Fails);
}

#[test]
fn a_recipe_without_checkpoints_and_a_changed_checkpoint_are_refused() {
    let desk = Desk::new();
    let csv = table(&desk, "whole.csv", &BTreeSet::new());
    let run = desk.path("run");
    train(&plain(config(&desk, "a.toml", &csv, false, &recipe("sgd", ""))), &run).unwrap();
    let without = said(forget(&desk, &run, ("sample", &["r0".into()]), "replay", &desk.path("no")));
    assert!(without.contains("train.keep"), "{without}");
    let (kept, recipe) = (desk.path("kept"), recipe("sgd", KEEP));
    let whole = plain(config(&desk, "b.toml", &csv, false, &recipe));
    train(&whole, &kept).unwrap();
    let folder = RunFolder::new(&kept);
    let steps = folder.kept_steps();
    assert_eq!(steps.len(), 8, "{steps:?}");
    for step in steps {
        let mut bytes = std::fs::read(folder.kept_at(step)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(folder.kept_at(step), bytes).unwrap();
    }
    let records = training(&whole);
    let refusals = records.iter().step_by(20).map(|row| {
        let out = desk.path(&format!("x{row}"));
        said(forget(&desk, &kept, ("sample", &[format!("r{row}")]), "replay", &out))
    });
    assert!(refusals.filter(|said| said.contains("was changed since")).count() > 0);
}

/// Trains whole and without some records, lets replay forget them, and holds both to the same bytes; how many steps
/// were saved.
fn replayed(desk: &Desk, at: usize, write: &dyn Fn(&str, &BTreeSet<usize>) -> String, kind: &str) -> u64 {
    let (run, mut saved) = (desk.path(&format!("run-{at}")), 0);
    train(&write(&format!("whole-{at}"), &BTreeSet::new()), &run).unwrap_or_else(|e| panic!("{e}"));
    for (number, gone) in [vec![7], vec![20, 21, 22, 23], vec![41]].iter().enumerate() {
        let name = |what: &str| format!("{what}-{at}-{number}");
        let ids: Vec<String> = gone.iter().map(|row| format!("r{row}")).collect();
        let (after, against) = (desk.path(&name("after")), desk.path(&name("against")));
        let info = forget(desk, &run, (kind, &ids), "replay", &after).unwrap_or_else(|e| panic!("{e}"));
        train(&write(&name("without"), &gone.iter().copied().collect()), &against).unwrap();
        proven(&after, &against);
        assert_eq!(prove(&after, &run).unwrap().outcome, Outcome::Fails, "a proof against what had them");
        saved += info.forget.unwrap().details.replayed.unwrap().from;
    }
    saved
}

const OPTIMIZERS: [&str; 2] = ["optimizer = 'sgd'\nmomentum = 0.9\nlr = 0.05\n", "optimizer = 'adam'\nlr = 0.01\n"];

#[test]
fn a_convolutional_network_is_replayed_to_the_same_bytes() {
    let desk = Desk::new();
    let net = "layers = [{type='conv2d',out=2,kernel=3},{type='relu'},{type='max_pool',kernel=2},\
        {type='conv2d',out=3,kernel=2},{type='relu'},{type='flatten'},{type='linear',out=6},{type='relu'},\
        {type='linear'}]";
    for (at, optimizer) in OPTIMIZERS.iter().enumerate() {
        let write = |name: &str, gone: &BTreeSet<usize>| {
            let rows: Vec<usize> = (0..48).filter(|row| !gone.contains(row)).collect();
            let pixel = |row: usize, at: usize| {
                ((row * 31 + at * 7) % 13) as f32 / 13.0 + f32::from(u8::from(at % 3 == row % 3))
            };
            let x: Vec<f32> = rows.iter().flat_map(|row| (0..64).map(move |at| pixel(*row, at))).collect();
            let y: Vec<u8> = rows.iter().map(|row| (row % 3) as u8).collect();
            let names: Vec<String> = rows.iter().map(|row| format!("r{row}")).collect();
            let codes =
                |name: &String| name.chars().map(u32::from).chain(std::iter::repeat(0)).take(7).collect::<Vec<_>>();
            let (file, n) = (format!("{name}.npz"), rows.len());
            let mut archive = Archive::create(&desk.path(&file));
            let names: Vec<u32> = names.iter().flat_map(codes).collect();
            for (name, kind, shape, bytes) in [
                ("x", "<f4", format!("{n},1,8,8"), bytemuck::cast_slice(&x)),
                ("y", "|u1", format!("{n},"), &y[..]),
                ("name", "<U7", format!("{n},"), bytemuck::cast_slice(&names)),
            ] {
                archive.add(name, &npy(&header(kind, "False", &shape), bytes), CompressionMethod::STORE);
            }
            archive.finish();
            let data = format!("seed = 3\n[data]\nloader = 'npz'\npath = '{}'\nid = 'name'\n", desk.text(&file));
            let rest = format!("normalize = 'none'\ntest_fraction = 0.0\n[model]\n{net}\n[train]\n{optimizer}");
            let train = "batch_size = 4\nepochs = 2\norder = 'keyed'\nkeep = { every = 3 }\n";
            desk.put(&format!("{name}.toml"), data + &rest + train)
        };
        assert!(replayed(&desk, at, &write, "sample") > 0, "no checkpoint was of use");
    }
}

#[test]
fn a_graph_network_is_replayed_from_its_start_and_the_plan_says_so() {
    let desk = Desk::new();
    let net = "layers = [{type='graph_conv',out=4},{type='relu'},{type='graph_conv'}]";
    for (at, optimizer) in OPTIMIZERS.iter().enumerate() {
        let write = |name: &str, gone: &BTreeSet<usize>| {
            let stay: Vec<usize> = (0..48).filter(|row| !gone.contains(row)).collect();
            let pairs = (0..48).flat_map(|u| [1, 3, 11].map(|by| (u, (u * by + by) % 48)));
            let there = |(u, v): &(usize, usize)| u != v && !gone.contains(u) && !gone.contains(v);
            let edges: String = pairs.filter(there).map(|(u, v)| format!("r{u},r{v}\n")).collect();
            let features = |row: &usize| format!("r{row},{},{}\n", row % 3, row * 5 % 7);
            let label = |row: &usize| format!("r{row},c{}\n", row % 3);
            let files = [
                ("edges", format!("from,to\n{edges}")),
                ("features", format!("node,a,b\n{}", stay.iter().map(features).collect::<String>())),
                ("labels", format!("node,label\n{}", stay.iter().map(label).collect::<String>())),
            ];
            let paths = files.map(|(what, text)| desk.put(&format!("{name}-{what}.csv"), text));
            let data = format!(
                "seed = 3\n[data]\nloader = 'edge_list'\nedges = '{}'\nnode_features = '{}'\nlabels = '{}'\n\
                 label = 'label'\nid = 'node'\nnormalize = 'none'\ntest_fraction = 0.0\n[model]\n{net}\n",
                paths[0], paths[1], paths[2]
            );
            let train = format!("[train]\n{optimizer}epochs = 9\norder = 'keyed'\nkeep = {{ every = 3 }}\n");
            desk.put(&format!("{name}.toml"), data + &train)
        };
        assert_eq!(replayed(&desk, at, &write, "node"), 0);
    }
    let (run, gone) = (desk.path("run-0"), ["r7".to_owned()]);
    for (method, tier) in [("rewind", "approximate"), ("noisy_finetune", "certified")] {
        let info = forget(&desk, &run, ("node", &gone), method, &desk.path(method)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(info.forget.unwrap().tier.as_str(), tier);
    }
    let refused = said(forget(&desk, &run, ("node", &gone), "amnesiac", &desk.path("no")));
    assert!(refused.contains("on a graph a step reaches all nodes"), "{refused}");
    let text = std::fs::read_to_string(desk.path("whole-0.toml")).unwrap() + "deltas = {}\n";
    let refused = said(train(&desk.put("deltas.toml", text), &desk.path("deltas")));
    assert!(refused.contains("train.deltas keeps steps for the records of their batches"), "{refused}");
    let request = desk.put("r.jsonl", "{\"request_id\":\"r\",\"kind\":\"node\",\"ids\":[\"r7\"]}\n");
    let dry = ForgetJob::dry(&desk.path("run-0"), Path::new(&request), "replay", toml::Table::new()).unwrap();
    assert!(dry.foretold()[0].contains("begins anew there and saves nothing"), "{:?}", dry.foretold());
}

#[test]
fn the_plan_says_how_much_can_be_saved_at_most() {
    let (desk, recipe) = (Desk::new(), recipe("sgd", KEEP));
    let whole = config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, &recipe);
    let run = desk.path("run");
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let (first, epoch) = (training(&whole)[0], training(&whole).len().div_ceil(4));
    let request = desk.put("r.jsonl", format!("{{\"request_id\":\"r\",\"kind\":\"sample\",\"ids\":[\"r{first}\"]}}\n"));
    let dry = ForgetJob::dry(&run, Path::new(&request), "replay", toml::Table::new()).unwrap();
    let said = dry.foretold();
    assert!(said[0].contains(&format!("no more than its {epoch} steps of {}", 2 * epoch)), "{said:?}");
    assert!(said[1].contains("no kept checkpoint is of use"), "{said:?}");
}

/// Without its last record a class has no output, and the scales are others: what is left is looked at as it is fed.
#[test]
fn a_class_is_replayed_into_a_narrower_network() {
    let (desk, recipe) = (Desk::new(), recipe("adam", KEEP));
    let whole = config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, &recipe);
    let (run, after) = (desk.path("run"), desk.path("after"));
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let info = forget(&desk, &run, ("class", &["c1".to_owned()]), "replay", &after).unwrap_or_else(|e| panic!("{e}"));
    let forgot = info.forget.unwrap();
    assert_eq!((forgot.tier.as_str(), forgot.effect.as_str()), ("exact", "changed"), "{:?}", forgot.effect);
    let noisy = forget(&desk, &run, ("class", &["c1".to_owned()]), "noisy_finetune", &desk.path("noisy"));
    assert_eq!(noisy.unwrap_or_else(|e| panic!("{e}")).forget.unwrap().tier.as_str(), "certified");
}
