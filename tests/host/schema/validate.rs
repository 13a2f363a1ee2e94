//! As much of JSON Schema 2020-12 as the program's schemas use. A word that is not known here fails the test.

use serde_json::{Map, Value};

/// Words that say something and hold nothing.
const SAID: &[&str] = &[
    "$schema",
    "$defs",
    "$ref",
    "title",
    "description",
    "default",
    "format",
    "unit",
    "loaders",
    "defaults",
    "range",
    "then",
];

/// What is wrong with a document.
pub fn wrong(schema: &Value, document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    check(schema, schema, document, "", &mut wrong);
    wrong
}

/// The keys of a document that the schema does not describe.
pub fn undescribed(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(schema, &[schema], document, "", &mut found);
    found
}

fn followed<'a>(root: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    let to = schema.get("$ref")?.as_str().expect("a reference is text");
    Some(root.pointer(to.trim_start_matches('#')).unwrap_or_else(|| panic!("{to} leads nowhere")))
}

fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let mut wrong = Vec::new();
    check(root, schema, value, "", &mut wrong);
    wrong.is_empty()
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let Some(rules) = schema.as_object() else {
        if schema == &Value::Bool(false) {
            wrong.push(format!("{at}: nothing may stand here"));
        }
        return;
    };
    if let Some(target) = followed(root, schema) {
        check(root, target, value, at, wrong);
    }
    for (word, rule) in rules {
        let list = || rule.as_array().expect("a list").iter();
        let good = match word.as_str() {
            "type" => match rule {
                Value::Array(kinds) => kinds.iter().any(|kind| is(kind, value)),
                kind => is(kind, value),
            },
            "const" => rule == value,
            "enum" => list().any(|one| one == value),
            "anyOf" => list().any(|way| fits(root, way, value)),
            "oneOf" => list().filter(|way| fits(root, way, value)).count() == 1,
            "allOf" => {
                list().for_each(|way| check(root, way, value, at, wrong));
                true
            }
            "if" => {
                if let Some(then) = rules.get("then").filter(|_| fits(root, rule, value)) {
                    check(root, then, value, at, wrong);
                }
                true
            }
            _ if SAID.contains(&word.as_str()) => true,
            _ => match value {
                Value::Object(keys) => object(root, rules, word, rule, keys, at, wrong),
                Value::Array(items) => array(root, word, rule, items, at, wrong),
                other => plain(word, rule, other),
            },
        };
        if !good {
            let value = value.to_string();
            wrong.push(format!("{at}: {word} {rule} does not allow {}", value.chars().take(80).collect::<String>()));
        }
    }
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("the name of a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("no type {other}"),
    }
}

fn object(
    root: &Value,
    rules: &Map<String, Value>,
    word: &str,
    rule: &Value,
    keys: &Map<String, Value>,
    at: &str,
    wrong: &mut Vec<String>,
) -> bool {
    match word {
        "properties" => {
            for (key, schema) in rule.as_object().expect("properties") {
                if let Some(value) = keys.get(key) {
                    check(root, schema, value, &format!("{at}.{key}"), wrong);
                }
            }
            true
        }
        "additionalProperties" => {
            let known = rules.get("properties").and_then(Value::as_object);
            for (key, value) in keys.iter().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key))) {
                check(root, rule, value, &format!("{at}.{key}"), wrong);
            }
            true
        }
        "propertyNames" => keys.keys().all(|key| fits(root, rule, &Value::from(key.as_str()))),
        "required" => rule.as_array().expect("keys").iter().all(|key| keys.contains_key(key.as_str().expect("a key"))),
        other => ignored(other),
    }
}

fn array(root: &Value, word: &str, rule: &Value, items: &[Value], at: &str, wrong: &mut Vec<String>) -> bool {
    let count = items.len() as u64;
    match word {
        "items" => {
            items.iter().for_each(|item| check(root, rule, item, &format!("{at}[]"), wrong));
            true
        }
        "minItems" => rule.as_u64().is_some_and(|least| count >= least),
        "maxItems" => rule.as_u64().is_some_and(|most| count <= most),
        other => ignored(other),
    }
}

fn plain(word: &str, rule: &Value, value: &Value) -> bool {
    let (v, end, text) = (value.as_f64(), rule.as_f64(), value.as_str().map(|text| text.chars().count() as f64));
    match (word, v, text) {
        ("minimum", Some(v), _) => v >= end.expect("a number"),
        ("exclusiveMinimum", Some(v), _) => v > end.expect("a number"),
        ("maximum", Some(v), _) => v <= end.expect("a number"),
        ("exclusiveMaximum", Some(v), _) => v < end.expect("a number"),
        ("minLength", _, Some(length)) => length >= end.expect("a number"),
        ("maxLength", _, Some(length)) => length <= end.expect("a number"),
        ("pattern", ..) if value.is_string() => {
            let pattern = regex::Regex::new(rule.as_str().expect("a pattern")).expect("a regular expression");
            value.as_str().is_some_and(|text| pattern.is_match(text))
        }
        (other, ..) => ignored(other),
    }
}

/// A rule about another type than the value's.
fn ignored(word: &str) -> bool {
    let known = [
        "properties",
        "additionalProperties",
        "propertyNames",
        "required",
        "items",
        "minItems",
        "maxItems",
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "pattern",
    ];
    assert!(known.contains(&word), "the validator does not know `{word}`");
    true
}

/// All schemas that speak of a value: references, alternatives and conditions followed.
fn voices<'a>(root: &'a Value, schemas: &[&'a Value]) -> Vec<&'a Value> {
    let mut all = Vec::new();
    for schema in schemas {
        all.push(*schema);
        all.extend(followed(root, schema).map_or_else(Vec::new, |target| voices(root, &[target])));
        for word in ["anyOf", "oneOf", "allOf"] {
            let ways: Vec<&Value> = schema.get(word).and_then(Value::as_array).into_iter().flatten().collect();
            all.extend(voices(root, &ways));
        }
        // Whether the condition holds is for `check`, which holds the value to it where it does.
        all.extend(schema.get("then").map_or_else(Vec::new, |then| voices(root, &[then])));
    }
    all
}

fn walk<'a>(root: &'a Value, schemas: &[&'a Value], value: &Value, at: &str, found: &mut Vec<String>) {
    let said = voices(root, schemas);
    match value {
        Value::Object(keys) => {
            for (key, value) in keys {
                let named: Vec<&Value> = said.iter().filter_map(|s| s.get("properties")?.get(key)).collect();
                let others = said.iter().filter_map(|s| s.get("additionalProperties")).filter(|s| s.is_object());
                let of: Vec<&Value> = if named.is_empty() { others.collect() } else { named };
                let at = format!("{at}.{key}");
                let described = |schema: &&Value| schema.get("description").is_some_and(|d| d != "");
                // What a table of any names holds, such as columns and variants, is described where the table is.
                let described = voices(root, &of).iter().any(described) || schemas.iter().any(|s| any_names(s));
                if !described {
                    found.push(at.clone());
                }
                // What is open is described as a whole.
                let open = |schema: &&Value| schema.as_object().is_some_and(|s| s.keys().eq(["description"]));
                if !of.iter().all(open) {
                    walk(root, &of, value, &at, found);
                }
            }
        }
        Value::Array(items) => {
            let of: Vec<&Value> = said.iter().filter_map(|s| s.get("items")).collect();
            items.iter().for_each(|item| walk(root, &of, item, &format!("{at}[]"), found));
        }
        _ => {}
    }
}

fn any_names(schema: &Value) -> bool {
    schema.get("properties").is_none() && schema.get("additionalProperties").is_some()
}
