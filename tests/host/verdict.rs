//! The verdict: thresholds, the two controls, and what is left undecided.

mod limits;

use unlearn::eval::{
    Aspect, Check, Cost, Evidence, Metrics, Outcome, Reference, RequestScope, Verdict, of_control, verdict,
};

fn metrics(pairs: &[(&str, f64)]) -> Metrics {
    let mut metrics = Metrics::default();
    for &(key, value) in pairs {
        metrics.put(key, Some(value)).unwrap();
    }
    metrics
}

/// A model of a record request: forget, retain and test accuracy, membership AUC, divergence.
fn records(forget: f64, retain: f64, test: f64, auc: f64, js: f64) -> Metrics {
    metrics(&[
        ("splits.forget.accuracy", forget),
        ("splits.retain.accuracy", retain),
        ("splits.test.accuracy", test),
        ("membership.auc", auc),
        ("js.forget", js),
        ("gaps.average", 0.02),
    ])
}

fn reference(models: &[Metrics], floor: f64) -> Reference {
    let mut reference = Reference::over(models);
    reference.mean.put("js.noise_floor_forget", Some(floor)).unwrap();
    reference
}

/// Five retrains around 90 % on forget, 99 on retain, 90 on test, AUC ½ and a divergence of 0.004 from each other, with
/// standard deviations of 0.79, 0.16, 0.63 points, 0.0095 and 0.00047.
fn retrains() -> Reference {
    spread(1.0)
}

fn spread(times: f64) -> Reference {
    let at = |k: f64| {
        let k = k * times;
        records(0.90 + 0.005 * k, 0.99 + 0.001 * k, 0.90 + 0.004 * k, 0.50 + 0.006 * k, 0.004 + 0.0003 * k)
    };
    reference(&[-2.0, -1.0, 0.0, 1.0, 2.0].map(at), 0.004)
}

struct Case {
    scope: RequestScope,
    original: Metrics,
    reference: Reference,
    another: Option<Metrics>,
    candidate: Metrics,
}

impl Case {
    fn new(candidate: Metrics) -> Case {
        Case {
            scope: RequestScope::Records,
            original: records(1.0, 1.0, 0.90, 0.60, 0.016),
            reference: retrains(),
            another: Some(records(0.905, 0.99, 0.895, 0.51, 0.0045)),
            candidate,
        }
    }

    fn run(&self) -> Verdict {
        verdict(&Evidence {
            scope: self.scope,
            original: &self.original,
            reference: &self.reference,
            another: self.another.as_ref(),
            candidate: &self.candidate,
            candidate_sd: None,
            candidate_runs: 1,
            unlink: None,
            cost: Cost::default(),
        })
    }

    fn check(&self, name: &str) -> Check {
        self.run().checks.into_iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}"))
    }

    fn outcome(&self, name: &str) -> Outcome {
        self.check(name).outcome
    }
}

fn owned((key, value): (&str, f64)) -> (String, f64) {
    (key.to_owned(), value)
}

fn good() -> Metrics {
    records(0.91, 0.988, 0.897, 0.51, 0.0045)
}

#[test]
fn a_method_as_good_as_a_retrain_passes_and_every_check_gives_its_reason() {
    let got = Case::new(good()).run();
    assert_eq!(got.outcome, Outcome::Pass, "{got:#?}");
    assert!(got.checks.iter().all(|check| check.outcome == Outcome::Pass && check.reason.ends_with('.')), "{got:#?}");
    assert!(
        got.summary.contains("original fails 3 of 3") && got.summary.contains("passes 6 of the 6"),
        "{}",
        got.summary
    );
    assert_eq!(got.grade.as_deref(), Some("good"));
}

#[test]
fn doing_nothing_fails_and_a_held_out_retrain_passes() {
    let mut case = Case::new(good());
    case.candidate = case.original.clone();
    assert_eq!((case.run().outcome, case.run().grade), (Outcome::Fail, None));
    case.candidate = case.another.clone().unwrap();
    assert_eq!(case.run().outcome, Outcome::Pass);
}

