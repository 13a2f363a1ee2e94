//! GraphEraser on a small graph: what a shard has after a node left is what it has in a training on files without it.

use unlearn::data::{Dataset, FitOn, Id, Portion};
use unlearn::run::compare::rows_of_runs;
use unlearn::run::config::{Config, Loaded};
use unlearn::run::evaluate::EvalJob;
use unlearn::run::export::{ExportJob, Format};
use unlearn::run::predict::PredictJob;
use unlearn::run::retrains::{Retrains, Work};
use unlearn::run::verify::VerifyJob;

use super::*;
use crate::shared::papers::{PAPERS, network};

const GCN: &str = "{type='graph_conv',out=6},{type='relu'},{type='dropout',p=0.3},{type='graph_conv'}";
const SAGE: &str = "{type='sage_conv',out=5},{type='relu'},{type='dropout',p=0.2},{type='sage_conv'}";

fn eraser(desk: &Desk, name: &str, network: &str, layers: &str, ensemble: &str) -> String {
    let text = format!(
        "seed = 3\n[data]\nloader = \"cora_text\"\npath = '{network}'\nsplit = \"random\"\ntest_fraction = 0.2\n\
         validation_fraction = 0.1\n[model]\nlayers = [{layers}]\n[train]\noptimizer = \"adam\"\nlr = 0.02\n\
         epochs = 12\n[ensemble]\nkind = \"graph_eraser\"\nshards = 3\n{ensemble}\n"
    );
    desk.put(name, text)
}

fn read(config: &str) -> Config {
    Loaded::read(Path::new(config), &[], None).unwrap().config
}

/// The number of a paper.
fn number(data: &Dataset, node: u32) -> usize {
    match data.node_id(node) {
        Id::Name(name) => name[1..].parse().unwrap(),
        other => panic!("{other} is no name"),
    }
}

/// Numbers of the training papers with their shards.
fn shards(config: &str) -> Vec<(usize, usize)> {
    let whole = read(config).divided_graph().unwrap();
    let name = |id: u32| number(&whole.data, id);
    whole.data.train_ids().into_iter().map(name).zip(whole.shards.iter().copied()).collect()
}

fn papers(all: &[usize]) -> (BTreeSet<usize>, Vec<String>) {
    (all.iter().copied().collect(), all.iter().map(|paper| format!("p{paper}")).collect())
}

fn test_loss(run: &Path) -> Vec<Option<f64>> {
    let eval = EvalJob { run, references: &[], original: None, request: None };
    let said = eval.read().unwrap().measure(&mut Engine::reference()).unwrap();
    ["splits.test.loss", "splits.validation.loss", "splits.test.accuracy"].map(|key| said.metrics.get(key)).into()
}

