//! Composites: methods one after another, each on what the one before it left, in one session with one account.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::prelude::*;
use crate::nn::Model;

/// What the registry calls it.
pub const NAME: &str = "composite";

pub(crate) static ROW: MethodRow = MethodRow {
    name: NAME,
    summary: "approximate methods one after another, such as dampening and then repair, or ascent and distillation",
    citation: "the hybrids of surveys; SSD and repair after Foster et al., AAAI 2024",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&[settings::steps(
        "steps",
        "[{ method = \"ssd\" }, { method = \"finetune\" }]",
        check,
        "Methods in their order, with the settings of each.",
    )]],
    build: |table| settings::build::<Composite>(&ROW, table),
};

/// Each step forgets the whole request. Later ones begin where the one before ended: certificates, traces and
/// checkpoints of the original are the first's alone. Exact and certified methods are no steps, since what comes after
/// or before them would not keep their promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Composite {
    steps: Steps,
}

/// Steps with every default of theirs filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Step>")]
struct Steps(Vec<Step>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// An approximate method, by its name in `unlearn list methods`.
    pub method: String,
    /// Its settings.
    #[cfg_attr(feature = "cli", schemars(with = "std::collections::BTreeMap<String, serde_json::Value>"))]
    #[serde(default)]
    pub settings: toml::Table,
}

/// Whether a method may be one.
pub(crate) fn is_step(row: &MethodRow) -> bool {
    row.tier == Tier::Approximate && row.role == Role::Method && row.name != NAME
}

impl Step {
    /// # Errors
    /// A method that is unknown or no step; its settings.
    fn build(&self) -> Result<(&'static MethodRow, Box<dyn Method>)> {
        let row = crate::methods::find(&self.method)?;
        if !is_step(row) {
            return Err(Error::input(format!(
                "method `{}` is no step of a composite: steps are approximate methods by themselves",
                row.name
            )));
        }
        Ok((row, (row.build)(self.settings.clone())?))
    }

    /// With every default of the method.
    fn complete(self) -> Result<Step> {
        let (_, method) = self.build()?;
        let mut said = method.settings();
        // TOML has no null: an absent key stands for it.
        said.as_object_mut().into_iter().for_each(|all| all.retain(|_, value| !value.is_null()));
        let settings = toml::Table::try_from(&said);
        let settings = settings.map_err(|e| Error::internal(format!("settings of `{}`: {e}", self.method)))?;
        Ok(Step { settings, ..self })
    }
}

/// The settings of a composite of methods with commas between them; `settings` has a table for those that have any.
///
/// # Errors
/// Settings that belong to none of them.
pub fn in_turn(methods: &str, settings: &toml::Table) -> Result<toml::Table> {
    let names: Vec<&str> = methods.split(',').map(str::trim).collect();
    if let Some(key) = settings.keys().find(|key| !names.contains(&key.as_str())) {
        let first = names.first().copied().unwrap_or_default();
        return Err(Error::input(format!(
            "--set {key}: several methods have settings of their own; name the method before the key, as in --set \
             {first}.{key}=…"
        )));
    }
    let step = |name: &str| {
        let mut step = toml::Table::from_iter([("method".to_owned(), toml::Value::from(name))]);
        step.extend(settings.get(name).map(|own| ("settings".to_owned(), own.clone())));
        toml::Value::Table(step)
    };
    let steps = names.into_iter().map(step).collect();
    Ok(toml::Table::from_iter([("steps".to_owned(), toml::Value::Array(steps))]))
}

/// # Errors
/// No steps; what is wrong with one of them, which is named by its number.
fn check(value: &toml::Value) -> Result<()> {
    let steps: Vec<Step> = value.clone().try_into().map_err(|e: toml::de::Error| Error::input(e.message()))?;
    Steps::try_from(steps).map(|_| ())
}

impl TryFrom<Vec<Step>> for Steps {
    type Error = Error;

    fn try_from(steps: Vec<Step>) -> Result<Steps> {
        if steps.is_empty() {
            return Err(Error::input("there are none"));
        }
        let complete =
            |(i, step): (usize, Step)| step.complete().map_err(|e| Error::input(format!("step {}: {e}", i + 1)));
        steps.into_iter().enumerate().map(complete).collect::<Result<_>>().map(Steps)
    }
}

impl Composite {
    fn methods(&self) -> Result<Vec<(&'static MethodRow, Box<dyn Method>)>> {
        self.steps.0.iter().map(Step::build).collect()
    }

    fn each(&self, suits: impl Fn(&dyn Method) -> Result<()>) -> Result<()> {
        self.methods()?.iter().try_for_each(|(_, method)| suits(method.as_ref()))
    }
}

