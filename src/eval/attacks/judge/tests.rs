use super::*;

/// Retrains at 0.50 ± 0.01.
fn probe(run: f64, original: f64) -> Probe {
    Probe {
        name: "an attack",
        what: "AUC",
        aspect: Aspect::Forgetting,
        side: Side::Either,
        run,
        original: Some(original),
        retrains: vec![0.49, 0.50, 0.51, 0.50, 0.49, 0.51, 0.50, 0.515, 0.485],
        held_out: vec![0.505],
        finest: 0.0,
    }
}

fn outcome(probe: Probe) -> Outcome {
    judge(&[probe], 0.01).outcome
}

#[test]
fn a_retrain_passes_the_original_fails_and_so_does_what_is_off_to_the_other_side() {
    let found = [0.505, 0.75, 0.6, 0.4].map(|run| outcome(probe(run, 0.75)));
    assert_eq!(found, [Outcome::Pass, Outcome::Fail, Outcome::Fail, Outcome::Fail]);
    let one_sided = |side, run| outcome(Probe { side, ..probe(run, 0.75) });
    assert_eq!([one_sided(Side::Above, 0.3), one_sided(Side::Above, 0.6)], [Outcome::Pass, Outcome::Fail]);
    let useful = |run| {
        let test = Probe { aspect: Aspect::Utility, side: Side::Below, ..probe(run, 0.5) };
        judge(&[probe(0.5, 0.75), test], 0.01).outcome
    };
    assert_eq!([useful(0.6), useful(0.4)], [Outcome::Pass, Outcome::Fail]);
}

#[test]
fn without_power_references_or_a_control_nothing_is_decided() {
    assert_eq!(outcome(probe(0.505, 0.51)), Outcome::Inconclusive);
    assert_eq!(outcome(Probe { original: None, ..probe(0.505, 0.75) }), Outcome::Inconclusive);
    assert_eq!(outcome(Probe { held_out: vec![], ..probe(0.505, 0.75) }), Outcome::Inconclusive);
    assert_eq!(outcome(Probe { held_out: vec![0.7], ..probe(0.75, 0.75) }), Outcome::Inconclusive);
    assert_eq!(outcome(Probe { retrains: vec![0.5, 0.51], ..probe(0.75, 0.75) }), Outcome::Inconclusive);
    assert_eq!(judge(&[], 0.01).outcome, Outcome::Inconclusive);
}

#[test]
fn power_is_said_in_words_and_many_checks_are_corrected_for() {
    let alone = judge(&[probe(0.545, 0.75)], 0.01);
    assert_eq!(alone.outcome, Outcome::Fail, "{alone:#?}");
    assert!(alone.checks[0].power.contains("cannot be told from a retrain's 0.500"), "{alone:#?}");
    let mut many = vec![probe(0.5, 0.75); 12];
    many.push(probe(0.545, 0.75));
    let found = judge(&many, 0.01);
    assert!(found.checks[12].p < 0.01 && found.outcome == Outcome::Pass, "{:#?}", found.checks[12]);
}

#[test]
fn retrains_are_judged_by_the_others_and_one_that_is_none_is_found() {
    assert_eq!(calibration(&[probe(0.5, 0.75)], 0.01), [10, 10]);
    let mut odd = probe(0.5, 0.75);
    odd.retrains[3] = 0.8;
    assert_eq!(calibration(&[odd], 0.01), [9, 10]);
}