#[test]
fn a_shard_without_a_node_is_one_that_never_had_it() {
    for (layers, how) in [(GCN, "mean"), (SAGE, "learned")] {
        let desk = Desk::new();
        let ensemble = format!("aggregate = \"{how}\"");
        let whole = eraser(&desk, "whole.toml", &network(&desk, "whole", &BTreeSet::new(), &[]), layers, &ensemble);
        let run = desk.path("run");
        train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
        let training = shards(&whole);
        let of = |shard: usize| training.iter().filter(move |(_, of)| *of == shard).map(|(paper, _)| *paper);
        let one = |shard: usize, at: usize| of(shard).nth(at).unwrap();
        // One, two of one shard, some of each; and papers that nobody was trained on.
        let unseen: Vec<usize> = (0..PAPERS).filter(|paper| training.iter().all(|(p, _)| p != paper)).take(2).collect();
        let requests = [vec![one(0, 0)], vec![one(1, 2), one(1, 5)], vec![one(0, 3), one(1, 1), one(2, 4)], unseen];
        for (at, request) in requests.iter().enumerate() {
            let (gone, ids) = papers(request);
            let (after, against) = (desk.path(&format!("after-{at}")), desk.path(&format!("against-{at}")));
            let info = forget(&desk, &run, ("node", &ids), "graph_eraser", &after).unwrap_or_else(|e| panic!("{e}"));
            let without = network(&desk, &format!("without-{at}"), &gone, &[]);
            let without = eraser(&desk, &format!("without-{at}.toml"), &without, layers, &ensemble);
            train(&without, &against).unwrap_or_else(|e| panic!("{e}"));
            let proof = proven(&after, &against);
            assert_eq!((proof.forgotten, proof.tensors.iter().all(|pair| pair.run.is_some())), (ids.len(), true));
            let hit: BTreeSet<usize> = training.iter().filter(|(p, _)| gone.contains(p)).map(|(_, of)| *of).collect();
            let ensemble = info.ensemble.unwrap();
            let cost = ensemble.cost.unwrap();
            assert_eq!(cost.members, hit.into_iter().collect::<Vec<_>>(), "{request:?}");
            let passes: usize = cost.members.iter().map(|member| ensemble.members[*member].records * 12).sum();
            assert_eq!(
                (cost.visits, cost.of_visits),
                (
                    passes as u64,
                    12 * (training.len() - gone.len()
                        + request.iter().filter(|paper| training.iter().all(|(p, _)| p != *paper)).count())
                        as u64
                )
            );
            assert_eq!(info.forget.unwrap().tier.as_str(), "exact");
            // What it says of the others is what that one says: no answer of before is kept.
            if !cost.members.is_empty() {
                assert_eq!(test_loss(&after), test_loss(&against));
                assert_ne!(test_loss(&after), test_loss(&run));
            }
            if let Some(learned) = ensemble.aggregator {
                assert!(ids.iter().all(|id| !learned.fitted_on.contains(&Id::Name(id.clone()))), "{learned:?}");
                assert_eq!(
                    learned.fitted_on.len(),
                    training.len() - gone.iter().filter(|p| training.iter().any(|(q, _)| q == *p)).count()
                );
            }
        }
    }
}

/// An edge is forgotten by the shard that it is within, a feature by those that have it, and a second request stands on
/// the first.
#[test]
fn edges_features_classes_and_a_second_request() {
    let desk = Desk::new();
    let whole =
        eraser(&desk, "whole.toml", &network(&desk, "whole", &BTreeSet::new(), &[]), GCN, "aggregate = \"learned\"");
    let run = desk.path("run");
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let graph = read(&whole).divided_graph().unwrap();
    let of = |id: u32| graph.data.train_ids().binary_search(&id).ok().map(|at| graph.shards[at]);
    let edges = graph.data.graph.as_ref().unwrap().graph.distinct_edges();
    let pairs = || edges.iter().filter(|[u, v]| u != v);
    let inside = pairs().find(|[u, v]| of(*u).is_some() && of(*u) == of(*v)).unwrap();
    let across = pairs().find(|[u, v]| of(*u).is_some() && of(*v).is_some() && of(*u) != of(*v)).unwrap();
    let number = |id: u32| number(&graph.data, id);
    let pair = |[u, v]: &[u32; 2]| [number(*u), number(*v)];
    let edge = |name: &str, edge: &[u32; 2], from: &Path| {
        let [u, v] = pair(edge);
        let request = desk.put(
            &format!("{name}.jsonl"),
            format!("{{\"request_id\":\"e\",\"kind\":\"edge\",\"ids\":[[\"p{u}\",\"p{v}\"]]}}\n"),
        );
        let out = desk.path(name);
        let job =
            EnsembleForget::prepare(from, Path::new(&request), "graph_eraser", toml::Table::new(), Some((&out, false)));
        let info =
            job.and_then(|job| job.forget(&mut Engine::reference(), None, false)).unwrap_or_else(|e| panic!("{e}"));
        info.ensemble.unwrap().cost.unwrap().members
    };
    assert_eq!(edge("within", inside, &run), [of(inside[0]).unwrap()]);
    assert_eq!(edge("across", across, &desk.path("within")), [0usize; 0]);
    let (gone, ids) = papers(&[number(graph.own(2)[1])]);
    let (second, against) = (desk.path("second"), desk.path("against"));
    forget(&desk, &desk.path("across"), ("node", &ids), "graph_eraser", &second).unwrap_or_else(|e| panic!("{e}"));
    let without = network(&desk, "without", &gone, &[pair(inside), pair(across)]);
    train(&eraser(&desk, "w.toml", &without, GCN, "aggregate = \"learned\""), &against).unwrap();
    proven(&second, &against);
    // A class that all have, a column that all have: everyone is trained again, and what is left can be asked.
    let class = forget(&desk, &second, ("class", &["s1".into()]), "graph_eraser", &desk.path("class"));
    assert_eq!(class.unwrap_or_else(|e| panic!("{e}")).ensemble.unwrap().cost.unwrap().members, [0, 1, 2]);
    let request = desk.put("column.jsonl", "{\"request_id\":\"f\",\"kind\":\"feature\",\"ids\":[12]}\n");
    let out = desk.path("column");
    let job =
        EnsembleForget::prepare(&run, Path::new(&request), "graph_eraser", toml::Table::new(), Some((&out, false)));
    job.unwrap().forget(&mut Engine::reference(), None, false).unwrap_or_else(|e| panic!("{e}"));
    for run in ["class", "column"] {
        assert!(test_loss(&desk.path(run))[0].is_some_and(f64::is_finite));
    }
}

