//! Scores against numbers worked out by hand, and by scikit-learn 1.9.

use super::*;
use crate::eval::goals::{Goals, losses};

fn of(sort: Sort, logits: &[f32], values: &[f32], classes: usize) -> Outputs {
    let goals = Some(Goals { sort, values: values.to_vec() });
    Outputs { logits: logits.to_vec(), labels: vec![0; logits.len() / classes], classes, goals }
}

fn real(offset: &[f64], scale: &[f64]) -> Sort {
    Sort::Real { offset: offset.to_vec(), scale: scale.to_vec() }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn errors_are_in_the_units_of_the_data() {
    // Two targets; the second is trained on as (t − 10) / 4.
    let outputs =
        of(real(&[0.0, 10.0], &[1.0, 4.0]), &[1.0, 0.5, 2.0, -0.5, 4.0, 0.0], &[0.0, 0.0, 2.0, 0.0, 1.0, 0.5], 2);
    let [a, b] = errors(&outputs)[..] else { panic!("two targets") };
    assert!(near(a.rmse, (10.0f64 / 3.0).sqrt()) && near(a.mae, 4.0 / 3.0), "{a:?}");
    // Targets 0, 2, 1: the squared distance from their mean is 2.
    assert!(near(a.r2.unwrap(), 1.0 - 10.0 / 2.0), "{a:?}");
    assert!(near(b.rmse, 2.0) && near(b.mae, 2.0), "{b:?}");
    let losses = losses(&outputs.logits, outputs.goals.as_ref().unwrap(), 2);
    assert!(near(losses[0], (1.0 + 0.25) / 2.0) && near(losses[2], (9.0 + 0.25) / 2.0), "{losses:?}");
}

#[test]
fn no_spread_has_no_r2_and_classes_have_no_errors() {
    let flat = of(real(&[], &[]), &[1.0, 3.0], &[2.0, 2.0], 1);
    assert_eq!((errors(&flat)[0].r2, errors(&flat)[0].rmse), (None, 1.0));
    let classes = Outputs { logits: vec![1.0, 0.0], labels: vec![0], classes: 2, ..Outputs::default() };
    assert!(errors(&classes).is_empty() && label_scores(&classes).is_empty());
    assert_eq!(super::super::accuracy::accuracy(&flat).unwrap(), None);
}

#[test]
fn label_scores_are_those_of_scikit_learn() {
    // average_precision_score([1, 0, 1, 0, 1], s), roc_auc_score and f1_score of s > 0, with a tie.
    let column = [2.0, 1.0, 1.0, -0.5, -1.0];
    let has = [1.0, 0.0, 1.0, 0.0, 1.0];
    let s = label_scores(&of(Sort::Labels, &column, &has, 1))[0];
    assert!(near(s.average_precision.unwrap(), (1.0 + 2.0 / 3.0 + 3.0 / 5.0) / 3.0), "{s:?}");
    assert!(near(s.auc.unwrap(), 3.5 / 6.0), "{s:?}");
    assert!(near(s.f1.unwrap(), 4.0 / 6.0), "{s:?}");
    let none = label_scores(&of(Sort::Labels, &[-1.0, -2.0], &[0.0, 0.0], 1))[0];
    assert_eq!(none, LabelScores::default());
}

#[test]
fn a_well_known_label_keeps_the_digits_of_its_loss() {
    let outputs = of(Sort::Labels, &[40.0, -40.0, 1e4, -1e4], &[1.0, 0.0, 0.0, 1.0], 2);
    let losses = losses(&outputs.logits, outputs.goals.as_ref().unwrap(), 2);
    assert!((losses[0] / (-40.0f64).exp() - 1.0).abs() < 1e-12 && losses[1] == 1e4, "{losses:?}");
}

#[test]
fn the_same_answer_for_every_record_is_worth_nothing() {
    let targets = [1.0, 2.0, 6.0];
    let worth = |logits: &[f32]| worth(&of(real(&[], &[]), logits, &targets, 1)).unwrap().unwrap();
    assert!(near(worth(&[3.0; 3]), 0.0) && near(worth(&targets), 1.0) && worth(&[9.0; 3]) < 0.0);
    let labels = of(Sort::Labels, &[3f32.ln(); 4], &[1.0, 1.0, 1.0, 0.0], 1);
    assert!(super::worth(&labels).unwrap().unwrap().abs() < 1e-7);
}

#[test]
fn predictions_are_compared_in_units_whatever_they_were_trained_on() {
    let a = of(real(&[10.0], &[2.0]), &[0.0, 1.0], &[0.0, 0.5], 1);
    let b = of(real(&[8.0], &[4.0]), &[0.5, 2.0], &[0.5, 0.75], 1);
    // In units 10, 12 and 10, 16: differences 0 and 4, on a scale of 2.
    assert!(near(distance(&a, &b).unwrap().unwrap(), 2f64.sqrt()));
    let other = of(real(&[8.0], &[4.0]), &[0.5, 2.0], &[0.5, 0.8], 1);
    assert!(distance(&a, &other).is_err());
}
