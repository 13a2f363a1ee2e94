//! Each limit: how it follows from the spread of the retrains, and where it decides nothing.

use super::*;

/// Where a value may not lie.
#[derive(Clone, Copy, PartialEq)]
enum Off {
    Either,
    Above,
    Below,
}

/// What each record check reads of a model, and to which side of the retrains it may not lie.
const CHECKS: [(&str, &str, Off); 5] = [
    ("forget accuracy", "splits.forget.accuracy", Off::Either),
    // Better than a retrain is not worse.
    ("retain accuracy", "splits.retain.accuracy", Off::Below),
    ("test accuracy", "splits.test.accuracy", Off::Below),
    // Two-sided: an attack that works in reverse betrays as much.
    ("membership attack", "membership.auc", Off::Either),
    ("divergence to the retrain", "js.forget", Off::Above),
];

/// A check's outcome with another value of one metric.
fn with(name: &str, key: &str, value: f64) -> Check {
    let mut candidate = good();
    candidate.put(key, Some(value)).unwrap();
    Case::new(candidate).check(name)
}

#[test]
fn each_limit_is_a_multiple_of_the_spread_and_is_undecided_within_its_own_error() {
    for (name, key, off) in CHECKS {
        let (check, two_sided) = (Case::new(good()).check(name), off == Off::Either);
        let (target, limit, se) = (check.target.unwrap(), check.limit.unwrap(), check.se.unwrap());
        // Student's t of 4 degrees of freedom, for one further retrain.
        let sd = retrains().sd.get(key).unwrap();
        let spread = if two_sided { 2.776 } else { 2.132 } * 1.2f64.sqrt() * sd;
        let within = if off == Off::Below { spread.max(0.01) } else { spread };
        assert!((check.multiple.unwrap() - within / sd).abs() < 1e-9 && check.confidence == Some(0.95), "{check:?}");
        let says = match within > spread {
            true => "the margin of utility; the spread of 5 retrains is less",
            false => "× the spread of 5 retrains, 95 % confidence",
        };
        assert!(check.reason.contains(says), "{}", check.reason);
        // A divergence has its limit as a bound.
        let bound = if off == Off::Above { limit } else { target + limit };
        assert!((bound - target - within).abs() < 1e-9, "{name}: {bound} {target} {sd}");
        for (value, want) in [
            (bound - 1.01 * se, Outcome::Pass),
            (bound - 0.5 * se, Outcome::Inconclusive),
            (bound + 0.5 * se, Outcome::Inconclusive),
            (bound + 1.01 * se, Outcome::Fail),
        ] {
            let other = 2.0 * target - value;
            let (value, other) = if off == Off::Below { (other, value) } else { (value, other) };
            let check = with(name, key, value);
            assert_eq!(check.outcome, want, "{name} at {value}: {check:?}");
            assert!(want != Outcome::Inconclusive || check.reason.contains("its own standard error"), "{check:?}");
            match off {
                Off::Either => assert_eq!(with(name, key, other).outcome, want, "{name}, the other side"),
                Off::Below => assert_eq!(with(name, key, other).outcome, Outcome::Pass, "{name}, better"),
                Off::Above => {}
            }
        }
    }
}

#[test]
fn the_spread_of_the_retrains_widens_the_limit_and_their_number_narrows_it() {
    let mut case = Case::new(records(0.94, 0.99, 0.9, 0.5, 0.0045));
    assert_eq!(case.outcome("forget accuracy"), Outcome::Fail);
    case.reference = spread(2.5);
    assert_eq!(case.outcome("forget accuracy"), Outcome::Pass);
    let multiple = |runs: &[Metrics]| {
        let mut case = Case::new(good());
        case.reference = reference(runs, 0.004);
        case.check("forget accuracy").multiple.unwrap()
    };
    let five: Vec<Metrics> = (0..5).map(|_| good()).collect();
    assert!(multiple(&five[..3]) > multiple(&five[..4]) && multiple(&five[..4]) > multiple(&five));
}