/// What reads all nodes to divide them is said, and is not called exact.
#[test]
fn a_division_that_reads_the_forgotten_is_named() {
    let desk = Desk::new();
    let files = network(&desk, "whole", &BTreeSet::new(), &[]);
    for how in ["blpa", "bekm"] {
        let whole = eraser(&desk, &format!("{how}.toml"), &files, GCN, &format!("partition = \"{how}\""));
        let (run, after) = (desk.path(how), desk.path(&format!("{how}-after")));
        let info = train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
        let division = info.ensemble.unwrap().division.unwrap();
        assert!(division.kept < division.edges && division.leak.is_some(), "{division:?}");
        let (paper, shard) = shards(&whole)[4];
        let info = forget(&desk, &run, ("node", &[format!("p{paper}")]), "graph_eraser", &after).unwrap();
        let (forgot, ensemble) = (info.forget.unwrap(), info.ensemble.unwrap());
        assert_eq!((forgot.tier.as_str(), ensemble.cost.unwrap().members), ("approximate", vec![shard]));
        assert!(
            forgot.conditions.iter().any(|condition| condition.starts_with("not exact")),
            "{:?}",
            forgot.conditions
        );
        assert!(forgot.residue.iter().any(|residue| residue.what == "division into shards"));
        // The others stay where they are.
        let after_config = after.join("config.toml").display().to_string();
        assert_eq!(shards(&after_config), shards(&whole));
        let member = read(&RunFolder::new(&after).member(shard).config().display().to_string());
        let left = member.load().unwrap();
        assert!(left.train_ids().iter().all(|id| number(&left, *id) != paper));
    }
}

