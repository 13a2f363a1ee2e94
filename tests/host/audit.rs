//! Audits: runs whose outcome is known before, on the reference engine; what is kept of one, and what is refused.

mod numbers;
mod planted;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use unlearn::Error;
use unlearn::base::sha256;
use unlearn::engine::Engine;
use unlearn::eval::Outcome;
use unlearn::run::audit::{Audit, AuditJob, Options};
use unlearn::run::config::Loaded;
use unlearn::run::folder::RunFolder;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::purge::Purge;
use unlearn::run::report::{Page, render};
use unlearn::run::train_run::{TrainJob, TrainOptions};
use unlearn::train::weights;

use crate::shared::binary::Desk;

/// Half of the records are noise that a linear model has room to learn by heart.
const CONFIG: &str = "seed = 3\n[data]\nloader = 'synth'\nsamples = 120\nclasses = 2\nshape = [40]\nnoise = 40.0\n\
    test_fraction = 0.5\n[model]\nzoo = 'logistic'\n[train]\nlr = 0.002\nepochs = 40\nbatch_size = 16\n";

const FEW: Options = Options { shadows: 16, retrains: 9, unlearned: 4, alpha: 0.01, seed: None };

/// A run, and a request of a fifth of its training records.
fn desk(config: &str) -> Desk {
    let desk = Desk::new();
    desk.put("c.toml", config);
    let job =
        TrainJob::prepare(Loaded::read(&desk.path("c.toml"), &[], None).expect("a file"), &desk.path("run"), false);
    let interrupted = AtomicBool::new(false);
    let options = TrainOptions {
        resume: false,
        keep_checkpoint: false,
        check_finite: false,
        interrupted: &interrupted,
        ranks: None,
    };
    let job = job.expect("a job").expect("not finished");
    job.train(&mut Engine::reference(), options, &mut |_| {}).expect("trained");
    let data = Loaded::read(&desk.path("c.toml"), &[], None).unwrap().config.load().unwrap();
    let fourth = data.train_ids().into_iter().step_by(4);
    let ids: Vec<Value> = fourth.map(|at| serde_json::to_value(data.train_id(at)).unwrap()).collect();
    let kind = if data.graph.is_some() { "node" } else { "sample" };
    desk.put("q.jsonl", json!({ "request_id": "q", "kind": kind, "ids": ids }).to_string());
    desk
}

fn forget(desk: &Desk, method: &str, settings: &str, seed: Option<u64>, out: &str) {
    let settings = toml::from_str(settings).expect("TOML");
    let job = ForgetJob::prepare(&desk.path("run"), &desk.path("q.jsonl"), method, settings, &desk.path(out));
    job.expect("a job").forget(&mut Engine::reference(), seed, false).expect("forgotten");
}

fn audit(desk: &Desk, run: &str, options: Options) -> unlearn::Result<Audit> {
    let job = AuditJob { run: &desk.path(run), original: None, references: &[], options };
    job.audit(&mut || Ok(Engine::reference()), &mut |_| {})
}

/// A copy of a run whose weights are those of the same network in another order, as if that were what forgot.
fn shuffled(desk: &Desk, run: &str, out: &str) {
    let (from, to) = (RunFolder::new(&desk.path(run)), RunFolder::new(&desk.path(out)));
    fs::create_dir(&to.path).expect("a folder");
    for name in desk_files(&from.path) {
        fs::copy(from.path.join(&name), to.path.join(&name)).expect("copied");
    }
    let opened = from.open().expect("a run");
    let mut theta = opened.theta().expect("weights");
    for entry in opened.model.layout.entries() {
        theta[entry.offset..entry.offset + entry.len].reverse();
    }
    weights::save_model(&to.model(), &opened.model.layout, &theta, &[]).expect("written");
    let mut info = opened.info.clone();
    info.model_sha256 = sha256(&fs::read(to.model()).expect("a file"));
    to.write_info(&info).expect("written");
}

fn desk_files(folder: &Path) -> Vec<std::ffi::OsString> {
    fs::read_dir(folder).expect("a folder").flatten().filter(|e| e.path().is_file()).map(|e| e.file_name()).collect()
}

fn failed(audit: &Audit) -> Vec<&str> {
    let failed = audit.verdict.checks.iter().filter(|check| check.outcome == Outcome::Fail);
    failed.map(|check| check.name.as_str()).collect()
}

