//! What the registries say of keys: layers, networks, optimisers, objectives, methods and their settings, metrics.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::eval::METRICS;
use crate::methods::{METHODS, MethodRow, composite};
use crate::nn::{LAYERS, LayerRow, ZOO};
use crate::records::OBJECTIVES;
use crate::statistics::Estimator;
use crate::train::{OPTIMIZERS, TrainConfig};

/// Defines `Layer`: a table of one of the layers, by its `type`.
pub(super) fn define_layers(generator: &mut SchemaGenerator) {
    let tables: Vec<Value> = LAYERS.iter().map(|row| layer(row, generator)).collect();
    let all = json!({ "description": "A layer, by its `type`.", "oneOf": tables });
    generator.definitions_mut().insert("Layer".into(), all);
}

fn layer(row: &LayerRow, generator: &mut SchemaGenerator) -> Value {
    let mut table = (row.keys.schema)(generator);
    let table = table.ensure_object();
    table.insert("description".into(), row.summary.into());
    let keys = table.entry("properties").or_insert_with(|| json!({}));
    keys["type"] = json!({ "type": "string", "const": row.kind, "description": "Which layer it is." });
    let needed = table.entry("required").or_insert_with(|| json!([]));
    if let Some(needed) = needed.as_array_mut() {
        needed.insert(0, "type".into());
    }
    Value::Object(table.clone())
}

/// Says which words these keys of a configuration take.
pub(super) fn complete(schema: &mut Value) {
    let optimizers: Vec<_> = OPTIMIZERS.iter().map(|row| (row.name, row.summary)).collect();
    let objectives: Vec<_> = OBJECTIVES.iter().map(|row| (row.name, row.summary)).collect();
    let zoo: Vec<_> = ZOO.iter().map(|row| (row.name, row.summary)).collect();
    let methods: Vec<_> = METHODS.iter().map(|row| (row.name, row.summary)).collect();
    for (place, words) in [
        ("/$defs/TrainConfig/properties/optimizer", optimizers),
        ("/$defs/TrainConfig/properties/objective", objectives),
        ("/$defs/ModelConfig/properties/zoo", zoo),
        ("/$defs/ForgetConfig/properties/methods/items", methods),
    ] {
        let words = words.iter().map(|(word, meaning)| json!({ "const": word, "description": meaning }));
        if let Some(key) = schema.pointer_mut(place) {
            key["oneOf"] = words.collect();
        }
    }
    if let Some(step) = schema.pointer_mut("/$defs/Step") {
        step["allOf"] = settings_of_steps();
    }
}

/// What a step's `settings` are, by its `method`: a condition for each method that may be one.
fn settings_of_steps() -> Value {
    let steps = METHODS.iter().copied().filter(|row| composite::is_step(row));
    let condition = |row: &MethodRow| {
        json!({
            "if": { "properties": { "method": { "const": row.name } } },
            "then": { "properties": { "settings": reference(row) } },
        })
    };
    steps.map(condition).collect()
}

/// `forget.settings`: a table for each method.
pub(crate) fn settings_by_method(generator: &mut SchemaGenerator) -> Schema {
    let tables: Map<String, Value> = METHODS.iter().map(|row| (row.name.into(), settings(row, generator))).collect();
    json_schema!({ "type": "object", "additionalProperties": false, "properties": tables })
}

/// The settings of one method or another as a document reports them, or the recipe of a model that was trained.
pub(crate) fn settings_of_a_method(generator: &mut SchemaGenerator) -> Schema {
    let mut ways: Vec<Value> = METHODS.iter().map(|row| settings(row, generator)).collect();
    ways.push(generator.subschema_for::<TrainConfig>().to_value());
    ways.push(json!({ "type": "null" }));
    json_schema!({ "anyOf": ways })
}

/// The settings of a method, from its row.
fn settings(row: &MethodRow, generator: &mut SchemaGenerator) -> Value {
    let name = defined(row);
    if !generator.definitions().contains_key(&name) {
        generator.subschema_for::<Estimator>();
        let writes = generator.contract().is_serialize();
        let key = |setting: &crate::methods::Setting| {
            let mut schema = setting.schema();
            // A document writes null where the method chooses.
            if writes && setting.default().is_none() {
                let kind = schema["type"].take();
                schema["type"] = json!([kind, "null"]);
            }
            if let Some(steps) = schema.get_mut("items") {
                steps["allOf"] = settings_of_steps();
            }
            (setting.key.to_owned(), schema)
        };
        let keys: Map<String, Value> = row.settings().map(key).collect();
        let table = json!({
            "type": "object",
            "description": format!("{}.", row.summary),
            "additionalProperties": false,
            "properties": keys,
        });
        generator.definitions_mut().insert(name, table);
    }
    reference(row)
}

/// What [`settings`] calls a method's table among the definitions.
fn defined(row: &MethodRow) -> String {
    format!("settings_{}", row.name)
}

fn reference(row: &MethodRow) -> Value {
    let about = format!("Settings of `{}`; `unlearn list methods {}` has them too.", row.name, row.name);
    json!({ "$ref": format!("#/$defs/{}", defined(row)), "description": about })
}

/// Values by dotted key as nested tables, from the keys of [`METRICS`]; `*` is any name.
pub(crate) fn metrics(_: &mut SchemaGenerator) -> Schema {
    let mut root = table("Metrics, by name.");
    for metric in METRICS {
        let about = format!("{}: {}; {}.", metric.name, metric.summary, metric.target.as_str());
        for key in metric.keys {
            let parts: Vec<&str> = key.split('.').collect();
            let mut at = &mut root;
            for (depth, part) in parts.iter().enumerate() {
                let inside = match depth + 1 == parts.len() {
                    true => json!({ "type": "number", "description": about, "range": metric.range, "unit": "1" }),
                    false => table(metric.name),
                };
                at = match *part {
                    "*" => entry(at, "additionalProperties", inside),
                    name => entry(entry(at, "properties", json!({})), name, inside),
                };
            }
        }
    }
    Schema::try_from(root).unwrap_or_default()
}

fn table(about: &str) -> Value {
    json!({ "type": "object", "description": about })
}

/// What lies under a key, made if absent.
fn entry<'a>(value: &'a mut Value, key: &str, absent: Value) -> &'a mut Value {
    let slot = &mut value[key];
    if slot.is_null() {
        *slot = absent;
    }
    slot
}

/// Figures by name, of one method or another.
pub(crate) fn figures(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "description": "A figure of this method, by name." } })
}
