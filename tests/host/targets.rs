//! Records with numbers to predict, or several labels: data, objectives, runs that forget, and what is refused.

mod parity;
mod runs;

use std::fs;
use std::path::Path;

use super::data_bad::refused;
use super::data_files::{folder, try_load};
use unlearn::data::{ArrayColumn, Dataset, FitOn, Origins, Portion, TargetKind, load_with, npz};

const TABLE: &str = "id,a,b,height,weight\nr0,1,2,1.5,100\nr1,2,1,2.5,300\nr2,3,5,0.5,200\nr3,4,4,-1.5,400\n";
const REAL: &str = "loader = 'csv'\npath = 't.csv'\nid = 'id'\ntargets = 'real'\ntest_fraction = 0\n";

fn csv(text: &str, table: &str) -> unlearn::Result<Dataset> {
    let dir = folder();
    fs::write(dir.path().join("t.csv"), table).unwrap();
    try_load(text, dir.path())
}

fn refused_csv(keys: &str, table: &str, words: &[&str]) {
    let dir = folder();
    fs::write(dir.path().join("t.csv"), table).unwrap();
    refused(&format!("loader = 'csv'\npath = 't.csv'\n{keys}"), dir.path(), words);
}

#[test]
fn columns_of_numbers_are_targets_in_their_order_and_no_features() {
    let data = csv(&format!("{REAL}label = ['weight', 'height']"), TABLE).unwrap();
    let targets = data.train.targets.as_ref().unwrap();
    assert_eq!((targets.row(0), targets.row(3)), ([100.0, 1.5].as_slice(), [400.0, -1.5].as_slice()));
    assert_eq!(
        (data.class_names.as_slice(), data.shape.as_slice()),
        (["weight".to_owned(), "height".into()].as_slice(), [2].as_slice())
    );
    assert_eq!(
        (data.target_kind(), data.outputs(16), data.train.y.as_slice()),
        (TargetKind::Real, 2, [0; 4].as_slice())
    );
    assert!(data.describe(data.places(Portion::Train).next().unwrap()).class.is_none());
    // One changed target is other data, and no twin of the record that it was.
    let other = csv(&format!("{REAL}label = ['weight', 'height']"), &TABLE.replace("300", "301")).unwrap();
    assert_ne!(other.sha256(), data.sha256());
    assert_ne!(other.retained_sha256(&Default::default()), data.retained_sha256(&Default::default()));
    let same = "id,a,b,height,weight\nr0,1,2,5,7\nr1,1,2,5,8\nr2,1,2,5,7\n";
    let twins = csv(&format!("{REAL}label = ['weight', 'height']"), same).unwrap();
    assert_eq!(twins.twins().groups().iter().map(Vec::len).collect::<Vec<_>>(), [2]);
}

#[test]
fn standardised_targets_are_fitted_on_the_training_records_that_may_teach() {
    let dir = folder();
    fs::write(dir.path().join("t.csv"), TABLE).unwrap();
    let config = format!("{REAL}label = 'weight'\nstandardize_targets = true");
    let config: unlearn::data::DataConfig = toml::from_str(&config).unwrap();
    let all = load_with(&config, dir.path(), FitOn::Training).unwrap();
    let fit = all.targets.clone().unwrap();
    assert_eq!((fit.offset.as_slice(), fit.scale[0].round()), ([250.0].as_slice(), 112.0));
    // As if the record of 400 had never been there; it keeps its place.
    let gone = Origins::from([(Portion::Train, 3)]);
    let without = load_with(&config, dir.path(), FitOn::Without(&gone)).unwrap();
    assert_eq!(without.targets.as_ref().unwrap().offset, [200.0]);
    assert_eq!(without.train.len(), 4);
    // What a run has kept is applied as it is.
    let kept = load_with(&config, dir.path(), FitOn::Kept(&without.fitted())).unwrap();
    assert_eq!((kept.targets, &kept.train.targets), (without.targets, &without.train.targets));
}

#[test]
fn what_is_no_target_is_refused_with_its_place() {
    let label = "targets = 'real'\nlabel = ['height']";
    let with = |cell: &str| TABLE.replace("2.5", cell);
    refused_csv(label, &with("tall"), &["t.csv line 3 column `height`", "`tall` is not a number", "\"real\""]);
    refused_csv(label, &with("NaN"), &["line 3 column `height`", "NaN"]);
    refused_csv(label, &with("inf"), &["line 3 column `height`", "inf"]);
    refused_csv(label, &with(""), &["line 3 column `height`", "is missing; remove the row"]);
    refused_csv("targets = 'real'\nlabel = []", TABLE, &["data.label names no column"]);
    refused_csv("targets = 'real'\nlabel = ['height', 3]", TABLE, &["names the column `height` twice"]);
    refused_csv("targets = 'real'\nlabel = 'hight'", TABLE, &["no column `hight`", "height"]);
    refused_csv("label = ['height', 'weight']", TABLE, &["names 2 columns", "data.targets"]);
    refused_csv("targets = 'multi_label'\nlabel = ['a', 'b']", TABLE, &["line 2 column `b`", "`2` is neither 0 nor 1"]);
    refused_csv(
        "targets = 'multi_label'\nlabel = 'a'\nstandardize_targets = true",
        TABLE,
        &["standardize_targets", "\"real\""],
    );
    refused("loader = 'digits'\ntargets = 'real'", Path::new(""), &["data.targets", "digits"]);
    refused("loader = 'synth'\ntargets = 'real'\npattern = 'blobs'", Path::new(""), &["data.pattern", "waves"]);
}

fn archive(dir: &Path, y: (&[usize], &[f32])) {
    let x: Vec<f32> = (0..8).map(|v| v as f32).collect();
    let columns = [("x", ArrayColumn::Floats(vec![4, 2], x)), ("y", ArrayColumn::Floats(y.0.to_vec(), y.1.to_vec()))];
    fs::write(dir.join("a.npz"), npz(&columns).unwrap()).unwrap();
}

#[test]
fn an_archive_has_a_row_of_targets_for_each_record() {
    let dir = folder();
    let text = |kind: &str| format!("loader = 'npz'\npath = 'a.npz'\ntargets = '{kind}'\ntest_fraction = 0");
    let labels = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    archive(dir.path(), (&[4, 3], &labels));
    let data = try_load(&text("multi_label"), dir.path()).unwrap();
    let targets = data.train.targets.as_ref().unwrap();
    assert_eq!(
        (targets.width, targets.kind, targets.values.as_slice()),
        (3, TargetKind::MultiLabel, labels.as_slice())
    );
    archive(dir.path(), (&[4], &[0.5, 1.5, 2.5, 3.5]));
    assert_eq!(try_load(&text("real"), dir.path()).unwrap().train.targets.unwrap().row(2), [2.5]);
    refused(&text("multi_label"), dir.path(), &["array `y`: target 0 of record 0 is 0.5", "neither 0 nor 1"]);
    archive(dir.path(), (&[4, 2, 1], &[0.5; 8]));
    refused(&text("real"), dir.path(), &["[4, 2, 1]", "expected [n] or [n, k]"]);
    archive(dir.path(), (&[4], &[0.5, f32::NAN, 2.5, 3.5]));
    refused(&text("real"), dir.path(), &["target 0 of record 1 is NaN", "finite"]);
}
