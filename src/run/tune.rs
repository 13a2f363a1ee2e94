//! `unlearn tune`: which variant is fastest for each shape of a network's training step, by trying them on its data.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::config::Config;
use crate::data::Dataset;
use crate::engine::{Advice, Asked, CHOICES, Choice, Choices, Engine};
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::records::{Records, Session};
use crate::train::{Fit, Term, TrainConfig, train_to_end};

/// What is tuned for.
pub struct Network<'a> {
    /// Its training.
    pub config: &'a Config,
    /// Its records.
    pub data: &'a Dataset,
    /// The network.
    pub model: &'a Model,
}

/// How long, and how freely.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// No further round begins after it. The first, by the rules, always does.
    pub budget: Duration,
    /// Variants that add up in another order may be taken, too.
    pub any_order: bool,
}

/// Steps of a round that are timed; one before them is not, because drivers compile in it.
const STEPS: usize = 3;

/// Rounds after which more would tell little.
const MOST: usize = 7;

/// Nanoseconds by variant for one kernel and shape.
struct Shape {
    forms: Vec<&'static str>,
    ns: BTreeMap<&'static str, Vec<u64>>,
}

type Shapes = BTreeMap<(&'static str, String), Shape>;

/// Times the training step with every variant in turn, round after round, and returns the choices, one for each kernel
/// and shape that has more than one form.
///
/// # Errors
/// An adapter without timestamps; a network whose steps differ in shape; whatever training it says.
pub fn tune(engine: &mut Engine, network: &Network, tuning: Tuning, mut said: impl FnMut(&str)) -> Result<Choices> {
    let adapter = engine.adapter().map(|a| (a.describe(), a.features.iter().any(|f| f == "timestamps")));
    let Some((adapter, true)) = adapter else {
        return Err(Error::Unsupported(
            "tuning needs an adapter with timestamps; `unlearn adapters` shows them".into(),
        ));
    };
    let began = Instant::now();
    let mut shapes = Shapes::new();
    engine.set_profile(true);
    let mut most = 1;
    'rounds: for round in 0..MOST {
        let mut form = 0;
        while form < most {
            if (round, form) != (0, 0) && began.elapsed() >= tuning.budget {
                said(&format!("the budget is spent after {round} whole rounds"));
                break 'rounds;
            }
            try_form(engine, network, (form, tuning.any_order), &mut shapes)?;
            most = shapes.values().map(|shape| shape.forms.len()).max().unwrap_or(1);
            form += 1;
        }
    }
    engine.advise(None);
    let mut choices = Choices { schema: CHOICES.into(), adapter, any_order: tuning.any_order, choices: Vec::new() };
    shapes.into_iter().filter_map(|(key, shape)| shape.choice(key)).for_each(|choice| choices.put(choice));
    Ok(choices)
}

impl Shape {
    fn choice(mut self, (kernel, shape): (&'static str, String)) -> Option<Choice> {
        let mut median = |form: &'static str| {
            let ns = self.ns.get_mut(form)?;
            ns.sort_unstable();
            ns.get(ns.len() / 2).copied()
        };
        let forms: Vec<_> = self.forms.iter().map(|form| (*form, median(form))).collect();
        Choice::fastest(kernel, &shape, &forms)
    }
}

/// Takes some steps with form number `form` of everything and books what each dispatch took.
fn try_form(engine: &mut Engine, network: &Network, (form, any): (usize, bool), shapes: &mut Shapes) -> Result<()> {
    let advice = Advice::trial(form, any);
    engine.advise(Some(advice.clone()));
    engine.take_kernels();
    let Network { config, data, model } = *network;
    let theta = model.init(config.seed);
    // One batch, again and again: all steps have one shape, and so one recording that asks once.
    let train = TrainConfig {
        epochs: STEPS + 1,
        steps_per_submission: 1,
        checkpoint_steps: 0,
        ..config.train.without_course()
    };
    let mut session = Session::of(engine, model, data, None, &theta)?.trained_for(&train)?;
    let ids = data.train_ids();
    let batch = session.step_records(train.step_records(), &train.fanout)?.min(ids.len());
    let terms = [Term { records: Records::train(&ids[..batch]), weight: 1.0 }];
    let mut fit = Fit::new(&mut session, &train, config.seed)?;
    advice.take_asked();
    fit.prepare(&mut session, &terms)?;
    let asked = advice.take_asked();
    session.engine.take_timings();
    train_to_end(&mut fit, &mut session, &terms, &mut ())?;
    if !advice.take_asked().is_empty() || fit.shapes() > 1 {
        return Err(Error::Unsupported(
            "the training steps differ in shape (sampled neighbourhoods or graphs): tuning needs batches of one shape"
                .into(),
        ));
    }
    book(session.engine, &asked, (form, fit.dispatches_per_step()), shapes)
}

/// Each question is answered by the dispatch of its number in each step of `each` dispatches.
fn book(engine: &mut Engine, asked: &[Asked], (form, each): (usize, usize), shapes: &mut Shapes) -> Result<()> {
    let rows = engine.take_kernels();
    let timings = engine.take_timings();
    // Drivers compile in the first step.
    for step in timings.chunks(each.max(1)).skip(1) {
        for a in asked {
            let timing = step.get(a.at);
            let row = timing.and_then(|t| rows.iter().map(|ran| ran.kernel).find(|k| k.name == t.kernel));
            let (Some(timing), Some(row)) = (timing, row.filter(|k| k.plain().name == a.kernel)) else {
                return Err(Error::internal(format!("dispatch {} of a step is not the {} asked for", a.at, a.kernel)));
            };
            let empty = || Shape { forms: a.forms.clone(), ns: BTreeMap::new() };
            let shape = shapes.entry((a.kernel, a.shape.clone())).or_insert_with(empty);
            // Where there are fewer forms, the last one is not measured more often than the others.
            if form < a.forms.len() {
                shape.ns.entry(row.variant()).or_default().push(timing.duration_ns);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_what_was_booked_counts() {
        let ns = BTreeMap::from([("tiled", vec![500, 90, 100]), ("plain", vec![60, 50, 900])]);
        let choice = Shape { forms: vec!["tiled", "plain", "small"], ns }.choice(("linear.matmul", "1".into()));
        let taken = choice.map(|c| (c.variant, c.ns, c.instead_of, c.instead_ns));
        assert_eq!(taken, Some(("plain".to_owned(), 60, "tiled".to_owned(), 100)));
    }
}