/// What a faulty forgetting would leave is told from what a right one leaves.
#[test]
fn an_aggregator_of_before_and_a_state_of_before_are_seen() {
    let desk = Desk::new();
    let whole =
        eraser(&desk, "whole.toml", &network(&desk, "whole", &BTreeSet::new(), &[]), GCN, "aggregate = \"learned\"");
    let (run, after, against) = (desk.path("run"), desk.path("after"), desk.path("against"));
    let before = train(&whole, &run).unwrap_or_else(|e| panic!("{e}")).ensemble.unwrap().aggregator.unwrap();
    let (paper, shard) = shards(&whole)[7];
    let (gone, ids) = papers(&[paper]);
    let now =
        forget(&desk, &run, ("node", &ids), "graph_eraser", &after).unwrap().ensemble.unwrap().aggregator.unwrap();
    let it = Id::Name(ids[0].clone());
    assert!(before.fitted_on.contains(&it) && !now.fitted_on.contains(&it));
    assert_ne!(before.weights, now.weights);
    assert!((now.weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    let without = network(&desk, "without", &gone, &[]);
    train(&eraser(&desk, "w.toml", &without, GCN, "aggregate = \"learned\""), &against).unwrap();
    proven(&after, &against);
    // A member has the training nodes of its shard and nobody else, whatever it is asked.
    let member = read(&RunFolder::new(&after).member(shard).config().display().to_string());
    let data = member.load_without(FitOn::Training, &Default::default()).unwrap();
    assert_eq!(
        (data.part(Portion::Test).len(), data.train.len()),
        (0, shards(&whole).iter().filter(|p| p.1 == shard).count() - 1)
    );
    let exported = ExportJob::read(&after).unwrap().bytes(Format::Safetensors).unwrap();
    let exported = safetensors::SafeTensors::deserialize(&exported).unwrap();
    assert_eq!(exported.tensor("aggregator.weights").unwrap().data(), bytemuck::cast_slice::<f32, u8>(&now.weights));
    // The weights of before in the place of those of now.
    std::fs::copy(RunFolder::new(&run).aggregator(), RunFolder::new(&after).aggregator()).unwrap();
    let changed = prove(&after, &against).unwrap_err().to_string();
    assert!(changed.contains("aggregator.safetensors") && changed.contains("was changed"), "{changed}");
}

#[test]
fn what_has_no_place_in_a_shard_is_refused_in_a_sentence() {
    let desk = Desk::new();
    let files = network(&desk, "whole", &BTreeSet::new(), &[]);
    let plain = eraser(&desk, "plain.toml", &files, GCN, "");
    let refusal = |set: &str| {
        let loaded = Loaded::read(Path::new(&plain), &[set.to_owned()], None).map(|loaded| loaded.config);
        loaded.and_then(|config| config.divided_graph().map(|_| ())).err().map_or("nothing".into(), |e| e.to_string())
    };
    for (set, says) in [
        ("train.early_stopping.patience=3", "early_stopping reads validation nodes"),
        ("ensemble.slices=2", "ensemble.slices must be left out"),
        ("ensemble.without=[{kind='node',ids=['p1']}]", "ensemble.without must be left out"),
        ("ensemble.kind='sisa'", "divides records that stand alone"),
    ] {
        let said = if set.contains("sisa") {
            said(train(
                &desk.put("sisa.toml", std::fs::read_to_string(&plain).unwrap().replace("graph_eraser", "sisa")),
                &desk.path("s"),
            ))
        } else {
            refusal(set)
        };
        assert!(said.contains(says), "{set}: {said}");
    }
    let run = desk.path("run");
    train(&plain, &run).unwrap_or_else(|e| panic!("{e}"));
    let other = said(forget(&desk, &run, ("node", &["p1".into()]), "sisa", &desk.path("no")));
    assert!(other.contains("use graph_eraser or retrain"), "{other}");
    // A member alone is a run on its shard, and says so of itself.
    let member = RunFolder::new(&run).member(0).path;
    let predicted = PredictJob::read(&member, "train").unwrap().predict(&mut Engine::reference()).unwrap();
    assert_eq!(predicted.ids.len(), shards(&plain).iter().filter(|(_, shard)| *shard == 0).count());
    let whole = PredictJob::read(&run, "all").unwrap().predict(&mut Engine::reference()).unwrap();
    assert_eq!(whole.ids.len(), PAPERS);
    let own = shards(&plain).iter().find(|(_, shard)| *shard == 0).map(|(paper, _)| format!("p{paper}")).unwrap();
    let one = said(forget(&desk, &member, ("node", &[own]), "graph_eraser", &desk.path("no")));
    assert!(one.contains("this is one network"), "{one}");
}

/// A retrain trains all members, from another seed too; nodes stay in their shards.
#[test]
fn a_retrain_of_all_shards_divides_nothing_anew() {
    let desk = Desk::new();
    let whole = eraser(&desk, "whole.toml", &network(&desk, "whole", &BTreeSet::new(), &[]), GCN, "");
    let (run, after, other) = (desk.path("run"), desk.path("after"), desk.path("other"));
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let (_, ids) = papers(&[shards(&whole)[2].0]);
    forget(&desk, &run, ("node", &ids), "graph_eraser", &after).unwrap();
    let info =
        forget(&desk, &run, ("node", &ids), "retrain", &desk.path("retrained")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(info.ensemble.as_ref().unwrap().cost.as_ref().unwrap().members, [0, 1, 2]);
    assert_eq!(info.model_sha256, RunFolder::new(&after).read_info().unwrap().model_sha256);
    let request = desk.path("after.jsonl");
    let job = EnsembleForget::prepare(&run, &request, "retrain", toml::Table::new(), Some((&other, false))).unwrap();
    let another = job.forget(&mut Engine::reference(), Some(11), false).unwrap().ensemble.unwrap();
    let records = |ensemble: &unlearn::run::info::EnsembleInfo| {
        ensemble.members.iter().map(|member| member.records).collect::<Vec<_>>()
    };
    assert_eq!(records(&another), records(info.ensemble.as_ref().unwrap()));
    assert!(another.members.iter().zip(&info.ensemble.unwrap().members).all(|(a, b)| a.model_sha256 != b.model_sha256));
}

/// References, a verdict and a page of an ensemble; a forgetting that was killed says by which command it goes on.
#[test]
fn an_ensemble_is_retrained_judged_and_shown() {
    let desk = Desk::new();
    let whole =
        eraser(&desk, "whole.toml", &network(&desk, "whole", &BTreeSet::new(), &[]), GCN, "aggregate = \"mean\"");
    let (run, after) = (desk.path("run"), desk.path("after"));
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    let (_, ids) = papers(&[shards(&whole)[5].0]);
    forget(&desk, &run, ("node", &ids), "graph_eraser", &after).unwrap();
    let retrains = Retrains::of(&after, None, 2).unwrap();
    let (engine, marks) = (|_| Ok(Engine::reference()), Default::default());
    let work = Work {
        engine: &engine,
        jobs: Some(1),
        memory: None,
        marks: &marks,
        one_by_one: false,
        watch: &|_| {},
        told: &|_| {},
    };
    let made = retrains.make(&work).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(made.iter().map(|made| made.cached).collect::<Vec<_>>(), [false, false]);
    assert_eq!(retrains.make(&work).unwrap().iter().filter(|made| made.cached).count(), 2);
    let stored =
        VerifyJob { run: &after, references: &[], original: None }.verify(&mut || Ok(Engine::reference())).unwrap();
    assert_eq!(stored.references.len(), 2);
    let runs = [&run, &after, &made[0].path].map(|path| RunFolder::new(path).open().unwrap());
    let rows = rows_of_runs(&mut Engine::reference(), &runs).unwrap();
    assert!(rows.len() == 3 && rows.iter().all(|row| row.metrics.get("splits.test.accuracy").is_some()));
    // As a process leaves it that is killed at its second member.
    let killed = desk.path("killed");
    forget(&desk, &run, ("node", &ids), "graph_eraser", &killed).unwrap();
    std::fs::remove_file(killed.join("run.json")).unwrap();
    std::fs::write(killed.join(".unlearn.lock"), "{\"command\":\"forget\",\"pid\":1,\"digest\":\"d\"}").unwrap();
    let unfinished = RunFolder::new(&killed).read_info().unwrap_err().to_string();
    assert!(unfinished.contains("`unlearn forget …"), "{unfinished}");
}