impl Method for Composite {
    fn suits(&self, model: &Model) -> Result<()> {
        self.each(|method| method.suits(model))
    }

    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        self.each(|method| method.suits_recipe(recipe))
    }

    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        self.each(|method| method.suits_targets(targets))
    }

    fn needs(&self) -> Needs {
        let needs = self.methods().unwrap_or_default().into_iter().map(|(_, method)| method.needs());
        needs.max_by_key(|needs| *needs as u8).unwrap_or(Needs::Nothing)
    }

    fn goes_on(&self) -> bool {
        self.methods().unwrap_or_default().iter().any(|(_, method)| method.goes_on())
    }

    fn looks_back(&self) -> bool {
        self.methods().unwrap_or_default().iter().any(|(_, method)| method.looks_back())
    }

    fn is_costly(&self) -> bool {
        self.methods().unwrap_or_default().iter().any(|(_, method)| method.is_costly())
    }

    fn fits_anew(&self) -> bool {
        self.methods().unwrap_or_default().iter().any(|(_, method)| method.fits_anew())
    }

    fn foretells(&self, kind: RecordKind, records: usize, recipe: &TrainConfig) -> Option<String> {
        self.methods().ok()?.iter().find_map(|(_, method)| method.foretells(kind, records, recipe))
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        // The steps keep an origin of their own under the name of this one.
        let start = session.read_theta()?;
        let (mut account, mut steps, mut said) = (Account::default(), 0, Vec::new());
        for (i, (row, method)) in self.methods()?.into_iter().enumerate() {
            let Past { seed, fitted, base, before, method: from, .. } = view.past;
            let past = Past { seed, fitted, base, before, method: from, ..Past::default() };
            let view = if i == 0 { *view } else { view.past(past) };
            let made = method.forget(session, &view)?;
            if made.student.is_some() {
                return Err(Error::input(format!(
                    "step {} of a composite, `{}`, makes another network, and the steps work on the weights of one; \
                     leave its `width` out, or take it as a method by itself",
                    i + 1,
                    row.name
                )));
            }
            account.precompute_s += made.precompute_s;
            account.method_s += made.method_s;
            steps += made.details.steps.unwrap_or(0);
            for read in made.reads {
                if !account.reads.contains(&read) {
                    account.reads.push(read);
                }
            }
            said.push(json!({ "method": row.name, "method_s": made.method_s, "details": made.details }));
        }
        account.took(steps);
        account.note("steps_of", json!(said));
        let end = session.read_theta()?;
        session.write_theta(&start)?;
        let origin = Origin::of(session)?;
        session.write_theta(&end)?;
        account.close(session, &origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(steps: &str) -> String {
        (ROW.build)(format!("steps = {steps}").parse().unwrap()).err().unwrap().to_string()
    }

    #[test]
    fn steps_are_told_what_is_wrong_with_them() {
        assert!(refusal("[{ method = \"retrain\" }]").contains("step 1: method `retrain` is no step"));
        assert!(refusal("[{ method = \"composite\" }]").contains("no step"));
        let said = refusal("[{ method = \"ssd\" }, { method = \"finetune\", settings = { lrr = 1 } }]");
        assert!(said.contains("step 2") && said.contains("did you mean `lr`"), "{said}");
        assert!(refusal("[{ method = \"sdd\" }]").contains("unknown"));
        assert!(refusal("[{ methd = \"ssd\" }]").contains("methd"));
        assert!(refusal("[]").contains("there are none"));
    }

    #[test]
    fn methods_with_commas_are_steps() {
        let set = "ssd.alpha = 3".parse().unwrap();
        let said = (ROW.build)(in_turn("ssd, finetune", &set).unwrap()).unwrap().settings();
        assert_eq!((&said["steps"][0]["settings"]["alpha"], said["steps"].as_array().unwrap().len()), (&3.0.into(), 2));
        let said = in_turn("ssd,finetune", &"lr = 1".parse().unwrap()).unwrap_err().to_string();
        assert!(said.contains("--set ssd.lr="), "{said}");
    }

    #[test]
    fn settings_of_steps_have_their_defaults() {
        let steps = "steps = [{ method = \"ssd\", settings = { alpha = 3 } }, { method = \"distill\" }]";
        let said = (ROW.build)(steps.parse().unwrap()).unwrap();
        assert_eq!(said.needs(), Needs::Recipe);
        let said = said.settings();
        assert_eq!(said["steps"][0]["settings"]["alpha"], 3.0);
        assert_eq!(said["steps"][1]["settings"]["temperature"], 2.0);
    }
}
