//! The registry of metrics on whole models: keys, absences, references.

use unlearn::eval::LinkFacts;
use unlearn::eval::{
    Evaluation, Goals, GraphFacts, METRICS, Memory, Metrics, Outputs, Recital, Secret, Sort, SplitName, Subject,
    measure, measure_references, membership_roc,
};

/// Two-class outputs from (probability of class 1, label).
fn outputs(records: &[(f32, u32)]) -> Outputs {
    Outputs {
        logits: records.iter().flat_map(|&(p, _)| [(1.0 - p).ln(), p.ln()]).collect(),
        labels: records.iter().map(|&(_, label)| label).collect(),
        classes: 2,
        goals: None,
    }
}

fn model(forget: f32, retain: f32, test: f32) -> Evaluation {
    let mut evaluation = Evaluation::new();
    let of = |p: f32| outputs(&[(p, 1), (1.0 - p, 0), (p, 1)]);
    for (split, p) in [(SplitName::Forget, forget), (SplitName::Retain, retain), (SplitName::Test, test)] {
        evaluation.insert(split, of(p)).unwrap();
    }
    evaluation.insert(SplitName::Train, of(retain)).unwrap();
    evaluation.insert(SplitName::Validation, of(test)).unwrap();
    evaluation
}

fn matches(pattern: &str, key: &str) -> bool {
    let (pattern, key): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), key.split('.').collect());
    pattern.len() == key.len() && pattern.iter().zip(&key).all(|(p, k)| p == k || *p == "*")
}

fn full(now: &Evaluation) -> Metrics {
    let references = [model(0.7, 0.9, 0.8), model(0.75, 0.9, 0.85)];
    let mut marked = now.clone();
    marked.set_links(LinkFacts { deleted: vec![0.9], never: vec![0.1] });
    let now = &marked;
    measure(&Subject { now, references: &references.iter().collect::<Vec<_>>(), forgotten_classes: &[1] }).unwrap()
}

/// The same answers to records that have two targets in place of a class.
fn aimed(model: &Evaluation, sort: &Sort) -> Evaluation {
    let mut aimed = Evaluation::new();
    for split in [SplitName::Forget, SplitName::Retain, SplitName::Test, SplitName::Train, SplitName::Validation] {
        let Some(outputs) = model.get(split) else { continue };
        let values = (0..outputs.logits.len()).map(|at| [0.0, 1.0, 1.0, 0.0, 1.0, 1.0][at % 6]).collect();
        let goals = Some(Goals { sort: sort.clone(), values });
        aimed.insert(split, Outputs { goals, ..outputs.clone() }).unwrap();
    }
    aimed
}

/// All metrics of records with targets.
fn of_targets(sort: &Sort) -> Metrics {
    let [mut now, mut a, b] = [0.9, 0.7, 0.75].map(|p| aimed(&model(p, 0.9, 0.8), sort));
    if matches!(sort, Sort::Tokens { .. }) {
        let truth: Vec<u32> = (0..12).collect();
        let recital = Recital { written: vec![(0, truth.clone())], truth };
        let secret = |forgotten| Secret { forgotten, rank: 2.0, of: 64.0, ..Secret::default() };
        now.set_memory(Memory {
            recitals: vec![("forget", vec![recital])],
            secrets: vec![secret(true), secret(false)],
            deflated: vec![("forget", vec![9.0; 3]), ("test", vec![8.0; 3])],
            truths: vec![("forget", vec![0.5, 2.0])],
        });
        a.set_memory(Memory { truths: vec![("forget", vec![1.5, 3.0])], ..Memory::default() });
    }
    measure(&Subject { now: &now, references: &[&a, &b], forgotten_classes: &[] }).unwrap()
}

#[test]
fn every_metric_writes_its_keys_and_no_others() {
    let mut now = model(0.9, 0.9, 0.8);
    let test_hops = vec![1; now.get(SplitName::Test).map_or(0, |test| test.len())];
    let (deleted_edges, never_edges) = (vec![0.9, 0.5], vec![0.1, 0.6]);
    now.set_graph(GraphFacts { test_hops, deleted_edges, never_edges, planted: Some(1) });
    let numbers = Sort::Real { offset: vec![], scale: vec![] };
    let tokens = of_targets(&Sort::Tokens { common: 0.1 });
    let all = [full(&now), of_targets(&numbers), of_targets(&Sort::Labels)];
    assert!(all[1..].iter().all(|metrics| metrics.iter().all(|(key, _)| !key.ends_with("accuracy"))), "{all:?}");
    let mut metrics = Metrics::default();
    for (key, value) in all.iter().chain([&tokens]).flat_map(Metrics::iter) {
        metrics.put(key, Some(value)).unwrap();
    }
    for metric in METRICS {
        for pattern in metric.keys {
            // Three test records cannot resolve a false-positive rate of 1 %.
            let absent = pattern.ends_with("tpr_at_1_fpr");
            assert_eq!(metrics.iter().any(|(key, _)| matches(pattern, key)), !absent, "{}: {pattern}", metric.name);
        }
    }
    for (key, value) in metrics.iter() {
        assert!(METRICS.iter().any(|metric| metric.keys.iter().any(|p| matches(p, key))), "no row owns {key}");
        assert!(value.is_finite(), "{key}");
    }
}

#[test]
fn every_row_states_summary_range_and_citation_and_names_are_unique() {
    for (i, metric) in METRICS.iter().enumerate() {
        for text in [metric.name, metric.summary, metric.range, metric.citation, metric.target.as_str()] {
            assert!(!text.is_empty(), "{}", metric.name);
        }
        assert!(!metric.keys.is_empty(), "{}", metric.name);
        assert!(METRICS[..i].iter().all(|other| other.name != metric.name), "{}", metric.name);
    }
}