/// The held-out retrain has a verdict by the limits that decide whether it controls a check: where it is why a method
/// is undecided, it fails.
#[test]
fn a_control_is_judged_by_the_limits_of_a_control() {
    let judged = |another: Metrics| {
        let case = Case { another: Some(another.clone()), ..Case::new(good()) };
        let evidence = Evidence {
            scope: case.scope,
            original: &case.original,
            reference: &case.reference,
            another: Some(&another),
            candidate: &another,
            candidate_sd: None,
            candidate_runs: 1,
            unlink: None,
            cost: Cost::default(),
        };
        (of_control(&evidence).outcome, verdict(&evidence).outcome, case.run().outcome)
    };
    assert_eq!(judged(records(0.905, 0.99, 0.895, 0.51, 0.0045)), (Outcome::Pass, Outcome::Pass, Outcome::Pass));
    // Between the limits of 95 and 99 %: 3.04 and 5.04 times a spread of 0.0079.
    assert_eq!(judged(records(0.93, 0.99, 0.895, 0.51, 0.0045)).0, Outcome::Pass);
    let (control, method, candidate) = judged(records(0.95, 0.99, 0.895, 0.51, 0.0045));
    assert_eq!((control, method, candidate), (Outcome::Fail, Outcome::Inconclusive, Outcome::Inconclusive));
}

#[test]
fn a_setting_where_retrains_differ_as_much_as_doing_nothing_is_called_non_discriminating() {
    let mut case = Case::new(good());
    case.original = records(1.0, 1.0, 0.90, 0.60, 0.0079);
    let check = case.check("divergence to the retrain");
    assert_eq!(check.outcome, Outcome::Inconclusive);
    assert!(check.reason.starts_with("Non-discriminating setting"), "{}", check.reason);
    case.original = records(1.0, 1.0, 0.90, 0.60, 0.0080);
    assert_ne!(case.outcome("divergence to the retrain"), Outcome::Inconclusive);
}

#[test]
fn a_check_that_the_original_passes_shows_no_forgetting_but_still_catches_damage() {
    let mut case = Case::new(good());
    case.original = records(0.91, 1.0, 0.90, 0.51, 0.007);
    let got = case.run();
    assert_eq!(got.outcome, Outcome::Inconclusive, "{got:#?}");
    assert!(got.checks.iter().filter(|c| c.aspect == Aspect::Forgetting).all(|c| c.outcome == Outcome::Inconclusive));
    assert!(case.check("membership attack").reason.contains("original model passes"), "{got:#?}");
    case.candidate = records(0.91, 0.988, 0.897, 0.37, 0.0045);
    assert_eq!(case.outcome("membership attack"), Outcome::Fail);
}

#[test]
fn a_check_that_a_held_out_retrain_fails_decides_nothing() {
    let mut case = Case::new(good());
    case.another = Some(records(0.905, 0.99, 0.895, 0.56, 0.0045));
    let check = case.check("membership attack");
    assert_eq!(check.outcome, Outcome::Inconclusive);
    assert!(check.reason.contains("held-out retrain fails"), "{}", check.reason);
    assert_eq!(case.run().outcome, Outcome::Inconclusive);
}

#[test]
fn missing_controls_or_references_are_inconclusive_never_a_pass() {
    let mut case = Case::new(good());
    case.another = None;
    assert_eq!(case.run().outcome, Outcome::Inconclusive);
    let mut case = Case::new(good());
    case.reference =
        reference(&[records(0.90, 0.99, 0.90, 0.50, 0.004), records(0.91, 0.99, 0.90, 0.50, 0.004)], 0.004);
    assert_eq!(case.run().outcome, Outcome::Inconclusive);
    assert!(case.check("test accuracy").reason.contains("fewer than three retrains"));
    // Forgetting was shown, but what it cost is not known.
    let unknown_utility: Vec<_> = good().iter().filter(|(key, _)| !key.contains("retain")).map(owned).collect();
    let case = Case::new(metrics(&unknown_utility.iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>()));
    assert_eq!(case.run().outcome, Outcome::Inconclusive);
    assert!(case.outcome("forget accuracy") == Outcome::Pass && case.outcome("test accuracy") == Outcome::Pass);
    let mut case = Case::new(good());
    case.original = Metrics::default();
    assert_eq!(case.run().outcome, Outcome::Inconclusive);
    let mut case = Case::new(Metrics::default());
    assert_eq!(case.run().outcome, Outcome::Inconclusive);
    assert!(case.check("test accuracy").reason.contains("`splits.test.accuracy` was not measured"));
    // One check of forgetting that could not be measured does not hide the others.
    let unknown: Vec<_> = good().iter().filter(|(key, _)| !key.contains("membership")).map(owned).collect();
    case.candidate = metrics(&unknown.iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>());
    assert_eq!(case.run().outcome, Outcome::Pass, "{:#?}", case.run());
}

