use unlearn::data::{ArrayColumn, Portion, Shards};
use unlearn::run::config::Loaded;
use unlearn::run::evaluate::EvalJob;

use super::*;

pub const RECIPE: &str = "[model]\nlayers = [{type='linear',out=5},{type='tanh'},{type='linear'}]\n\
    [train]\nbatch_size = 8\nepochs = 4\n";

pub fn sisa(optimizer: &str, carry: &str) -> String {
    format!(
        "{RECIPE}optimizer = \"{optimizer}\"\nlr = 0.02\n\
         [ensemble]\nkind = \"sisa\"\nshards = 3\nslices = 3\noptimizer = \"{carry}\"\naggregate = \"mean\"\n"
    )
}

/// Shard and slice of each training record, by the ensemble's configuration.
fn places(config: &str) -> Vec<(String, usize, usize)> {
    let loaded = Loaded::read(Path::new(config), &[], None).unwrap();
    let ensemble = loaded.config.whole_ensemble().unwrap().clone();
    let division = ensemble.division(loaded.config.seed).unwrap().unwrap();
    let data = loaded.config.load().unwrap();
    let of = |key: u64| {
        let shard = division.of(key);
        (shard, Shards::slice(key, loaded.config.member(shard).seed, ensemble.slices))
    };
    let records = data.who.part(Portion::Train).iter();
    let name = |record: &unlearn::data::Identity| record.name.as_ref().unwrap().to_string();
    records.map(|record| (name(record), of(record.key).0, of(record.key).1)).collect()
}

fn number(name: &str) -> usize {
    name[1..].parse().unwrap()
}

#[test]
fn a_shard_after_deletion_is_one_that_never_had_the_record() {
    for (optimizer, carry) in [("sgd", "restart"), ("adam", "kept")] {
        let desk = Desk::new();
        let recipe = sisa(optimizer, carry);
        let whole = config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, &recipe);
        let run = desk.path("run");
        train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
        let places = places(&whole);
        // One of each slice, two of one shard in different slices, and records of all shards together.
        let first = |wanted: usize| places.iter().position(|(_, _, slice)| *slice == wanted).unwrap();
        let mut requests: Vec<Vec<usize>> = (0..3).map(|slice| vec![number(&places[first(slice)].0)]).collect();
        let shard: Vec<usize> = places.iter().filter(|p| p.1 == 1 && p.2 > 0).map(|p| number(&p.0)).take(2).collect();
        requests.extend([shard, (0..4).map(|at| number(&places[at * 9].0)).collect()]);
        for (at, request) in requests.iter().enumerate() {
            let (gone, ids) = rows(request);
            let (after, against) = (desk.path(&format!("after-{at}")), desk.path(&format!("against-{at}")));
            let info = forget(&desk, &run, ("sample", &ids), "sisa", &after).unwrap_or_else(|e| panic!("{e}"));
            let without = table(&desk, &format!("without-{at}.csv"), &gone);
            train(&config(&desk, &format!("without-{at}.toml"), &without, false, &recipe), &against).unwrap();
            let proof = proven(&after, &against);
            assert_eq!((proof.forgotten, proof.still_there), (ids.len(), Some(0)));
            assert!(proof.tensors.len() >= 3 * 4 + 6, "weights and checkpoints: {}", proof.tensors.len());
            let hit: BTreeSet<usize> = places.iter().filter(|p| gone.contains(&number(&p.0))).map(|p| p.1).collect();
            let cost = info.ensemble.unwrap().cost.unwrap();
            assert_eq!(cost.members, hit.into_iter().collect::<Vec<_>>());
            assert!(cost.visits < cost.of_visits);
            let forgot = info.forget.unwrap();
            assert_eq!(forgot.tier.as_str(), "exact");
            // The run itself is no training without the record, and is not taken for one.
            assert_eq!(prove(&after, &run).unwrap().outcome, Outcome::Fails);
        }
    }
}

