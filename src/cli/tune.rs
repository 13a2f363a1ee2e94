use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bench::listed;
use super::output::{Table, emit, emit_json};
use super::{Context, Run};
use crate::engine::{AdapterReport, CHOICES, Choices, Engine, adapters, pick_adapter};
use crate::error::{Error, Result};
use crate::harness::tune::tune_shapes;
use crate::run::config::Loaded;
use crate::run::tune::{Network, Tuning, tune};
use crate::run::tuned;

/// Measure which kernel variants are fastest for a network on this adapter, and use them from then on
///
/// Every variant of products, convolutions and sparse products is timed in the network's own training step, in turn,
/// or, with --preset, at the shapes of a known network. The choices are kept for this adapter and driver in the user's
/// cache folder, and every command takes them from there unless it is given --no-cache. Only variants that add up in
/// the same order take each other's place.
#[derive(clap::Args, Debug)]
pub struct Tune {
    /// Configuration file (TOML) of a training or an experiment
    #[arg(value_name = "CONFIG", required_unless_present_any = ["preset", "show", "clear"])]
    config: Option<PathBuf>,
    /// The shapes of a known network instead, as `unlearn bench --describe` lists them: lenet5, gcn-cora, …
    #[arg(long, value_name = "NAME", conflicts_with_all = ["config", "show", "clear"], value_delimiter = ',')]
    preset: Vec<String>,
    /// Records, or tokens, of a step of the presets
    #[arg(long, value_name = "N", requires = "preset", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    batch: Option<u32>,
    /// Change a setting: `--set train.batch_size=128`
    #[arg(long, value_name = "KEY=VALUE", requires = "config")]
    set: Vec<String>,
    /// Begin no further round, or shape, after so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60s", value_parser = budget)]
    budget: Duration,
    /// Take variants that add up in another order, too: results then have other bits, and every output says so
    #[arg(long)]
    any_order: bool,
    /// Show what is kept for this adapter
    #[arg(long, conflicts_with_all = ["config", "clear"])]
    show: bool,
    /// Forget what is kept for this adapter
    #[arg(long, conflicts_with = "config")]
    clear: bool,
}

/// `60s`, `2m`, `90`.
fn budget(text: &str) -> Result<Duration, String> {
    let (number, unit) = match (text.strip_suffix('m'), text.strip_suffix('s')) {
        (Some(minutes), _) => (minutes, 60.0),
        (None, seconds) => (seconds.unwrap_or(text), 1.0),
    };
    let seconds = number.trim().parse::<f64>().map(|n| n * unit);
    match seconds {
        Ok(s) if (0.0..=86_400.0).contains(&s) => Ok(Duration::from_secs_f64(s)),
        _ => Err("expected a time up to a day, such as 60s or 2m".into()),
    }
}

impl Run for Tune {
    fn run(self, cx: &Context) -> Result<()> {
        cx.outputs().check()?;
        if self.config.is_none() && self.preset.is_empty() {
            return self.kept(cx);
        }
        let (engine, found) = match &self.config {
            Some(config) => self.network(cx, config)?,
            None => self.presets(cx)?,
        };
        let adapter = engine.adapter().ok_or_else(|| Error::internal("an engine without an adapter"))?;
        let choices = with_earlier(found, tuned::read(adapter));
        let path = tuned::write(adapter, &choices)?;
        cx.note(&format!("kept in {}; `unlearn tune --clear` forgets it", path.display()));
        cx.write_trace(&[])?;
        show(cx, &choices)
    }
}

impl Tune {
    /// In the training step of a configuration.
    fn network(&self, cx: &Context, config: &Path) -> Result<(Engine, Choices)> {
        let mut loaded = Loaded::read(config, &self.set, cx.seed)?;
        let (data, model) = loaded.build()?;
        let mut engine = cx.engine()?;
        let network = Network { config: &loaded.config, data: &data, model: &model };
        let tuning = Tuning { budget: self.budget, any_order: self.any_order };
        let found = tune(&mut engine, &network, tuning, |line| cx.note(line))?;
        Ok((engine, found))
    }

    /// At the shapes of lists.
    fn presets(&self, cx: &Context) -> Result<(Engine, Choices)> {
        let lists = self.preset.iter().map(|name| listed(name, self.batch)).collect::<Result<Vec<_>>>()?;
        let mut engine = cx.engine()?;
        let found = tune_shapes(&mut engine, &lists.concat(), (self.budget, self.any_order), |line| cx.note(line))?;
        Ok((engine, found))
    }

    /// Shows or forgets.
    fn kept(&self, cx: &Context) -> Result<()> {
        let adapter: AdapterReport = pick_adapter(adapters(), |a| a, &cx.choice())?;
        if self.clear {
            let was = tuned::clear(&adapter)?;
            cx.note(&format!("{}: {}", adapter.describe(), if was { "forgotten" } else { "nothing was kept" }));
        }
        let none = || Choices { schema: CHOICES.into(), adapter: adapter.describe(), ..Choices::default() };
        show(cx, &tuned::read(&adapter).unwrap_or_else(none))
    }
}

/// New choices before earlier ones, of other networks; those of another liberty with the order of sums are not mixed.
fn with_earlier(found: Choices, earlier: Option<Choices>) -> Choices {
    let mut all = earlier.filter(|e| e.any_order == found.any_order).unwrap_or_default();
    let (schema, adapter, any_order) = (found.schema, found.adapter, found.any_order);
    found.choices.into_iter().for_each(|choice| all.put(choice));
    Choices { schema, adapter, any_order, choices: all.choices }
}

fn show(cx: &Context, choices: &Choices) -> Result<()> {
    if cx.json {
        return emit_json(choices);
    }
    if choices.choices.is_empty() {
        return emit(&format!("{}: nothing is kept; variants follow the rules\n", choices.adapter));
    }
    let mut table = Table::new(&["kernel", "shape", "variant", "µs", "instead of", "µs"]);
    for c in &choices.choices {
        let us = |ns: u64| format!("{:.1}", ns as f64 / 1e3);
        let same = c.variant == c.instead_of;
        let instead = if same { ["".to_owned(), String::new()] } else { [c.instead_of.clone(), us(c.instead_ns)] };
        let [rule, rule_us] = instead;
        table.row([c.kernel.clone(), c.shape.clone(), c.variant.clone(), us(c.ns), rule, rule_us]);
    }
    let order =
        if choices.any_order { "\nof any order of sums: results have other bits than by the rules" } else { "" };
    emit(&format!("{}{order}\n{table}", choices.adapter))
}

#[cfg(test)]
mod tests {
    use super::budget;
    use std::time::Duration;

    #[test]
    fn a_budget_has_a_unit_or_is_seconds() {
        assert_eq!(budget("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(budget("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(budget("1.5"), Ok(Duration::from_millis(1500)));
        for bad in ["", "s", "-1s", "2h", "nans", "1e9s"] {
            assert!(budget(bad).is_err(), "{bad}");
        }
    }
}
