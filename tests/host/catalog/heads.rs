//! Methods that change the head: a class of its own that is cut off, class means, and answers that are predicted.

use unlearn::methods::{RecordKind, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::statistics;
use unlearn::train::TrainConfig;

use super::behaviour::Small;

fn class(small: &mut Small, class: u32) {
    (small.forget, small.retain) = (0..36).partition(|at| at % 3 == class);
    small.classes = vec![class];
}

fn logits(small: &Small, theta: &[f32], records: &[u32]) -> Vec<f32> {
    let read = |session: &mut Session, _: &View| {
        session.write_theta(theta)?;
        statistics::logits(session, Records::train(records))
    };
    small.session(read).unwrap()
}

fn named(logits: &[f32], class: usize) -> f64 {
    let is = |row: &&[f32]| row.iter().all(|z| *z <= row[class]);
    let rows = logits.chunks_exact(3);
    rows.clone().filter(is).count() as f64 / rows.len() as f64
}

#[test]
fn a_class_goes_where_there_is_none_and_stops_at_its_goal() {
    let mut small = Small::new("");
    class(&mut small, 1);
    let before = named(&logits(&small, &small.theta, &small.forget), 1);
    let (theta, account) = small.run("boundary_expand", "lr = 0.2\nepochs = 40");
    let after = named(&logits(&small, &theta, &small.forget), 1);
    assert!(before > 0.9 && after <= 0.01, "{before}, then {after}");
    let per_epoch = 2;
    assert!(account.details.steps.unwrap() < 40 * per_epoch, "it went on from its goal: {account:?}");
    assert_eq!(account.details.notes["rule"], "accuracy");
    assert_eq!(account.details.notes["last"]["accuracy"], after);
    let gat = "layers = [{type='gat_conv',out=3,heads=2,concat=false}]";
    let gat = Model::build(&toml::from_str::<ModelConfig>(gat).unwrap(), &[4], 3).unwrap();
    let built = (find("boundary_expand").unwrap().build)(toml::Table::new()).unwrap();
    assert!(built.suits(&gat).unwrap_err().to_string().contains("no row a class"));
}

#[test]
fn a_head_of_class_means_never_names_the_class_that_went() {
    let mut small = Small::new("");
    class(&mut small, 1);
    let (theta, account) = small.run("class_mean", "");
    let all: Vec<u32> = (0..36).collect();
    assert_eq!(named(&logits(&small, &theta, &all), 1), 0.0);
    let retained = logits(&small, &theta, &small.retain);
    let right =
        retained.chunks_exact(3).zip(&small.retain).filter(|(row, at)| row[**at as usize % 3] >= row[0].max(row[2]));
    assert!(right.count() > 20, "{account:?}");
    // The last layer is what the features of the others make it, to the bit of a round of none.
    let entry = small.model.layout.get("fc3.weight").unwrap().clone();
    let rows = |theta: &[f32]| theta[entry.offset..entry.offset + entry.len].to_vec();
    let moved = Small { theta, ..small };
    let scale = account.details.notes["scale"].as_f64().unwrap();
    let (still, _) = moved.run("class_mean", &format!("scale = {scale}\nepochs = 1\nlr = 1e-30\nmomentum = 0"));
    let far = rows(&still).iter().zip(rows(&moved.theta)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far < 1e-5, "{far}");
    let one = Model::build(&toml::from_str("zoo = 'logistic'").unwrap(), &[4], 3).unwrap();
    let built = (find("class_mean").unwrap().build)(toml::Table::new()).unwrap();
    assert!(built.suits(&one).unwrap_err().to_string().contains("linear last layer"));
}

/// A retrain from the same start is what the datamodels predict: the answers to the forgotten records come nearer to
/// its own than the original's are.
#[test]
fn predicted_answers_lead_towards_those_of_a_retrain() {
    let mut small = Small::spread("", 1.8);
    class(&mut small, 2);
    let retrain = logits(&small, &small.trained(5, &small.retain.clone()), &small.forget);
    let far = |theta: &[f32]| {
        let square = |(a, b): (f32, &f32)| f64::from(a - b).powi(2);
        logits(&small, theta, &small.forget).into_iter().zip(&retrain).map(square).sum::<f64>().sqrt()
    };
    let settings = "models = 8\nshare = 1\nlr = 0.1\nepochs = 60";
    let (theta, account) = small.run("datamodel_matching", settings);
    let (before, after) = (far(&small.theta), far(&theta));
    assert!(after < 0.5 * before, "{after} beside {before}: {account:?}");
    assert_eq!(account.details.notes["models"], 8);
    let row = find("datamodel_matching").unwrap();
    let built = (row.build)("models = 8".parse().unwrap()).unwrap();
    let said = built.foretells(RecordKind::Row, 36, &small.recipe).unwrap();
    assert!(said.contains("8 models") && said.contains("retrain is exact"), "{said}");
    let recipe = TrainConfig { objective_noise: 1.0, ..small.recipe.clone() };
    assert!(built.suits_recipe(&recipe).unwrap_err().to_string().contains("objective_noise"));
}