#[test]
fn doing_nothing_and_shuffled_weights_fail_a_retrain_passes_and_missing_references_decide_nothing() {
    let desk = desk(CONFIG);
    forget(&desk, "finetune", "epochs = 1\nlr = 1e-7", None, "idle");
    forget(&desk, "retrain", "", Some(99), "again");
    shuffled(&desk, "idle", "shuffled");
    let idle = audit(&desk, "idle", FEW).expect("an audit");
    let attack = |audit: &Audit, name| audit.attacks.iter().find(|row| row.attack == name).expect("a row").clone();
    assert_eq!(idle.verdict.outcome, Outcome::Fail, "{:#?}", idle.verdict);
    let klom = idle.klom.as_ref().expect("enough models");
    assert!(klom.forgotten.p95 > klom.forgotten.best_possible, "{klom:?}");
    let weights = idle.weights.expect("the same network");
    assert!(weights.moved < 1e-3 && weights.retrains_moved > 0.1 && weights.barrier < 1e-6, "{weights:?}");
    let hayes = idle.verdict.checks.iter().find(|check| check.name == "U-LiRA").expect("a check");
    assert!(hayes.value > 0.8 && hayes.original.expect("a control") > 0.8, "{hayes:?}");
    let rmia = attack(&idle, "RMIA");
    assert!(rmia.original.auc > 0.7 && rmia.run.auc > 0.7, "{rmia:?}");
    assert_eq!(idle.models.cached, 0);
    // Nothing is trained for another run of the same request.
    let again = audit(&desk, "again", FEW).expect("an audit");
    assert_eq!((again.models.cached, again.models.unlearned), (25, 0), "{:?}", again.not_measured);
    assert_eq!(again.verdict.outcome, Outcome::Pass, "{:#?}", again.verdict);
    let lira = attack(&again, "LiRA").run;
    assert!((lira.auc - 0.5).abs() < 2.5 * lira.se, "{lira:?}");
    let ruined = audit(&desk, "shuffled", FEW).expect("an audit");
    assert!(failed(&ruined).contains(&"retain accuracy"), "{:#?}", ruined.verdict);
    for retrains in [0, 3] {
        let blind = audit(&desk, "idle", Options { retrains, unlearned: 0, ..FEW }).expect("an audit");
        assert_eq!(blind.verdict.outcome, Outcome::Inconclusive, "{:#?}", blind.verdict);
        assert_eq!(blind.verdict.outcome.error("x").map(|e| e.exit_code()), Some(3));
    }
}

#[test]
fn a_killed_audit_goes_on_to_the_same_numbers_and_a_changed_model_is_refused() {
    let desk = desk(CONFIG);
    forget(&desk, "finetune", "epochs = 1\nlr = 1e-7", None, "idle");
    let options = Options { shadows: 8, retrains: 5, unlearned: 0, ..FEW };
    let whole = audit(&desk, "idle", options).expect("an audit");
    let folder = &whole.models.folder;
    // Killed while models were trained: some are there, and no list.
    for gone in ["models.json", "shadow-0003.safetensors", "retrain-0001.safetensors"] {
        fs::remove_file(folder.join(gone)).expect("it was there");
    }
    let gone_on = audit(&desk, "idle", options).expect("an audit");
    assert_eq!((gone_on.models.cached, whole.models.cached), (11, 0));
    assert_eq!((&gone_on.verdict, &gone_on.attacks), (&whole.verdict, &whole.attacks));
    // More models go on from those that are there.
    assert_eq!(audit(&desk, "idle", Options { shadows: 12, ..options }).expect("an audit").models.cached, 13);
    let path = folder.join("shadow-0000.safetensors");
    let mut bytes = fs::read(&path).expect("a file");
    *bytes.last_mut().expect("bytes") ^= 1;
    fs::write(&path, bytes).expect("written");
    let refused = audit(&desk, "idle", options).expect_err("a changed model");
    assert!(matches!(refused, Error::Input(_)) && refused.to_string().contains("shadow-0000"), "{refused}");
}

#[test]
fn nodes_are_asked_about_on_the_whole_graph_and_a_retrain_on_the_rest_of_it_passes() {
    let desk = desk(
        "seed = 3\n[data]\nloader = 'sbm'\nnodes = 160\nclasses = 2\np_in = 0.02\np_out = 0.02\nfeatures = 40\n\
         test_fraction = 0.5\n[model]\nzoo = 'gcn'\nhidden = [8]\n[train]\noptimizer = 'adam'\nlr = 0.02\n\
         epochs = 60\n",
    );
    forget(&desk, "finetune", "epochs = 1\nlr = 1e-7", None, "idle");
    forget(&desk, "retrain", "", Some(99), "again");
    let options = Options { unlearned: 0, ..FEW };
    let [idle, again] = ["idle", "again"].map(|run| audit(&desk, run, options).expect("an audit"));
    let lira = |audit: &Audit| audit.attacks.iter().find(|row| row.attack == "LiRA").expect("a row").run.auc;
    assert!(lira(&idle) > lira(&again) + 0.1, "{} {}", lira(&idle), lira(&again));
    assert_ne!(idle.verdict.outcome, Outcome::Pass, "{:#?}", idle.verdict);
    assert_ne!(again.verdict.outcome, Outcome::Fail, "{:#?}", again.verdict);
    assert_eq!((idle.models.cached, again.models.cached), (0, 25));
}

