//! `unlearn tune --preset`: which variant is fastest for each shape of a list, by timing the cases that `unlearn bench`
//! times.

use std::time::{Duration, Instant};

use super::bench::{Ask, BenchOptions, BenchReport, Clocks, Forms, Work, bench_works};
use crate::engine::{Advice, Asked, CHOICES, Choice, Choices, Engine, Recording};
use crate::error::{Error, Result};
use crate::kernels::asked::ops;
use crate::kernels::kernels;

/// How long each form of a shape is timed.
const EACH: Duration = Duration::from_millis(50);

/// Times every form of every shape, each verified first, and returns the choices, one for each shape that has more
/// than one form of the rule's order of sums, or, with `any_order`, of any. After `budget` no further shape begins;
/// the first always does.
///
/// # Errors
/// The engine is the reference engine, a form that computes something else than its twin, or a failed device.
pub fn tune_shapes(
    engine: &mut Engine,
    list: &[Ask],
    (budget, any_order): (Duration, bool),
    mut said: impl FnMut(&str),
) -> Result<Choices> {
    let adapter = engine.adapter().ok_or_else(|| Error::internal("only a GPU engine can be tuned"))?;
    let clocks = if adapter.features.iter().any(|f| f == "timestamps") { Clocks::Gpu } else { Clocks::Wall };
    let options = BenchOptions { min_time: EACH, min_samples: 5, max_samples: 50, clocks };
    let mut choices = Choices { schema: CHOICES.into(), adapter: adapter.describe(), any_order, choices: Vec::new() };
    let (began, open) = (Instant::now(), questions(engine, list, any_order));
    for (i, (work, asked)) in open.iter().enumerate() {
        if i > 0 && began.elapsed() >= budget {
            said(&format!("the budget is spent after {i} of {} shapes", open.len()));
            break;
        }
        let forms = Forms { names: asked.forms.iter().map(|form| (*form).to_owned()).collect(), chosen: false };
        let report = bench_works(engine, std::slice::from_ref(work), &forms, options, None, |_| {})?;
        if let Some(wrong) = report.refused.iter().find(|refused| refused.wrong) {
            return Err(Error::CheckFailed(format!("{} is wrong on this adapter: {}", wrong.case, wrong.why)));
        }
        choice(asked, &report).into_iter().for_each(|choice| choices.put(choice));
    }
    Ok(choices)
}

/// The shapes at which there is something to choose, and what their record functions ask.
fn questions(engine: &Engine, list: &[Ask], any_order: bool) -> Vec<(Work, Asked)> {
    let ops = ops();
    let question = |(name, shape): &Ask| {
        let op = ops.iter().find(|op| op.name == *name)?;
        let advice = Advice::trial(0, any_order);
        op.chosen_for(Recording::new(engine.target()).advised(Some(advice.clone())), shape)?;
        let asked = advice.take_asked().into_iter().next().filter(|asked| asked.forms.len() > 1)?;
        Some((Work::Asked { op: op.name, shape: shape.clone() }, asked))
    };
    list.iter().filter_map(question).collect()
}

/// What the rows of its forms say.
fn choice(asked: &Asked, report: &BenchReport) -> Option<Choice> {
    let is = |kernel: &str, form: &str| kernels().iter().any(|k| k.name == kernel && k.variant() == form);
    let median = |form: &str| report.rows.iter().find(|row| is(&row.kernel, form)).map(|row| row.median_ns as u64);
    let forms: Vec<_> = asked.forms.iter().map(|form| (*form, median(form))).collect();
    Choice::fastest(asked.kernel, &asked.shape, &forms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::bench::PRESETS;

    #[test]
    fn every_list_has_shapes_at_which_there_is_something_to_choose() {
        let engine = Engine::reference();
        for preset in PRESETS {
            let open = questions(&engine, &preset.list(None), true);
            assert!(!open.is_empty(), "{}", preset.name);
            // The forms asked about are among those that are timed.
            let ops = ops();
            for (work, asked) in open.iter().filter(|_| preset.name == "lenet5") {
                let Work::Asked { op, shape } = work else { panic!("{work:?}") };
                let cases = ops.iter().find(|o| o.name == *op).unwrap().cases(shape).unwrap();
                for form in &asked.forms {
                    let timed = |c: &crate::engine::case::Case| {
                        let first = c.rec.dispatches().next().unwrap().kernel;
                        first.plain().name == asked.kernel && first.variant() == *form
                    };
                    assert!(cases.iter().any(timed), "{op} {shape:?}: {form}");
                }
            }
        }
    }
}