#[test]
fn the_last_slice_is_trained_again_alone_and_the_first_costs_all() {
    let (desk, recipe) = (Desk::new(), sisa("sgd", "restart"));
    let whole = config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, &recipe);
    let run = desk.path("run");
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    for (name, shard, slice) in places(&whole).iter().step_by(23) {
        let out = desk.path(&format!("after-{name}"));
        forget(&desk, &run, ("sample", std::slice::from_ref(name)), "sisa", &out).unwrap();
        let replayed = RunFolder::new(&out).member(*shard).read_info().unwrap();
        let replayed = replayed.forget.unwrap().details.replayed.unwrap();
        assert_eq!(replayed.from > 0, *slice > 0, "slice {slice}: {replayed:?}");
        assert!(*slice == 0 || replayed.parts == replayed.from, "{replayed:?}");
    }
}

#[test]
fn a_second_request_a_person_and_a_class_are_exact_too() {
    let (desk, recipe) = (Desk::new(), sisa("sgd", "kept"));
    let run = desk.path("run");
    let whole = config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), true, &recipe);
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let (first, second, third) = (desk.path("first"), desk.path("second"), desk.path("third"));
    forget(&desk, &run, ("subject", &["p3".into()]), "sisa", &first).unwrap_or_else(|e| panic!("{e}"));
    forget(&desk, &first, ("subject", &["p20".into(), "p21".into()]), "sisa", &second).unwrap();
    let gone: BTreeSet<usize> = (12..16).chain(80..88).collect();
    let without = table(&desk, "without.csv", &gone);
    let against = desk.path("against");
    train(&config(&desk, "without.toml", &without, true, &recipe), &against).unwrap();
    let proof = proven(&second, &against);
    assert_eq!(proof.still_there, Some(0));
    // After one request alone more is retained than the other was trained on.
    assert_eq!(prove(&first, &against).unwrap().outcome, Outcome::Fails);
    forget(&desk, &second, ("class", &["c1".into()]), "sisa", &third).unwrap_or_else(|e| panic!("{e}"));
    let eval = EvalJob { run: &third, references: &[], original: None, request: None };
    eval.read().unwrap().measure(&mut Engine::reference()).unwrap();
}

/// Test records of a class stay in the file when the class is forgotten, and a training without it refuses them: here
/// all records are trained on.
#[test]
fn a_class_is_forgotten_exactly() {
    let (desk, recipe) = (Desk::new(), sisa("sgd", "kept"));
    let all_train = |name: &str, gone: &BTreeSet<usize>| {
        let path = config(&desk, name, &table(&desk, &format!("{name}.csv"), gone), false, &recipe);
        let text = std::fs::read_to_string(&path).unwrap();
        desk.put(name, text.replace("test_fraction = 0.2", "test_fraction = 0.0"))
    };
    let classless: BTreeSet<usize> = (0..ROWS).filter(|row| row * 7 % 3 == 1).collect();
    let [run, after, against] = ["run", "after", "against"].map(|name| desk.path(name));
    train(&all_train("whole.toml", &BTreeSet::new()), &run).unwrap_or_else(|e| panic!("{e}"));
    train(&all_train("classless.toml", &classless), &against).unwrap_or_else(|e| panic!("{e}"));
    forget(&desk, &run, ("class", &["c1".into()]), "sisa", &after).unwrap_or_else(|e| panic!("{e}"));
    proven(&after, &against);
}

#[test]
fn an_ensemble_is_scored_by_its_members_and_what_works_on_one_network_is_refused() {
    let desk = Desk::new();
    let csv = table(&desk, "whole.csv", &BTreeSet::new());
    let mut accuracies = Vec::new();
    for how in ["vote", "mean", "weighted"] {
        let recipe = sisa("adam", "restart").replace("\"mean\"", &format!("\"{how}\""));
        let recipe = recipe.replace("epochs = 4", "epochs = 30");
        let run = desk.path(how);
        train(&config(&desk, &format!("{how}.toml"), &csv, false, &recipe), &run).unwrap();
        let eval = EvalJob { run: &run, references: &[], original: None, request: None };
        let said = eval.read().unwrap().measure(&mut Engine::reference()).unwrap();
        accuracies.push(said.metrics.get("splits.test.accuracy").unwrap());
        let opened = RunFolder::new(&run).open().unwrap();
        assert!(opened.theta().unwrap_err().to_string().contains("members/000"));
    }
    assert!(accuracies.iter().all(|accuracy| *accuracy > 0.8), "{accuracies:?}");
    let run = desk.path("vote");
    let refused = said(forget(&desk, &run, ("sample", &["r0".into()]), "finetune", &desk.path("no")));
    assert!(refused.contains("sisa or retrain"), "{refused}");
}

