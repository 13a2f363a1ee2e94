//! Every key of every table of a configuration, read off its schema.

use serde_json::Value;

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// With its table, as `--set` writes it; `model.layers.linear.out` is `out` in a layer of this type.
    pub name: String,
    /// What it may be, with its range.
    pub takes: String,
    /// As TOML has it; `required`, or nothing where its absence means something else than a value.
    pub default: String,
    /// Of a number.
    pub unit: String,
    /// What it means.
    pub meaning: String,
}

/// All keys of a configuration, tables before what is in them.
pub fn keys() -> Vec<Key> {
    let schema = super::config();
    let mut keys = Vec::new();
    Walk { root: &schema, keys: &mut keys }.table(&schema, "");
    keys
}

struct Walk<'a> {
    root: &'a Value,
    keys: &'a mut Vec<Key>,
}

impl<'a> Walk<'a> {
    /// The schema that a reference leads to; any other is itself.
    fn followed(&self, schema: &'a Value) -> &'a Value {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
        target.and_then(|to| self.root.pointer(to)).unwrap_or(schema)
    }

    fn table(&mut self, schema: &'a Value, prefix: &str) {
        let needed = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (name, key) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let required = needed.iter().any(|needed| name.rsplit('.').next() == needed.as_str());
            self.key(name, key, required);
        }
    }

    fn key(&mut self, name: String, key: &'a Value, required: bool) {
        let inside = self.followed(key);
        let text = |word: &str| key.get(word).or(inside.get(word)).and_then(Value::as_str).unwrap_or_default();
        self.keys.push(Key {
            takes: self.takes(key),
            default: if required { "required".into() } else { default(key) },
            unit: text("unit").to_owned(),
            meaning: meaning(key, text("description")),
            name: name.clone(),
        });
        self.inside(inside, &name);
    }

    /// The keys of the tables that a value may be.
    fn inside(&mut self, schema: &'a Value, name: &str) {
        let schema = self.followed(schema);
        self.table(schema, name);
        // Layers inside a layer are the same layers again.
        if let Some(items) = schema.get("items").filter(|_| !name.contains("layers.")) {
            self.inside(items, name);
        }
        for way in ways(schema) {
            let way = self.followed(way);
            match way.pointer("/properties/type/const").and_then(Value::as_str) {
                Some(kind) => self.table(way, &format!("{name}.{kind}")),
                None => self.table(way, name),
            }
        }
    }

    /// What it may be, in words.
    fn takes(&self, key: &'a Value) -> String {
        let schema = self.followed(key);
        let words: Vec<String> = ways(schema).filter_map(|way| Some(way.get("const")?.to_string())).collect();
        if !words.is_empty() && words.len() == ways(schema).count() {
            return words.join(", ");
        }
        if let Some(listed) = schema.get("enum").and_then(Value::as_array) {
            return listed.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
        }
        if let Some(word) = schema.get("const") {
            return word.to_string();
        }
        let kind = match schema.get("type").and_then(Value::as_str) {
            Some("integer") => "a whole number",
            Some("number") => "a number",
            Some("boolean") => "true or false",
            Some("string") => "text",
            Some("object") => {
                let of = schema.get("additionalProperties").filter(|of| of.is_object()).map(|of| self.takes(of));
                return of.map_or_else(|| "a table".to_owned(), |of| format!("a table, each value {of}"));
            }
            Some("array") => {
                let of = schema.get("items").map_or_else(|| "anything".to_owned(), |items| self.takes(items));
                return format!("a list{}, each {of}", length(schema));
            }
            _ => {
                let mut ways: Vec<String> = ways(schema).map(|way| self.takes(way)).collect();
                ways.dedup();
                return ways.join(" or ") + &range(key);
            }
        };
        format!("{kind}{}", range(if key.get("$ref").is_some() { schema } else { key }))
    }
}

fn ways(schema: &Value) -> impl Iterator<Item = &Value> {
    ["oneOf", "anyOf"].into_iter().filter_map(|word| schema.get(word)?.as_array()).flatten()
}

/// How many a list holds, where that is fixed.
fn length(schema: &Value) -> String {
    let (least, most) = (schema.get("minItems"), schema.get("maxItems"));
    least.filter(|_| least == most).map_or_else(String::new, |count| format!(" of {count}"))
}

/// The ends of a range, in words that follow what it is a range of.
fn range(schema: &Value) -> String {
    let end = |word: &str| schema.get(word)?.as_f64();
    let ends = [("≥", "minimum"), (">", "exclusiveMinimum"), ("≤", "maximum"), ("<", "exclusiveMaximum")];
    let said: Vec<String> = ends.iter().filter_map(|(sign, word)| Some(format!("{sign} {}", end(word)?))).collect();
    if said.is_empty() { String::new() } else { format!(" {}", said.join(" and ")) }
}

/// The default; by loader where loaders differ.
fn default(key: &Value) -> String {
    if let Some(Value::Object(by_loader)) = key.get("defaults") {
        let mut values: Vec<(&Value, Vec<&str>)> = Vec::new();
        for (loader, value) in by_loader {
            match values.iter_mut().find(|(known, _)| *known == value) {
                Some((_, loaders)) => loaders.push(loader),
                None => values.push((value, vec![loader])),
            }
        }
        let said = values.iter().map(|(value, loaders)| format!("{value} ({})", loaders.join(", ")));
        return said.collect::<Vec<_>>().join("; ");
    }
    match key.get("default") {
        None | Some(Value::Object(_)) => "-".to_owned(),
        Some(value) => value.to_string(),
    }
}

/// What a key means, with the words it takes, and who reads it.
fn meaning(key: &Value, description: &str) -> String {
    let words = ways(key).filter_map(|way| Some((way.get("const")?.as_str()?, way.get("description")?.as_str()?)));
    let words: Vec<String> = words.map(|(word, meaning)| format!("{word}: {meaning}")).collect();
    let said = [description.to_owned(), words.join("; ")].join(" ");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}
