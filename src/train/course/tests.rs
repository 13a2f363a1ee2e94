use serde::Deserialize;

use super::*;

/// What `tools/parity/schedules.py` had PyTorch say.
#[derive(Deserialize)]
struct Case {
    train: String,
    per_epoch: usize,
    lr: Vec<f64>,
}

fn recipe(text: &str) -> TrainConfig {
    toml::from_str(text).expect("a recipe")
}

#[test]
fn learning_rates_are_those_of_pytorchs_schedulers() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../assets/parity/schedules.json")).unwrap();
    assert_eq!(cases.len(), 8);
    for Case { train, per_epoch, lr } in cases {
        let recipe = recipe(&train);
        recipe.check().unwrap();
        assert_eq!(lr.len(), per_epoch * recipe.epochs);
        for (t, want) in lr.into_iter().enumerate() {
            let got = recipe.lr_at(t as u64, per_epoch);
            assert!((got - want).abs() <= 1e-12 * recipe.lr, "{train}\nstep {t}: {got}, PyTorch has {want}");
        }
    }
}

#[test]
fn ends_and_odd_lengths_have_a_rate() {
    for text in ["schedule = \"one_cycle\"", "schedule = \"cosine\"", "schedule = \"step\"", "schedule = \"linear\""] {
        for epochs in 1..5 {
            let recipe = recipe(&format!("{text}\nepochs = {epochs}\nwarmup_steps = 2"));
            for t in 0..epochs {
                let lr = recipe.lr_at(t, 1);
                assert!(lr.is_finite() && lr >= 0.0 && lr <= recipe.lr, "{text}, {epochs} epochs, step {t}: {lr}");
            }
        }
    }
    let edge = recipe("schedule = \"one_cycle\"\none_cycle = { pct_start = 0.25 }\nepochs = 4");
    assert_eq!(edge.lr_at(0, 1), edge.lr, "a rise of one step is at the top");
}

#[test]
fn keys_of_another_schedule_are_refused() {
    for (text, key) in [
        ("milestones = [1]", "milestones"),
        ("gamma = 0.5", "gamma"),
        ("schedule = \"step\"\nmilestones = [3, 2]", "milestones"),
        ("schedule = \"step\"\ngamma = 0", "gamma"),
        ("schedule = \"cosine\"\none_cycle = {}", "one_cycle"),
        ("schedule = \"one_cycle\"\none_cycle = { pct_start = 2 }", "one_cycle.pct_start"),
        ("warmup_steps = 3\nwarmup_epochs = 1", "warmup_epochs"),
        ("warmup_epochs = -1", "warmup_epochs"),
        ("accumulate = 0", "accumulate"),
        ("ema = 1", "ema"),
        ("early_stopping = { patience = 0 }", "early_stopping.patience"),
        ("accumulate = 2\ndp = { clip = 1, noise_multiplier = 1, delta = 1e-5 }", "accumulate"),
    ] {
        let said = recipe(text).check().unwrap_err().to_string();
        assert!(said.contains(&format!("train.{key} ")), "{text}: {said}");
    }
}

/// Recipes of earlier versions keep the hash that their runs are known by.
#[test]
fn what_is_not_set_is_not_written() {
    let text = toml::to_string(&TrainConfig::default()).unwrap();
    for key in ["warmup", "milestones", "gamma", "one_cycle", "accumulate", "ema", "early_stopping"] {
        assert!(!text.contains(key), "{key} in\n{text}");
    }
    let set = "schedule = \"step\"\nmilestones = [1.0]\ngamma = 0.5\naccumulate = 3\nema = 0.9\nwarmup_steps = 4\n";
    let whole = recipe(set);
    assert_eq!(recipe(&toml::to_string(&whole).unwrap()), whole);
}