#[test]
fn members_of_a_deep_ensemble_have_seeds_of_their_own_and_are_all_trained_again() {
    let desk = Desk::new();
    let recipe = format!("{RECIPE}[ensemble]\nkind = \"deep_ensemble\"\nmembers = 2\n");
    let whole = config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, &recipe);
    let (run, after, against) = (desk.path("run"), desk.path("after"), desk.path("against"));
    let info = train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let members = info.ensemble.unwrap().members;
    assert_ne!(members[0].model_sha256, members[1].model_sha256);
    let training: Vec<usize> = {
        let data = Loaded::read(Path::new(&whole), &[], None).unwrap().config.load().unwrap();
        data.who.part(Portion::Train).iter().map(|r| number(r.name.as_ref().unwrap())).take(3).collect()
    };
    let (gone, ids) = rows(&training);
    forget(&desk, &run, ("sample", &ids), "retrain", &after).unwrap_or_else(|e| panic!("{e}"));
    let without = table(&desk, "without.csv", &gone);
    train(&config(&desk, "without.toml", &without, false, &recipe), &against).unwrap();
    proven(&after, &against);
}

/// Pictures without the rows of these numbers.
fn pictures(desk: &Desk, name: &str, gone: &BTreeSet<usize>) -> String {
    let rows: Vec<usize> = (0..60).filter(|row| !gone.contains(row)).collect();
    let pixel =
        |row: usize, at: usize| if at % 8 / 4 == row % 2 { 0.7 } else { ((row * 13 + at * 7) % 10) as f32 / 10.0 };
    let x = rows.iter().flat_map(|row| (0..64).map(move |at| pixel(*row, at))).collect();
    let y = rows.iter().map(|row| (*row % 2) as i64).collect();
    let ids = rows.iter().map(|row| format!("r{row}")).collect();
    let columns = [
        ("x", ArrayColumn::Floats(vec![rows.len(), 1, 8, 8], x)),
        ("y", ArrayColumn::Integers(y)),
        ("id", ArrayColumn::Texts(ids)),
    ];
    desk.put(name, unlearn::data::npz(&columns).unwrap())
}

#[test]
fn a_convolution_in_shards_is_exact_too() {
    let desk = Desk::new();
    let text = |path: &str| {
        format!(
            "seed = 2\n[data]\nloader = \"npz\"\npath = '{path}'\nid = \"id\"\nnormalize = \"standard\"\n\
             test_fraction = 0.2\n[model]\nlayers = [{{type='conv2d',out=3,kernel=3}},{{type='relu'}},\
             {{type='max_pool',kernel=2}},{{type='flatten'}},{{type='linear',out=6}},{{type='relu'}},\
             {{type='linear'}}]\n[train]\nbatch_size = 6\nepochs = 3\nlr = 0.02\n\
             [ensemble]\nkind = \"sisa\"\nshards = 2\nslices = 2\noptimizer = \"kept\"\n"
        )
    };
    let run = desk.path("run");
    let whole = desk.put("whole.toml", text(&pictures(&desk, "whole.npz", &BTreeSet::new())));
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let places = places(&whole);
    for slice in 0..2 {
        let request: Vec<usize> =
            places.iter().filter(|p| p.2 == slice).map(|p| number(&p.0)).take(1 + slice).collect();
        let (gone, ids) = rows(&request);
        let (after, against) = (desk.path(&format!("after-{slice}")), desk.path(&format!("against-{slice}")));
        forget(&desk, &run, ("sample", &ids), "sisa", &after).unwrap_or_else(|e| panic!("{e}"));
        let without = pictures(&desk, &format!("without-{slice}.npz"), &gone);
        train(&desk.put(&format!("without-{slice}.toml"), text(&without)), &against).unwrap();
        proven(&after, &against);
    }
}

