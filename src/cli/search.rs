use std::path::PathBuf;

use super::output::{Table, emit, emit_json};
use super::train::interruption;
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::config::{Loaded, settings};
use crate::run::experiment::search::{BEST, Found, Search as Job, Trial};
use crate::run::experiment::{ExperimentOptions, Stride};

/// Search settings of a method for requests like the one of an experiment
///
/// The records of the request choose nothing, nor do test records: search sets of the same kind and size are drawn from
/// the other training records, each is retrained without, and trials are measured by their distance from the retrains
/// on what was to be forgotten and on the validation records (1: as far as a further retrain). A set that chose nothing
/// confirms. DIR gets trials.jsonl, search.json and, where something was found, best.toml. The same command line goes
/// on where a killed one was. Exits with 3 where nothing was found that lies closer than the original.
#[derive(clap::Args, Debug)]
pub struct Search {
    /// Experiment file (TOML) with `[forget]`
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Method, by its name in `unlearn list methods`; the first of `forget.methods` that is approximate if absent
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// Folder for the trials and what was found
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A setting to search, and where: `--over lr=0.001..0.1`, `--over estimator=per_sample,batch_mean`; absent: every
    /// rate, weight and amount of work of the method, around its default
    #[arg(long, value_name = "KEY=RANGE")]
    over: Vec<String>,
    /// A setting of the method that is kept: `--method-set epochs=20`
    #[arg(long, value_name = "KEY=VALUE")]
    method_set: Vec<String>,
    /// Settings to try, the defaults among them
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    trials: u32,
    /// Stop once references and trials have taken so many times a retrain
    #[arg(long, value_name = "RETRAINS", default_value_t = 30.0)]
    budget: f64,
    /// Search sets; one more chooses nothing
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=100))]
    sets: u16,
    /// Retrains of each search set; one more is the control
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=100))]
    references: u16,
    /// Choose nothing that takes more than this part of a retrain's time
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    max_cost: f64,
    /// Change a setting of the experiment: `--set train.epochs=5`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Run for Search {
    fn run(self, cx: &Context) -> Result<()> {
        for (flag, value) in [("--budget", self.budget), ("--max-cost", self.max_cost)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::input(format!("{flag} {value}: expected a number above 0")));
            }
        }
        let loaded = Loaded::read(&self.config, &self.set, cx.seed)?;
        let named = loaded.config.forget.iter().flat_map(|forget| &forget.methods);
        let approximate = |name: &&String| crate::methods::find(name).is_ok_and(|row| !row.tier.is_exact());
        let method = self.method.clone().or_else(|| named.clone().find(approximate).cloned());
        let method = method.ok_or_else(|| {
            Error::input("--method is needed: forget.methods of the experiment names no approximate method")
        })?;
        cx.outputs().reads([&self.config]).reads(loaded.config.reads()).check()?;
        let interrupted = interruption()?;
        let mut engine = cx.engine()?;
        let bar = cx.bar(0);
        let job = Job {
            loaded,
            method: &method,
            fixed: settings(&self.method_set)?,
            over: &self.over,
            trials: self.trials as usize,
            budget: self.budget,
            sets: usize::from(self.sets),
            references: usize::from(self.references),
            max_cost: self.max_cost,
            out: &self.out,
            options: ExperimentOptions { check_finite: cx.check_finite, interrupted: &interrupted, one_by_one: false },
        };
        let found = job.run(&mut engine, &mut |stride| {
            if let Stride::Stage { label, number, of } = stride {
                bar.set_length(of as u64);
                bar.set_position(number as u64);
                bar.set_message(label.to_owned());
            }
        });
        bar.finish_and_clear();
        let found = found?;
        match cx.json {
            true => emit_json(&found)?,
            false => emit(&self.text(&found))?,
        }
        let nothing = || {
            let Found { method, trials, nothing, retrain, .. } = &found;
            Error::Inconclusive(match nothing > retrain {
                true => format!(
                    "{method}: of {trials} settings none that suits lies closer to a retrain than the original does \
                     ({nothing:.2}); widen --over, or take another method"
                ),
                false => format!(
                    "{method}: the original lies no further from the retrains ({nothing:.2}) than a further retrain \
                     does ({retrain:.2}), so that nothing is seen to be forgotten; take more --sets or a larger request"
                ),
            })
        };
        found.best.as_ref().map_or_else(|| Err(nothing()), |_| Ok(()))
    }
}

impl Search {
    fn text(&self, found: &Found) -> String {
        let mut table = Table::new(&["", "distance", "of a retrain's time", "settings"]);
        table.row(["original (do nothing)".to_owned(), number(Some(found.nothing)), String::new(), String::new()]);
        table.row(["another retrain".to_owned(), number(Some(found.retrain)), "1".to_owned(), String::new()]);
        let row = |name: &str, trial: &Trial| {
            let settings: Vec<String> = trial.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
            [name.to_owned(), number(trial.distance), number(trial.cost), settings.join(" ")]
        };
        table.row(row("defaults", &found.defaults));
        if let Some(best) = &found.best {
            table.row(row("best", best));
        }
        let mut text = table.to_string();
        if let Some(on) = &found.confirmed {
            let [nothing, retrain] = [on.nothing, on.retrain].map(|v| number(Some(v)));
            let (defaults, best) = (number(on.defaults), number(on.best));
            text.push_str(&format!(
                "on a set that chose nothing: original {nothing}, another retrain {retrain}, defaults {defaults}, best \
                 {best}\n"
            ));
        }
        if let Some(best) = &found.best {
            let each = best.settings.iter().map(|(key, value)| format!(" --set {key}={value}"));
            let flags = match best.settings.is_empty() {
                true => "the defaults are the best".to_owned(),
                false => format!("forget --method {}{}", found.method, each.collect::<String>()),
            };
            text.push_str(&format!("{flags} ({})\n", self.out.join(BEST).display()));
        }
        let (trials, spent) = (found.trials, found.spent);
        text.push_str(&format!("{trials} settings tried, in {spent:.1} times a retrain's time\n"));
        text
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}
