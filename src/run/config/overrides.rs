//! `--set a.b=v`: values are TOML, and words without quotes are strings.

use toml::{Table, Value};

use crate::error::{Error, Result};

/// Puts one `a.b=v` into `table`, making tables on the way; a number steps into a list.
///
/// # Errors
/// A setting without `=`, with an empty key, or through something that is not a table.
pub(super) fn apply(table: &mut Table, set: &str) -> Result<()> {
    let fail = |why: String| Err(Error::input(format!("--set {set}: {why}")));
    let Some((path, value)) = set.split_once('=') else {
        return fail("expected KEY=VALUE, for example train.epochs=5".into());
    };
    let keys: Vec<&str> = path.split('.').map(str::trim).collect();
    if keys.iter().any(|key| key.is_empty()) {
        return fail("a part of the key is empty".into());
    }
    let Some((last, way)) = keys.split_last() else { return fail("the key is empty".into()) };
    let mut at = Slot::Table(table);
    for key in way {
        at = match at.enter(key) {
            Some(next) => next,
            None => return fail(format!("`{key}` is not a table")),
        };
    }
    match at.put(last, value_of(value.trim())) {
        true => Ok(()),
        false => fail(format!("the list has no place `{last}`")),
    }
}

/// The `--set k=v` of a method as its table of settings.
///
/// # Errors
/// As for configurations.
pub fn settings(sets: &[String]) -> Result<Table> {
    let mut table = Table::new();
    sets.iter().try_for_each(|set| apply(&mut table, set))?;
    Ok(table)
}

/// A TOML value if it is one, else the words themselves.
fn value_of(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("v = {text}"));
    match parsed {
        Ok(mut table) if table.len() == 1 => table.remove("v").unwrap_or_else(|| Value::from(text)),
        _ => Value::from(text),
    }
}

/// A place that can be stepped into.
enum Slot<'a> {
    Table(&'a mut Table),
    List(&'a mut Vec<Value>),
}

impl<'a> Slot<'a> {
    fn enter(self, key: &str) -> Option<Slot<'a>> {
        let next = match self {
            Slot::Table(table) => table.entry(key).or_insert_with(|| Value::Table(Table::new())),
            Slot::List(list) => list.get_mut(key.parse::<usize>().ok()?)?,
        };
        match next {
            Value::Table(table) => Some(Slot::Table(table)),
            Value::Array(list) => Some(Slot::List(list)),
            _ => None,
        }
    }

    fn put(self, key: &str, value: Value) -> bool {
        match self {
            Slot::Table(table) => {
                table.insert(key.to_owned(), value);
                true
            }
            Slot::List(list) => match key.parse::<usize>().ok().and_then(|i| list.get_mut(i)) {
                Some(slot) => {
                    *slot = value;
                    true
                }
                None => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_and_bare_words_are_strings() {
        let sets = ["a.b=3", "a.c = sgd", "d=1e-3", "e=[1, 2]", "f=\"x=y\"", "g=true", "h=a\nb=2"].map(String::from);
        let table = settings(&sets).unwrap();
        let want: Table =
            toml::from_str("d = 1e-3\ne = [1, 2]\nf = 'x=y'\ng = true\nh = \"a\\nb=2\"\n[a]\nb = 3\nc = 'sgd'")
                .unwrap();
        assert_eq!(table, want);
    }

    #[test]
    fn lists_are_entered_by_place_and_nonsense_is_refused() {
        let mut table: Table = toml::from_str("[[model.layers]]\ntype = 'linear'\n[[model.layers]]\nout = 2").unwrap();
        apply(&mut table, "model.layers.1.out=5").unwrap();
        assert_eq!(table["model"]["layers"][1]["out"].as_integer(), Some(5));
        for bad in ["train.lr", "=1", "a..b=1", "model.layers.2.out=1", "model.layers.0.type.x=1", "model.layers.9=1"] {
            let error = apply(&mut table, bad).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(bad), "{error}");
        }
    }
}