/// What a faulty forgetting would leave is told from what a right one leaves.
#[test]
fn an_order_that_moves_numbers_of_before_and_a_member_of_before_are_seen() {
    let (desk, recipe) = (Desk::new(), sisa("adam", "kept"));
    let csv = table(&desk, "whole.csv", &BTreeSet::new());
    let whole = config(&desk, "whole.toml", &csv, false, &recipe);
    let (run, after, against, moved) = (desk.path("run"), desk.path("after"), desk.path("against"), desk.path("moved"));
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let places = places(&whole);
    let (gone, ids) = rows(&[number(&places[11].0)]);
    forget(&desk, &run, ("sample", &ids), "sisa", &after).unwrap();
    let without = table(&desk, "without.csv", &gone);
    train(&config(&desk, "without.toml", &without, false, &recipe), &against).unwrap();
    proven(&after, &against);
    // What it says is what the other says, and no longer what it said.
    let said = |run: &Path| {
        let eval = EvalJob { run, references: &[], original: None, request: None };
        let said = eval.read().unwrap().measure(&mut Engine::reference()).unwrap();
        ["splits.test.loss", "splits.validation.loss"].map(|key| said.metrics.get(key))
    };
    assert_eq!(said(&after), said(&against));
    assert_ne!(said(&after), said(&run));
    // The same records in another order.
    let text = std::fs::read_to_string(&without).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    let turned = desk.put("moved.csv", lines.join("\n") + "\n");
    train(&config(&desk, "moved.toml", &turned, false, &recipe), &moved).unwrap();
    let proof = prove(&after, &moved).unwrap();
    assert_eq!(proof.outcome, Outcome::Fails);
    assert!(proof.tensors.iter().any(|pair| pair.run != pair.against));
    // The member that had the record, as it was before.
    let member = |run: &Path| RunFolder::new(run).member(places[11].1);
    std::fs::copy(member(&run).info(), member(&after).info()).unwrap();
    let stale = prove(&after, &against).unwrap_err().to_string();
    assert!(stale.contains("another run is there"), "{stale}");
}

#[test]
fn numbers_that_were_fitted_with_the_record_are_seen() {
    let desk = Desk::new();
    let whole = config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, RECIPE);
    let (run, after, stale) = (desk.path("run"), desk.path("after"), desk.path("stale"));
    let info = train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let data = Loaded::read(Path::new(&whole), &[], None).unwrap().config.load().unwrap();
    let name = data.who.part(Portion::Train)[7].name.clone().unwrap();
    let (gone, ids) = rows(&[number(&name)]);
    forget(&desk, &run, ("sample", &ids), "retrain", &after).unwrap();
    let numbers = info.data.fitted.normalization;
    let given = format!("normalize = {{ mean = {:?}, std = {:?} }}", numbers.offset, numbers.scale);
    let without = config(&desk, "without.toml", &table(&desk, "without.csv", &gone), false, RECIPE);
    let text = std::fs::read_to_string(&without).unwrap();
    let kept = desk.put("stale.toml", text.replace("normalize = \"standard\"", &given));
    train(&kept, &stale).unwrap_or_else(|e| panic!("{e}"));
    let proof = prove(&after, &stale).unwrap();
    assert_eq!(proof.outcome, Outcome::Fails);
    assert!(proof.reason.contains("given the same records"), "{}", proof.reason);
    let right = desk.path("right");
    train(&without, &right).unwrap();
    proven(&after, &right);
}

