use super::*;
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
