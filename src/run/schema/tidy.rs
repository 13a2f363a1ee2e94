//! What all schemas have in common, whatever type they were made from.

use serde_json::Value;

/// Takes out null, as a default and as a value: TOML has none, and a key that is absent stands for it.
pub(super) fn without_null(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        if object.get("default").is_some_and(Value::is_null) {
            object.remove("default");
        }
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [one] = types.as_slice() {
                let one = one.clone();
                object.insert("type".into(), one);
            }
        }
        if let Some(Value::Array(ways)) = object.get_mut("anyOf") {
            ways.retain(|way| way.get("type").is_none_or(|kind| kind != "null"));
            if let [Value::Object(one)] = ways.as_slice() {
                let one = one.clone();
                object.remove("anyOf");
                for (key, value) in one {
                    object.entry(key).or_insert(value);
                }
            }
        }
    }
    each(schema, &mut without_null);
}

/// Gives every number a unit that its type does not name: `1`, a plain number. What is counted or measured in a unit is
/// not negative, unless its type says otherwise. The meaning of a variant goes to the word that says which it is.
pub(super) fn complete(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        // `uint64` and the like are no formats of the standard; the range says what they say.
        object.remove("format");
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = plain(text);
        }
    }
    let meaning = schema.get("description").cloned();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut().filter(|p| is_number(p) || p.get("items").is_some_and(is_number)) {
            if let Some(property) = property.as_object_mut() {
                let measured = *property.entry("unit").or_insert_with(|| "1".into()) != "1";
                let bound = ["items", "anyOf", "exclusiveMinimum"].iter().any(|word| property.contains_key(*word));
                if measured && !bound {
                    property.entry("minimum").or_insert_with(|| 0.into());
                }
            }
        }
        if let Some(meaning) = meaning {
            let only = properties.len() == 1;
            // The word that says which variant it is.
            let told = |property: &&mut serde_json::Map<String, Value>| only || property.contains_key("const");
            for property in properties.values_mut().filter_map(Value::as_object_mut).filter(told) {
                property.entry("description").or_insert_with(|| meaning.clone());
            }
        }
    }
    each(schema, &mut complete);
}

/// A doc comment as text: lines joined, links without their targets and the paths before names.
fn plain(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some((before, rest)) = words.split_once("[`") {
        let Some((name, after)) = rest.split_once("`]") else { break };
        let after = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
        words = format!("{before}`{}`{after}", name.rsplit("::").next().unwrap_or(name));
    }
    words
}

/// Whether a value may be a number, here or in one of the ways.
fn is_number(schema: &Value) -> bool {
    let number = |kind: &Value| kind == "number" || kind == "integer";
    let here = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(number),
        Some(kind) => number(kind),
        None => false,
    };
    here || schema.get("anyOf").and_then(Value::as_array).is_some_and(|ways| ways.iter().any(is_number))
}

/// Does this to whatever lies inside.
fn each(schema: &mut Value, what: &mut dyn FnMut(&mut Value)) {
    match schema {
        Value::Object(object) => object.values_mut().for_each(what),
        Value::Array(list) => list.iter_mut().for_each(what),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doc_comments_become_text() {
        let said = plain("A name from\n[`DATASETS`](super::DATASETS), or [`a::B`].");
        assert_eq!(said, "A name from `DATASETS`, or `B`.");
        assert_eq!(plain("`[height, width]` and [n, [`x"), "`[height, width]` and [n, [`x");
    }
}