/// Their keys are made of the cells, and not of features, which each shard encodes in its own way.
#[test]
fn rows_without_names_are_each_in_one_shard() {
    let (desk, recipe) = (Desk::new(), sisa("sgd", "restart"));
    let unnamed = |name: &str, gone: &BTreeSet<usize>| {
        let made = config(&desk, name, &table(&desk, &format!("{name}.csv"), gone), false, &recipe);
        let text = std::fs::read_to_string(&made).unwrap();
        let text = text.replace("id = \"id\"\n", "").replace("[\"person\"]", "[\"person\", \"id\"]");
        desk.put(name, text)
    };
    let (run, after, against) = (desk.path("run"), desk.path("after"), desk.path("against"));
    let info = train(&unnamed("whole.toml", &BTreeSet::new()), &run).unwrap_or_else(|e| panic!("{e}"));
    let members = info.ensemble.unwrap().members;
    assert_eq!(members.iter().map(|member| member.records).sum::<usize>(), info.data.sizes.train);
    forget(&desk, &run, ("sample", &["50".into(), "77".into()]), "sisa", &after).unwrap_or_else(|e| panic!("{e}"));
    train(&unnamed("without.toml", &BTreeSet::from([50, 77])), &against).unwrap();
    proven(&after, &against);
}

/// Records that likely go share a shard; a deletion of one moves nobody, and rates that were changed are refused.
#[test]
fn deletion_rates_choose_shards_and_stay_exact() {
    let desk = Desk::new();
    let rates: String = (0..ROWS).map(|row| format!("r{row},{}\n", [0.0, 0.3][usize::from(row % 4 == 1)])).collect();
    let file = desk.put("rates.csv", format!("id,rate\n{rates}"));
    let table_of_rates = format!("[ensemble.rates]\nfile = '{file}'\nabove = [0.1]\nshards = [2, 1]\n");
    let recipe = sisa("sgd", "restart") + &table_of_rates;
    let whole = config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, &recipe);
    let (run, after, against, later) = (desk.path("run"), desk.path("after"), desk.path("against"), desk.path("later"));
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let places = places(&whole);
    assert!(places.iter().all(|(name, shard, _)| (*shard == 2) == (number(name) % 4 == 1)), "{places:?}");
    let asked: Vec<usize> = places.iter().filter(|p| p.1 == 2).map(|p| number(&p.0)).take(3).collect();
    let (gone, ids) = rows(&asked);
    let info = forget(&desk, &run, ("sample", &ids), "sisa", &after).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(info.ensemble.unwrap().cost.unwrap().members, [2]);
    train(&config(&desk, "without.toml", &table(&desk, "without.csv", &gone), false, &recipe), &against).unwrap();
    proven(&after, &against);
    // A record whose rate is another now would be looked for where it never was.
    let other: Vec<usize> = places.iter().filter(|p| p.1 == 0).map(|p| number(&p.0)).take(1).collect();
    desk.put(
        "rates.csv",
        format!("id,rate\n{}", rates.replace(&format!("r{},0\n", other[0]), &format!("r{},0.3\n", other[0]))),
    );
    let refused = said(forget(&desk, &run, ("sample", &rows(&other).1), "sisa", &desk.path("no")));
    assert!(refused.contains("rates of the records"), "{refused}");
    // A second request is served while the file is as it was; without the lines of those who are gone, whose rows are
    // still there, it is not.
    let last = places.iter().filter(|p| p.1 == 2 && !gone.contains(&number(&p.0))).map(|p| number(&p.0)).next();
    let next = rows(&[last.unwrap()]).1;
    let kept = |row: &usize| !gone.contains(row);
    let short: String =
        (0..ROWS).filter(kept).map(|row| format!("r{row},{}\n", if row % 4 == 1 { 0.3 } else { 0.0 })).collect();
    desk.put("rates.csv", format!("id,rate\n{short}"));
    let refused = said(forget(&desk, &after, ("sample", &next), "sisa", &later));
    assert!(refused.contains("changed since"), "{refused}");
    desk.put("rates.csv", format!("id,rate\n{rates}"));
    assert_eq!(said(forget(&desk, &after, ("sample", &next), "sisa", &later)), "nothing");
    let unnamed = recipe.clone();
    let no_ids = config(&desk, "no.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, &unnamed);
    let text = std::fs::read_to_string(&no_ids)
        .unwrap()
        .replace("id = \"id\"\n", "")
        .replace("[\"person\"]", "[\"person\", \"id\"]");
    let refused = said(train(&desk.put("no.toml", text), &desk.path("none")));
    assert!(refused.contains("data.id or data.subject"), "{refused}");
}