#[test]
fn edges_are_attacked_by_how_alike_their_ends_are_and_features_by_what_is_said_of_their_nodes() {
    let desk = desk(
        "seed = 3\n[data]\nloader = 'sbm'\nnodes = 160\nclasses = 2\np_in = 0.04\np_out = 0.04\nfeatures = 40\n\
         test_fraction = 0.5\n[model]\nzoo = 'gcn'\nhidden = [8]\n[train]\noptimizer = 'adam'\nlr = 0.02\n\
         epochs = 60\n",
    );
    let data = Loaded::read(&desk.path("c.toml"), &[], None).unwrap().config.load().unwrap();
    let graph = &data.graph.as_ref().expect("a graph").graph;
    let edges: Vec<[u32; 2]> = graph.distinct_edges().into_iter().step_by(2).collect();
    desk.put("q.jsonl", json!({ "request_id": "q", "kind": "edge", "ids": edges }).to_string());
    forget(&desk, "finetune", "epochs = 1\nlr = 1e-7", None, "idle");
    forget(&desk, "retrain", "", Some(99), "again");
    shuffled(&desk, "idle", "shuffled");
    let options = Options { unlearned: 0, retrains: 12, ..FEW };
    let all = ["idle", "again", "shuffled"].map(|run| audit(&desk, run, options).expect("an audit"));
    let [idle, again, ruined] = &all;
    assert_eq!((idle.models.shadows, idle.attacks.len(), idle.records.held_out), (0, 1, 0));
    assert_eq!(idle.attacks[0].attack, "edge attack");
    assert_ne!(idle.verdict.outcome, Outcome::Pass, "{:#?}", idle.verdict);
    assert!(failed(ruined).contains(&"answers of influenced nodes"), "{:#?}", ruined.verdict);
    assert_ne!(again.verdict.outcome, Outcome::Fail, "{:#?}", again.verdict);
    desk.put("q.jsonl", "{\"request_id\":\"q\",\"kind\":\"feature\",\"ids\":[0,1,2,3,4,5,6,7]}");
    forget(&desk, "finetune", "epochs = 1\nlr = 1e-7", None, "seen");
    let seen = audit(&desk, "seen", options).expect("an audit");
    assert!(seen.attacks.is_empty() && seen.verdict.outcome != Outcome::Pass, "{:#?}", seen.verdict);
    assert!(seen.verdict.checks.iter().any(|check| check.name == "answers of influenced nodes"));
    assert!(seen.not_measured.iter().any(|what| what.starts_with("edge attack: the request names no edge")));
    assert_ne!(seen.models.folder, idle.models.folder, "another deletion has models of its own");
}

#[test]
fn a_class_that_is_still_known_by_its_neighbours_is_found() {
    let config = CONFIG.replace("classes = 2", "classes = 4").replace("noise = 40.0", "noise = 2.0");
    let config = config.replace("lr = 0.002", "lr = 0.02");
    let desk = desk(&config);
    desk.put("q.jsonl", "{\"request_id\":\"q\",\"kind\":\"class\",\"ids\":[1]}");
    forget(&desk, "finetune", "epochs = 1\nlr = 1e-7", None, "idle");
    let idle = audit(&desk, "idle", Options { retrains: 20, unlearned: 0, ..FEW }).expect("an audit");
    assert_eq!(idle.verdict.outcome, Outcome::Fail, "{:#?}", idle.verdict);
    let check = |name: &str| idle.verdict.checks.iter().find(|check| check.name == name).expect("a check");
    assert_eq!(check("neighbouring classes").held_out.len(), 1);
    assert_eq!(check("weights of eight bits").held_out.len(), 1);
}

#[test]
fn what_an_audit_kept_of_the_records_is_purged_with_the_history() {
    let desk = desk(CONFIG);
    forget(&desk, "retrain", "", Some(99), "again");
    let made = audit(&desk, "again", Options { shadows: 4, retrains: 1, unlearned: 0, ..FEW }).expect("an audit");
    made.write(&Audit::beside(&desk.path("again"))).expect("written");
    let text = fs::read_to_string(Audit::beside(&desk.path("again"))).expect("a file");
    assert_eq!(serde_json::from_str::<Audit>(&text).expect("JSON").audit_sha256.len(), 64);
    let left = Audit::left(&desk.path("again")).expect("whole").expect("there");
    let page = Page { title: "t", audits: std::slice::from_ref(&left), ..Page::default() };
    let html = render(&page);
    for part in ["id=\"audits\"", "href=\"#audits\"", "again: retrain", "LiRA on vulnerable records"] {
        assert!(html.contains(part), "{part}");
    }
    fs::write(Audit::beside(&desk.path("again")), text.replace("\"method\": \"retrain\"", "\"method\": \"finetune\""))
        .expect("written");
    let refused = Audit::left(&desk.path("again")).expect_err("a changed document").to_string();
    assert!(refused.contains("its hash is another"), "{refused}");
    assert_eq!(Audit::left(&desk.path("run")).expect("none"), None);
    let purge = Purge::of(&desk.path("again")).expect("a purge");
    assert!(purge.files.iter().any(|file| file.ends_with("shadow-0000.safetensors")), "{:?}", purge.files);
    purge.carry_out().expect("purged");
    assert!(!desk.path("run").exists(), "{:?}", desk.names());
}

#[test]
fn what_cannot_be_audited_is_refused_in_a_sentence() {
    let desk = desk(CONFIG);
    let trained = audit(&desk, "run", FEW).expect_err("a run that was trained");
    assert!(trained.exit_code() == 2 && trained.to_string().contains("forgot nothing"), "{trained}");
}