#[test]
fn a_broken_model_fails_on_utility_even_if_it_forgot() {
    let got = Case::new(records(0.9, 0.13, 0.12, 0.5, 0.0045)).run();
    assert_eq!(got.outcome, Outcome::Fail);
    assert!(got.summary.starts_with("Fails: retain accuracy, test accuracy."), "{}", got.summary);
}

fn class(forget: f64, forgotten_test: f64, retained_test: f64, auc: f64, js: f64) -> Metrics {
    metrics(&[
        ("splits.forget.accuracy", forget),
        ("class_request.forgotten_test_accuracy", forgotten_test),
        ("class_request.retained_test_accuracy", retained_test),
        ("membership.auc", 0.0),
        ("membership_same_class.auc", auc),
        ("js.forget", js),
        ("gaps.average", 0.0),
    ])
}

/// A retrain of a class request; none knows anything of the class.
fn class_retrain(k: f64) -> Metrics {
    class(0.0, 0.0, 0.98 + 0.005 * k, 0.5 + 0.02 * k, 0.04 + 0.006 * k)
}

#[test]
fn class_requests_target_zero_on_both_train_and_test_and_only_losses_of_utility_count() {
    let mut case = Case {
        scope: RequestScope::Classes,
        original: class(1.0, 0.98, 0.98, 0.6, 0.68),
        reference: reference(&[-1.0, -0.5, 0.0, 0.5, 1.0].map(class_retrain), 0.04),
        another: Some(class(0.0, 0.0, 0.982, 0.51, 0.045)),
        candidate: class(0.001, 0.0, 0.995, 0.49, 0.045),
    };
    let got = case.run();
    assert_eq!(got.outcome, Outcome::Pass, "{got:#?}");
    assert_eq!(got.grade, None);
    assert!(got.not_measured.iter().any(|name| name.contains("linear probe")));
    // The same-class attack is the one that is read: the general one is 0 everywhere.
    assert!(case.check("membership attack").reason.contains("0.490"));

    for (candidate, name) in [
        (class(0.011, 0.0, 0.98, 0.49, 0.045), "forgotten class on training records"),
        (class(0.0, 0.2, 0.98, 0.49, 0.045), "forgotten class on test records"),
        (class(0.0, 0.0, 0.96, 0.49, 0.045), "retained classes on test records"),
        (class(0.0, 0.0, 0.98, 0.6, 0.045), "membership attack"),
        (class(0.0, 0.0, 0.98, 0.49, 0.37), "divergence to the retrain"),
    ] {
        case.candidate = candidate;
        let got = case.run();
        let failed: Vec<_> =
            got.checks.iter().filter(|c| c.outcome == Outcome::Fail).map(|c| c.name.as_str()).collect();
        assert_eq!((got.outcome, failed.as_slice()), (Outcome::Fail, [name].as_slice()));
    }
}

#[test]
fn fast_counts_the_precomputation_and_is_absent_without_times() {
    let case = Case::new(good());
    let fast = |method_s, precompute_s, retrain_s| {
        let cost = Cost { method_s, precompute_s, retrain_s };
        verdict(&Evidence {
            unlink: None,
            scope: case.scope,
            original: &case.original,
            reference: &case.reference,
            another: case.another.as_ref(),
            candidate: &case.candidate,
            candidate_sd: None,
            candidate_runs: 1,
            cost,
        })
        .fast
    };
    assert_eq!(fast(Some(1.0), None, Some(10.0)), Some(true));
    assert_eq!(fast(Some(1.0), Some(1.0), Some(10.0)), Some(false));
    assert_eq!(fast(Some(1.0), None, None), None);
    assert_eq!(fast(None, Some(1.0), Some(10.0)), None);
}

#[test]
fn a_verdict_reads_back_from_json() {
    let got = Case::new(good()).run();
    let text = serde_json::to_string(&got).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), got);
    assert!(text.contains(r#""outcome":"pass""#) && !text.contains("null"), "{text}");
}
