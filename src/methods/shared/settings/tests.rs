use super::*;
use crate::methods::METHODS;

fn refusal(method: &str, text: &str) -> String {
    let row = crate::methods::find(method).unwrap();
    match (row.build)(toml::from_str(text).unwrap()) {
        Ok(_) => panic!("{method} took {text}"),
        Err(e) => {
            assert_eq!(e.exit_code(), 2);
            e.to_string()
        }
    }
}

#[test]
fn an_unknown_key_is_refused_by_every_method() {
    for row in METHODS {
        let said = refusal(row.name, "no_such_key = 1");
        assert!(said.contains("no_such_key") && said.contains(row.name), "{said}");
    }
    assert!(refusal("gradient_ascent", "max_step = 3").contains("did you mean `max_steps`"));
    assert!(refusal("fisher_ascent", "detla = 3").contains("did you mean `delta`"));
}

#[test]
fn a_bad_value_is_refused_with_its_key() {
    for (method, text, key) in [
        ("finetune", "lr = \"fast\"", "lr"),
        ("finetune", "epochs = 0", "epochs"),
        ("finetune", "schedule = \"saw\"", "schedule"),
        ("gradient_ascent", "lr = -1", "lr"),
        ("gradient_ascent", "stop = \"never\"", "stop"),
        ("gradient_ascent", "lr = nan", "lr"),
        ("neg_grad_plus", "alpha = 1.5", "alpha"),
        ("ssd", "estimator = \"magic\"", "estimator"),
        ("fisher_ascent", "delta = 0", "delta"),
        ("ewc_ascent", "lambda = -2", "lambda"),
        ("fisher", "clamp = 0", "clamp"),
        ("fisher_removal", "steps = 0", "steps"),
        ("fisher_removal", "gamma = -1", "gamma"),
        ("fisher_forgetting", "delta = 0", "delta"),
        ("fisher_forgetting", "noise_cost = -1", "noise_cost"),
        ("certified_removal", "delta = 0", "delta"),
        ("certified_removal", "epsilon = -1", "epsilon"),
        ("delta_grad", "every = 0", "every"),
        ("salun", "share = 0", "share"),
        ("salun", "momentum = 1", "momentum"),
    ] {
        let said = refusal(method, text);
        assert!(said.contains(&format!("{key} ")) && said.contains(method), "{said}");
    }
}

/// One list per method: its struct holds what the row declares, and each default is the one that is reported.
#[test]
fn a_row_declares_what_its_struct_holds() {
    for row in METHODS {
        let said = (row.build)(toml::Table::new()).unwrap_or_else(|e| panic!("{e}")).settings();
        let mut declared: Vec<&str> = row.settings().map(|setting| setting.key).collect();
        declared.sort_unstable();
        assert_eq!(said.as_object().unwrap().keys().collect::<Vec<_>>(), declared, "{}", row.name);
        for setting in row.settings() {
            let (reported, name) = (&said[setting.key], format!("{}.{}", row.name, setting.key));
            match setting.value().unwrap() {
                None => assert!(reported.is_null(), "{name} has no default and reports {reported}"),
                Some(toml::Value::String(word)) => assert_eq!(reported, &word, "{name}"),
                Some(toml::Value::Boolean(flag)) => assert_eq!(reported, &flag, "{name}"),
                Some(toml::Value::Array(list)) => assert_eq!(reported.as_array().map(Vec::len), Some(list.len())),
                Some(number) => assert_eq!(reported.as_f64(), number.to_string().parse().ok(), "{name}"),
            }
            assert!(setting.default().is_some() || setting.doc.contains("bsent"), "{name}: absent means what?");
            assert!(setting.doc.ends_with('.') && !setting.takes().is_empty(), "{name}: {}", setting.doc);
        }
    }
}

/// Every word of every setting is taken; what is beyond a range, and what is of another kind, is refused by its
/// key.
#[test]
fn every_setting_is_held_to_what_it_declares() {
    for row in METHODS {
        for setting in row.settings() {
            for (word, meaning) in setting.words() {
                let value = if word.starts_with('{') { (*word).to_owned() } else { format!("\"{word}\"") };
                let table = format!("{} = {value}", setting.key).parse().unwrap();
                (row.build)(table).unwrap_or_else(|e| panic!("{}.{} = {word}: {e}", row.name, setting.key));
                assert!(!meaning.is_empty(), "{}.{} = {word}", row.name, setting.key);
            }
            let beyond: &[&str] = match setting.kind {
                Kind::Real(_) => &["-1", "nan", "inf", "1e-46", "1e39", "\"much\""],
                Kind::Count { least: 0, .. } => &["-1", "0.5", "1000000001"],
                Kind::Count { .. } => &["0", "1.5", "true", "9223372036854775807"],
                Kind::Flag => &["1", "\"yes\""],
                Kind::Choice(_) => &["\"no_such_word\"", "1"],
                Kind::Texts => &["[]", "[\"\"]", "\"one\"", "[1]"],
                Kind::Steps(_) => &["1", "[]", "[{ method = \"no_such_word\" }]"],
                Kind::Estimator => &["\"no_such_word\"", "{ model_sampled = { samples = 0 } }"],
            };
            for value in beyond {
                let said = refusal(row.name, &format!("{} = {value}", setting.key));
                let wanted = format!("{} must be {}", setting.key, setting.takes());
                assert!(said.contains(row.name) && said.contains(&wanted), "{said}");
            }
        }
    }
    assert!(refusal("finetune", "schedule = \"cosin\"").contains("did you mean `cosine`"));
    let drawn = "estimator = { model_sampled = { samples = 3 } }".parse().unwrap();
    let said = (crate::methods::find("ssd").unwrap().build)(drawn).unwrap().settings();
    assert_eq!(said["estimator"]["model_sampled"]["samples"], 3);
}

#[test]
fn settings_that_were_reported_can_be_given_back() {
    for row in METHODS {
        let Ok(method) = (row.build)(toml::Table::new()) else { panic!("{} has no defaults", row.name) };
        let mut said = method.settings();
        // TOML has no null: an absent key stands for it.
        said.as_object_mut().unwrap().retain(|_, v| !v.is_null());
        let again = (row.build)(toml::Table::try_from(&said).unwrap()).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(again.settings(), method.settings(), "{}", row.name);
    }
}

#[test]
fn a_key_that_is_given_replaces_its_default_alone() {
    let build =
        (crate::methods::find("fisher_ascent").unwrap().build)(toml::from_str("delta = 1\nmax_steps = 7").unwrap());
    let said = build.unwrap_or_else(|e| panic!("{e}")).settings();
    assert_eq!(
        (said["delta"].as_f64(), said["max_steps"].as_u64(), said["lr"].as_f64()),
        (Some(1.0), Some(7), Some(0.02))
    );
}
