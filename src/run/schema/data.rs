//! `[data]`: which loader reads which key, and with which default, from the loaders' rows.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::data::{DATASETS, DataConfig};

/// Completes the table's schema in the schema of a configuration.
pub(super) fn complete(schema: &mut Value) {
    let Some(table) = schema.pointer_mut("/$defs/DataConfig").and_then(Value::as_object_mut) else { return };
    let only = DATASETS.iter().map(|row| {
        let keys: Vec<&str> = ["loader"].into_iter().chain(row.keys.iter().copied()).collect();
        json!({
            "if": { "properties": { "loader": { "const": row.name } } },
            "then": { "propertyNames": { "enum": keys } },
        })
    });
    table.insert("allOf".into(), only.collect());
    let Some(keys) = table.get_mut("properties").and_then(Value::as_object_mut) else { return };
    if let Some(loader) = keys.get_mut("loader") {
        loader["oneOf"] = DATASETS.iter().map(|row| json!({ "const": row.name, "description": row.summary })).collect();
    }
    let defaults: Vec<(&str, Map<String, Value>)> = DATASETS.iter().map(|row| (row.name, defaults(row.name))).collect();
    for (key, property) in keys.iter_mut().filter(|(key, _)| *key != "loader") {
        let readers = DATASETS.iter().filter(|row| row.keys.contains(&key.as_str())).map(|row| row.name);
        property["loaders"] = readers.collect();
        let of = |(loader, all): &(&'static str, Map<String, Value>)| Some((*loader, all.get(key)?.clone()));
        let given: BTreeMap<&str, Value> = defaults.iter().filter_map(of).collect();
        let mut values: Vec<&Value> = given.values().collect();
        values.dedup();
        match values.as_slice() {
            [] => {}
            [one] => property["default"] = (*one).clone(),
            _ => property["defaults"] = json!(given),
        }
    }
}

/// The keys of a loader that have a default where nothing else is set.
fn defaults(loader: &str) -> Map<String, Value> {
    let resolved = DataConfig::new(loader).resolved().ok();
    let table = resolved.and_then(|config| serde_json::to_value(config).ok());
    table.as_ref().and_then(Value::as_object).cloned().unwrap_or_default()
}