/// The divergence and membership of two published rows of the demo, where doing nothing has 0.0204.
#[test]
fn no_row_passes_that_is_farther_from_the_retrain_than_doing_nothing() {
    for (divergence, floor) in [(0.0245, 0.0120), (0.0256, 0.0120), (0.0245, 0.004)] {
        let mut case = Case::new(records(0.90, 0.99, 0.90, 0.50, divergence));
        case.original = records(1.0, 1.0, 0.90, 0.60, 0.0204);
        case.reference.mean.put("js.noise_floor_forget", Some(floor)).unwrap();
        case.another = Some(records(0.905, 0.99, 0.895, 0.51, floor));
        let check = case.check("nearer than doing nothing");
        assert_eq!((check.outcome, case.run().outcome), (Outcome::Fail, Outcome::Fail), "{check:?}");
        assert_eq!(check.limit, Some(0.0204));
        // As far as doing nothing decides nothing, which is no pass.
        case.candidate.put("js.forget", Some(0.0204)).unwrap();
        assert_eq!(case.outcome("nearer than doing nothing"), Outcome::Inconclusive);
        assert_ne!(case.run().outcome, Outcome::Pass);
    }
}

#[test]
fn the_mean_of_a_methods_seeds_has_an_error_of_its_own() {
    let case = Case::new(good());
    let sd = metrics(&[("splits.test.accuracy", 0.03)]);
    let judged = |candidate_sd, candidate_runs| {
        let evidence = Evidence {
            scope: case.scope,
            original: &case.original,
            reference: &case.reference,
            another: case.another.as_ref(),
            candidate: &case.candidate,
            candidate_sd,
            candidate_runs,
            unlink: None,
            cost: Cost::default(),
        };
        verdict(&evidence).checks.into_iter().find(|check| check.name == "test accuracy").unwrap()
    };
    assert_eq!(judged(None, 1).outcome, Outcome::Pass);
    let three = judged(Some(&sd), 3);
    assert_eq!(three.outcome, Outcome::Inconclusive, "{three:?}");
    assert!((three.se.unwrap() - (0.00632456f64.powi(2) / 5.0 + 0.03f64.powi(2) / 3.0).sqrt()).abs() < 1e-6);
}

#[test]
fn an_attack_is_undecided_within_its_own_standard_error() {
    let mut candidate = good();
    candidate.put("membership.se", Some(0.03)).unwrap();
    let check = Case::new(candidate).check("membership attack");
    assert_eq!((check.outcome, check.se), (Outcome::Inconclusive, Some(0.03)), "{check:?}");
}

#[test]
fn unchanged_and_destroyed_overrule_whatever_was_measured() {
    for outcome in [Outcome::Unchanged, Outcome::Destroyed] {
        let got = Case::new(good()).run().overruled(outcome, "the reason");
        assert_eq!((got.outcome, got.grade.as_ref(), got.fast), (outcome, None, None));
        assert!(got.summary.contains("the reason") && got.outcome.error("x").unwrap().exit_code() == 4);
    }
    assert!(Outcome::Pass.error("x").is_none());
    assert_eq!(Outcome::Inconclusive.error("x").unwrap().exit_code(), 3);
    assert_eq!(Outcome::Fail.error("x").unwrap().exit_code(), 4);
}

#[test]
fn a_limit_that_is_wider_than_five_points_shows_no_utility() {
    let mut case = Case::new(good());
    case.reference = spread(4.0);
    let check = case.check("test accuracy");
    assert!(check.limit.unwrap() > 0.05 && check.reason.contains("more retrains narrow it"), "{check:?}");
    assert_eq!((check.outcome, case.run().outcome), (Outcome::Inconclusive, Outcome::Inconclusive));
}

#[test]
fn no_name_of_a_check_has_a_comma() {
    for scope in [RequestScope::Records, RequestScope::Classes, RequestScope::Graph] {
        let case = Case { scope, ..Case::new(good()) };
        assert!(case.run().checks.iter().all(|check| !check.name.contains(',')), "{:?}", case.run().checks);
    }
}
