//! `[[model.inputs]]`: parts of the features by the columns of a table, each with layers of its own.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What the columns of an input are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Numbers.
    Numeric,
    /// Categories: 0/1 features.
    Categorical,
}

/// One part of the features.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InputConfig {
    /// Columns of the table, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// All columns of this kind, in the place of `columns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// An input for each of the columns: a layer named `emb` is `emb.COLUMN` in each, as in PyTorch's ModuleDict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
    /// Ranges `[first, end]` of features from 0, `end` not among them; found from the columns where those are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<[usize; 2]>>,
    /// Layers of this part, tables with a `type` each; none: the features as they are.
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::layers"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<toml::Table>,
}

/// A column of a table: its name, what it is, and the range of its features.
pub type FeatureColumn = (String, Kind, [usize; 2]);

impl InputConfig {
    /// The inputs that this one is over the columns of a table, each with its features.
    ///
    /// # Errors
    /// A column that the table has not, none of a kind, no columns at all.
    pub fn over(&self, table: &[FeatureColumn], data: &str) -> Result<Vec<InputConfig>> {
        let fail = |what: String| Err(Error::input(format!("[[model.inputs]]: {what}")));
        let found: Vec<&FeatureColumn> = match (&self.columns, self.kind, &self.features) {
            (None, None, Some(_)) => return Ok(vec![self.clone()]),
            (Some(_), Some(_), _) => return fail("`columns` and `kind` both say which columns; keep one".into()),
            (None, None, None) => return fail("needs `columns`, `kind` or `features`".into()),
            _ if table.is_empty() => return fail(format!("the data set {data} has no columns; give `features`")),
            (None, Some(kind), _) => table.iter().filter(|(_, known, _)| *known == kind).collect(),
            (Some(names), None, _) => {
                let find = |name: &String| {
                    table.iter().find(|(known, ..)| known == name).ok_or_else(|| {
                        let known = table.iter().map(|(known, ..)| known.as_str());
                        let near = crate::base::did_you_mean(name, known.clone());
                        let all: Vec<&str> = known.collect();
                        Error::input(format!(
                            "[[model.inputs]]: {data} has no column `{name}`{near}; its features are of {}",
                            all.join(", ")
                        ))
                    })
                };
                names.iter().map(find).collect::<Result<_>>()?
            }
        };
        if found.is_empty() {
            return fail(format!("the data set {data} has no columns of that kind"));
        }
        let of = |columns: &[&FeatureColumn], layers| InputConfig {
            columns: Some(columns.iter().map(|(name, ..)| name.clone()).collect()),
            features: Some(columns.iter().map(|(.., range)| *range).collect()),
            layers,
            ..InputConfig::default()
        };
        Ok(match self.each {
            true => found.iter().map(|column| of(&[*column], named(&self.layers, &column.0))).collect(),
            false => vec![of(&found, self.layers.clone())],
        })
    }
}

/// The layers with a column's name behind their own; dots part names.
fn named(layers: &[toml::Table], column: &str) -> Vec<toml::Table> {
    let mut layers = layers.to_vec();
    for layer in &mut layers {
        if let Some(toml::Value::String(name)) = layer.get_mut("name") {
            *name = format!("{name}.{}", column.replace('.', "_"));
        }
    }
    layers
}

/// The layer that the inputs are; none without inputs.
pub(super) fn joined(inputs: &[InputConfig]) -> Result<Option<toml::Table>> {
    if inputs.is_empty() {
        return Ok(None);
    }
    let branch = |input: &InputConfig| {
        let Some(features) = &input.features else {
            return Err(Error::input("[[model.inputs]]: columns are those of a table; give `features` elsewhere"));
        };
        let range = |[first, end]: &[usize; 2]| vec![*first as i64, *end as i64];
        let mut table = toml::Table::new();
        table.insert("features".into(), features.iter().map(range).collect::<Vec<_>>().into());
        table.insert("layers".into(), input.layers.clone().into());
        Ok(table)
    };
    let branches = inputs.iter().map(branch).collect::<Result<Vec<_>>>()?;
    let mut table = toml::Table::new();
    table.insert("type".into(), "concat".into());
    table.insert("branches".into(), branches.into());
    Ok(Some(table))
}

/// Writes every default into the inputs' layers, which are those of `joined`'s branches.
pub(super) fn complete(inputs: &mut [InputConfig], joined: &toml::Table) {
    let branches = joined.get("branches").and_then(toml::Value::as_array);
    for (input, branch) in inputs.iter_mut().zip(branches.into_iter().flatten()) {
        let found = branch.get("layers").and_then(toml::Value::as_array);
        input.layers = found.into_iter().flatten().filter_map(|layer| layer.as_table().cloned()).collect();
    }
}
