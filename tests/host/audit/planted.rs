//! What was planted is found by the audit of a run that did nothing, and not by that of a retrain.

use unlearn::eval::Outcome;
use unlearn::eval::attacks::Judged;
use unlearn::run::audit::{Audit, Options};

use super::{FEW, audit, desk, failed, forget};

fn check<'a>(audit: &'a Audit, name: &str) -> &'a Judged {
    audit.verdict.checks.iter().find(|check| check.name == name).expect("a check")
}

#[test]
fn classes_in_each_others_place_are_confused_by_who_learned_them() {
    let desk = desk(
        "seed = 3\n[data]\nloader = 'synth'\nsamples = 240\nclasses = 3\nshape = [20]\nnoise = 1.0\n\
         test_fraction = 0.5\nplant = { fraction = 0.5, confusion = ['0', '2'] }\n[model]\nzoo = 'logistic'\n\
         [train]\nlr = 0.05\nepochs = 40\nbatch_size = 16\n",
    );
    let some = std::fs::read_to_string(desk.path("q.jsonl")).expect("a request");
    forget(&desk, "finetune", "epochs = 1\nlr = 1e-7", None, "others");
    desk.put("q.jsonl", "{\"request_id\":\"q\",\"kind\":\"sample\",\"planted\":true}");
    forget(&desk, "finetune", "epochs = 1\nlr = 1e-7", None, "idle");
    forget(&desk, "retrain", "", Some(99), "again");
    let options = Options { unlearned: 0, ..FEW };
    let [idle, again] = ["idle", "again"].map(|run| audit(&desk, run, options).expect("an audit"));
    let (left, gone) = (check(&idle, "interclass confusion"), check(&again, "interclass confusion"));
    assert_eq!((left.outcome, gone.outcome), (Outcome::Fail, Outcome::Pass), "{left:#?} {gone:#?}");
    assert!(left.value > 0.3 && gone.value < 0.1, "{} {}", left.value, gone.value);
    // A request for other records says nothing of who was confused.
    desk.put("q.jsonl", some);
    let others = audit(&desk, "others", Options { shadows: 4, retrains: 3, ..options }).expect("an audit");
    assert!(others.verdict.checks.iter().all(|check| check.name != "interclass confusion"));
}

#[test]
fn poisoned_edges_cost_accuracy_until_they_are_forgotten() {
    let desk = desk(
        "seed = 3\n[data]\nloader = 'sbm'\nnodes = 240\nclasses = 3\np_in = 0.08\np_out = 0.005\nfeatures = 24\n\
         test_fraction = 0.6\npoison = { edges = 1.0 }\n[model]\nzoo = 'gcn'\nhidden = [8]\n[train]\n\
         optimizer = 'adam'\nlr = 0.02\nepochs = 60\n",
    );
    desk.put("q.jsonl", "{\"request_id\":\"q\",\"kind\":\"edge\",\"poisoned\":true}");
    forget(&desk, "finetune", "epochs = 1\nlr = 1e-7", None, "idle");
    forget(&desk, "retrain", "", Some(98), "again");
    let options = Options { unlearned: 0, retrains: 12, ..FEW };
    let [idle, again] = ["idle", "again"].map(|run| audit(&desk, run, options).expect("an audit"));
    let (left, gone) = (check(&idle, "poisoned edges"), check(&again, "poisoned edges"));
    assert!(failed(&idle).contains(&"poisoned edges") && left.value < gone.value - 0.03, "{left:#?} {gone:#?}");
    assert_eq!(gone.outcome, Outcome::Pass, "{gone:#?}");
}
