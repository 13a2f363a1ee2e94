//! Newton removal from a convex model: multinomial logistic regression on the digits, trained to its optimum, against
//! the optimum of the retained records.

use std::path::Path;

use libtest_mimic::Trial;
use unlearn::Result;
use unlearn::data::{self, DataConfig, Dataset};
use unlearn::engine::Engine;
use unlearn::methods::{Account, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::statistics::solve::minimise;
use unlearn::train::{TrainConfig, shuffled};

use crate::adapters::Shared;
use crate::methods::hold;

const DECAY: f64 = 1e-2;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    // One adapter is enough for a statement about mathematics.
    let first = devices.first();
    first
        .map(|d| d.trial("method: newton removal from a convex model", |d| d.with(|e, _| removal(e))))
        .into_iter()
        .collect()
}

struct Digits {
    data: Dataset,
    model: Model,
    recipe: TrainConfig,
}

impl Digits {
    fn new() -> Result<Digits> {
        let data = data::load(&DataConfig::new("digits"), Path::new("."))?;
        let net = ModelConfig { zoo: Some("logistic".into()), ..Default::default() };
        let model = Model::build(&net, &data.shape, data.classes)?;
        Ok(Digits { data, model, recipe: TrainConfig { weight_decay: DECAY, ..Default::default() } })
    }

    /// Records to keep and to forget.
    fn split(&self, forgets: impl Fn(u32) -> bool) -> (Vec<u32>, Vec<u32>) {
        (0..self.data.train.len() as u32).partition(|i| !forgets(*i))
    }

    fn optimum(&self, session: &mut Session, records: &[u32], start: &[f32]) -> Result<Vec<f32>> {
        session.write_theta(start)?;
        let found = minimise(session, Records::train(records), DECAY, 500, 2e-7)?;
        hold(found.gradient_norm < 3e-6, || format!("no optimum: {found:?}"))?;
        session.read_theta()
    }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

fn removal(engine: &mut Engine) -> Result<()> {
    let digits = Digits::new()?;
    let (model, data) = (&digits.model, &digits.data);
    let start = model.init(1);
    let mut session = Session::new(engine, model, &data.train, &data.validation, &start)?;
    let (all, _) = digits.split(|_| false);
    let original = digits.optimum(&mut session, &all, &start)?;
    let order = shuffled(&all, 1, 0, 77);
    let drawn = |count: usize| order[..count].to_vec();
    let n = all.len();
    for (name, forget, settings, most) in [
        ("1 point", drawn(1), "", 0.01),
        ("1 %", drawn(n / 100), "", 0.02),
        ("10 %", drawn(n / 10), "", 0.05),
        ("10 % by the Hessian", drawn(n / 10), "curvature = \"hessian\"", 0.05),
        ("10 % by LiSSA", drawn(n / 10), "solver = \"lissa\"\niterations = 5000", 0.05),
        ("a class", all.iter().copied().filter(|i| data.train.y[*i as usize] == 3).collect(), "steps = 3", 0.2),
    ] {
        let (retain, forget) = digits.split(|i| forget.contains(&i));
        let optimum = digits.optimum(&mut session, &retain, &original)?;
        let mut run = |method: &str, settings: &str, recipe: &TrainConfig| {
            session.write_theta(&original)?;
            let view = View::new(recipe, &retain, &forget).seed(1);
            let account = (find(method)?.build)(settings.parse().expect("TOML"))?.forget(&mut session, &view)?;
            Ok::<(Vec<f32>, Account), unlearn::Error>((session.read_theta()?, account))
        };
        let (theta, account) = run("newton", settings, &digits.recipe)?;
        let whole = distance(&original, &optimum);
        let error = distance(&theta, &optimum) / whole;
        eprintln!("{name}: {error:.5} of a way of {whole:.5}");
        hold(error <= most, || format!("{name}: relative error {error} over {most}: {account:?}"))?;
        for step in account.details.notes["newton_steps"].as_array().into_iter().flatten() {
            hold(step["residual"].as_f64().is_some_and(|r| r <= 1e-3), || format!("{name}: {step}"))?;
        }
        // The planted fault: a step that knows nothing of the regulariser. At an optimum the difference of gradients is
        // the same step, and forgets less where it lacks the term.
        let without = TrainConfig { weight_decay: 0.0, ..digits.recipe.clone() };
        let newton = distance(&run("newton", &format!("damping = {DECAY}\n{settings}"), &without)?.0, &optimum) / whole;
        hold(newton > 0.25, || format!("{name}: without the regulariser the error is {newton} only"))?;
        if name == "1 point" || name == "10 %" {
            let settings = |damping: f64| format!("damping = {damping}\ncurvature_records = 0");
            let [with, without] = [(1e-9, &digits.recipe), (DECAY, &without)]
                .map(|(damping, recipe)| {
                    Ok(distance(&run("influence", &settings(damping), recipe)?.0, &optimum) / whole)
                })
                .map(|error: Result<f64>| error.unwrap_or(f64::NAN));
            hold(with <= most, || format!("{name}: influence has an error of {with}"))?;
            hold(without > 0.1, || {
                format!("{name}: influence without the regulariser has an error of {without} only")
            })?;
            eprintln!("{name}: {newton:.3} without the regulariser; influence {with:.4}, without {without:.3}");
        }
    }
    Ok(())
}