#[test]
fn what_a_row_needs_makes_it_absent() {
    let whole = model(0.9, 0.9, 0.8);
    let references = [model(0.7, 0.9, 0.8), model(0.75, 0.9, 0.85)];
    let references: Vec<&Evaluation> = references.iter().collect();
    for metric in METRICS {
        for &split in metric.needs {
            let mut without = whole.clone();
            without.insert(split, Outputs { classes: 2, ..Outputs::default() }).unwrap();
            let mut got = Metrics::default();
            let subject = Subject { now: &without, references: &references, forgotten_classes: &[1] };
            (metric.measure)(&subject, &mut got).unwrap();
            let complete =
                metric.keys.iter().all(|p| p.ends_with("tpr_at_1_fpr") || got.iter().any(|(k, _)| matches(p, k)));
            assert!(!complete, "{} does not need {split}", metric.name);
        }
        if metric.needs_references > 0 {
            let mut got = Metrics::default();
            let subject = Subject {
                now: &whole,
                references: &references[..metric.needs_references - 1],
                forgotten_classes: &[1],
            };
            (metric.measure)(&subject, &mut got).unwrap();
            assert!(got.is_empty(), "{} was measured with too few references: {got:?}", metric.name);
        }
    }
}

#[test]
fn values_are_the_hand_worked_ones() {
    let metrics = full(&model(0.9, 0.9, 0.2));
    let close = |key: &str, want: f64| {
        let got = metrics.get(key).unwrap_or_else(|| panic!("{key} is absent"));
        assert!((got - want).abs() < 1e-6, "{key}: {got} is not {want}");
    };
    close("splits.forget.accuracy", 1.0);
    close("splits.forget.loss", -(0.9f64).ln());
    close("splits.forget.count", 3.0);
    // Probability 0.2 for the true class: all test records wrong, both classes.
    close("splits.test.accuracy", 0.0);
    close("class_request.forgotten_test_accuracy", 0.0);
    close("class_request.retained_test_accuracy", 0.0);
    close("membership.auc", 1.0);
    close("gaps.test_accuracy", 1.0);
    close("gaps.forget_accuracy", 0.0);
    close("gaps.tug_of_war", 0.0);
    close("disagreement.test", 1.0);
    close("activation_l1.forget", (2.0 * 0.2 + 2.0 * 0.15) / 2.0);
}

#[test]
fn without_classes_there_is_no_class_row_and_without_references_no_distance() {
    let now = model(0.9, 0.9, 0.8);
    let metrics = measure(&Subject { now: &now, references: &[], forgotten_classes: &[] }).unwrap();
    for (key, _) in metrics.iter() {
        assert!(key.starts_with("splits.") || key.starts_with("membership."), "{key} should be absent");
    }
    assert!(metrics.get("membership.auc").is_some());
}

#[test]
fn retrains_are_measured_against_each_other() {
    let retrains = [model(0.7, 0.9, 0.8), model(0.8, 0.9, 0.8), model(0.75, 0.9, 0.8)];
    let retrains: Vec<&Evaluation> = retrains.iter().collect();
    let reference = measure_references(&retrains, &[]).unwrap();
    assert_eq!(reference.runs, 3);
    let (js, floor) = (reference.mean.get("js.forget").unwrap(), reference.mean.get("js.noise_floor_forget").unwrap());
    assert!(
        floor > 0.0 && (js - floor).abs() < 1e-12,
        "mean leave-one-out distance {js} is the pairwise floor {floor}"
    );
    assert!(reference.sd.get("splits.forget.loss").unwrap() > 0.0);
    assert_eq!(reference.sd.get("js.noise_floor_forget"), None);

    let two = measure_references(&retrains[..2], &[]).unwrap();
    assert!(two.mean.get("js.noise_floor_forget").is_some());
    let one = measure_references(&retrains[..1], &[]).unwrap();
    assert!(one.mean.get("js.forget").is_none() && one.mean.get("js.noise_floor_forget").is_none());
}

#[test]
fn a_reference_read_on_other_records_is_refused() {
    let (now, mut other) = (model(0.9, 0.9, 0.8), model(0.7, 0.9, 0.8));
    other.insert(SplitName::Test, outputs(&[(0.5, 1)])).unwrap();
    let error = measure(&Subject { now: &now, references: &[&other], forgotten_classes: &[] }).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("same records"), "{error}");
}

#[test]
fn the_curve_of_a_class_request_is_the_attack_on_its_own_class() {
    let of = |classes: &[u32]| {
        let mut evaluation = Evaluation::new();
        let outputs = |z: &[f32], labels: &[u32]| Outputs {
            logits: z.iter().flat_map(|&z| [0.0, z]).collect(),
            labels: labels.to_vec(),
            classes: 2,
            goals: None,
        };
        evaluation.insert(SplitName::Forget, outputs(&[1.0, 2.0], &[1, 1])).unwrap();
        evaluation.insert(SplitName::Test, outputs(&[3.0, 9.0], &[1, 0])).unwrap();
        membership_roc(&evaluation, classes).unwrap()
    };
    // The held-out record of class 1 has the lowest loss, that of class 0 the highest.
    assert_eq!(of(&[1]), [[0.0, 0.0], [1.0, 0.0], [1.0, 0.5], [1.0, 1.0]]);
    assert_eq!(of(&[]), [[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [0.5, 1.0], [1.0, 1.0]]);
    assert_eq!(membership_roc(&Evaluation::new(), &[]).unwrap(), Vec::<[f64; 2]>::new());
}
