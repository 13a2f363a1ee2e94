//! The judge of every kernel: what must not pass does not.

use unlearn::engine::case::{Case, GUARD, OnNan, POISON};
use unlearn::engine::{Data, Lane, Target};
use unlearn::harness::compare::{floats, odd_floats, same_bits, words};
use unlearn::harness::trial::{Outcome, judge};

fn bad(got: &[f32], want: &[f64]) -> usize {
    floats(got, want, 1e-5, 1e-6).expect("equal lengths").bad
}

#[test]
fn equal_and_nearly_equal_pass() {
    assert_eq!(bad(&[1.0, -2.0, 0.0, f32::INFINITY], &[1.0, -2.0, 0.0, f64::INFINITY]), 0);
    assert_eq!(bad(&[1.000_005, 5e-7], &[1.0, 0.0]), 0);
    assert_eq!(bad(&[], &[]), 0);
}

#[test]
fn nan_poison_and_wrong_infinities_fail() {
    assert_eq!(bad(&[f32::NAN], &[1.0]), 1);
    assert_eq!(bad(&[1.0], &[f64::NAN]), 1);
    assert_eq!(bad(&[f32::NAN], &[f64::NAN]), 1, "an expected NaN is a case that says nothing");
    assert_eq!(bad(&[f32::from_bits(POISON); 3], &[0.0; 3]), 3);
    assert_eq!(bad(&[f32::INFINITY], &[f64::NEG_INFINITY]), 1);
    assert_eq!(bad(&[f32::INFINITY], &[1.0]), 1);
    assert_eq!(bad(&[f32::MAX], &[f64::INFINITY]), 1);
}

#[test]
fn in_an_odd_case_a_nan_is_right_where_one_is_expected_and_the_poison_never_is() {
    let judged =
        |got: f32, want: f64, on_nan| odd_floats(&[got], &[want], 1e-5, 1e-6, on_nan).expect("equal lengths").bad;
    let bad = |got, want| judged(got, want, OnNan::Same);
    let payload = f32::from_bits(0xffc0_1234);
    assert_eq!([bad(f32::NAN, f64::NAN), bad(payload, f64::NAN), bad(1.0, 1.0)], [0, 0, 0]);
    assert_eq!([bad(f32::from_bits(POISON), f64::NAN), bad(1.0, f64::NAN), bad(f32::NAN, 1.0)], [1, 1, 1]);
    assert_eq!([bad(f32::INFINITY, f64::NAN), bad(f32::NAN, f64::INFINITY)], [1, 1]);
    let bad = |got, want| judged(got, want, OnNan::Anything);
    assert_eq!([bad(f32::NAN, f64::NAN), bad(0.0, f64::NAN), bad(f32::from_bits(POISON), f64::NAN)], [0, 0, 1]);
    assert_eq!([bad(f32::NAN, 1.0), bad(0.0, 1.0), bad(1.0, 1.0)], [1, 1, 0]);
}

#[test]
fn swapped_scaled_and_shifted_results_fail() {
    let want: Vec<f64> = (0..9).map(|i| f64::from(i) * 0.5 - 2.0).collect();
    let got: Vec<f32> = want.iter().map(|w| *w as f32).collect();
    let mut swapped = got.clone();
    swapped.swap(1, 7);
    assert_eq!(bad(&swapped, &want), 2);
    assert!(bad(&got.iter().map(|g| g * 1.001).collect::<Vec<_>>(), &want) > 0);
    assert!(bad(&got.iter().map(|g| g + 1e-3).collect::<Vec<_>>(), &want) == 9);
}

#[test]
fn short_and_long_slices_are_errors() {
    assert!(floats(&[1.0], &[1.0, 2.0], 1.0, 1.0).is_err());
    assert!(floats(&[1.0, 2.0], &[1.0], 1.0, 1.0).is_err());
    assert!(words(&[1], &[1, 2]).is_err());
    assert!(words(&[], &[2]).is_err());
}

#[test]
fn distances_are_what_they_say() {
    let d = floats(&[1.5, 2.0], &[1.0, 2.0], 1e-3, 1e-3).expect("equal lengths");
    assert_eq!((d.bad, d.first_bad, d.got, d.want, d.max_abs), (1, Some(0), 1.5, 1.0, 0.5));
    assert!((d.nmse - 0.25 / 5.0).abs() < 1e-12);
    let one_ulp = f32::from_bits(1.0f32.to_bits() + 1);
    let d = floats(&[one_ulp], &[1.0], 1.0, 1.0).expect("equal lengths");
    assert_eq!(d.max_ulp, 1.0);
    let d = floats(&[0.0], &[1e-38], 1.0, 1.0).expect("equal lengths");
    assert!(d.max_ulp < 1.0, "a subnormal number that was taken for 0: {d:?}");
    // A sum that cancels is measured against the size of the others.
    let d = floats(&[1e-7, 1.0], &[0.0, 1.0], 1.0, 1.0).expect("equal lengths");
    assert!(d.max_ulp < 2.0 && d.max_rel < 1e-6, "{d:?}");
}

#[test]
fn integers_must_be_equal_and_bits_are_bits() {
    assert_eq!(words(&[1, 2, 3], &[1, 5, 4]).expect("equal lengths").bad, 2);
    assert!(!same_bits(&Data::F32(vec![0.0]), &Data::F32(vec![-0.0])));
    assert!(same_bits(&Data::F32(vec![f32::NAN]), &Data::F32(vec![f32::NAN])));
    assert!(!same_bits(&Data::F32(vec![1.0]), &Data::F32(vec![1.0, 2.0])));
}

/// x and y of three elements as an engine returns them, guard zones included.
fn returned(x: [f32; 3], y: [f32; 3]) -> Vec<Data> {
    let around = |v: [f32; 3]| {
        let mut all = vec![f32::from_bits(POISON); GUARD + 4 + GUARD];
        all[GUARD..GUARD + 3].copy_from_slice(&v);
        Data::F32(all)
    };
    vec![around(x), around(y)]
}

fn verdict(got: &[Data]) -> Outcome {
    let mut case = Case::new("test", Target::default());
    case.input("x", vec![1.0, 2.0, 3.0]);
    case.output::<f32>("y", 3);
    judge(&case, got, &[Lane::F32(vec![1.0, 2.0, 3.0]), Lane::F32(vec![2.0, 4.0, 6.0])])
}

#[test]
fn a_trial_fails_on_unwritten_outputs_changed_inputs_and_touched_guards() {
    let good = returned([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]);
    assert!(matches!(verdict(&good), Outcome::Pass(_)));
    let fails = |got: &[Data], with: &str| match verdict(got) {
        Outcome::Fail(found) => assert!(found.what.contains(with), "{found}"),
        other => panic!("{with}: {other:?}"),
    };
    fails(&returned([1.0, 2.0, 3.0], [2.0, f32::from_bits(POISON), 6.0]), "`y`[1]");
    fails(&returned([1.0, 2.5, 3.0], [2.0, 4.0, 6.0]), "an input was changed at element 1");
    fails(&returned([1.0, f32::NAN, 3.0], [2.0, 4.0, 6.0]), "an input was changed at element 1");
    for at in [0, GUARD - 1, GUARD + 4, GUARD + 4 + GUARD - 1] {
        let mut touched = good.clone();
        let Data::F32(y) = &mut touched[1] else { panic!("y holds f32") };
        y[at] = 0.0;
        fails(&touched, "guard zone");
    }
    fails(&[good[0].clone(), Data::U32(vec![POISON; GUARD + 4 + GUARD])], "mixed");
}
