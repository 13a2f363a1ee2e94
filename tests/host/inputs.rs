//! Inputs of a network by the columns of a table.

use unlearn::nn::{FeatureColumn, InputConfig, Kind, Model, ModelConfig};

fn table() -> Vec<FeatureColumn> {
    let column = |name: &str, kind, range| (name.to_owned(), kind, range);
    vec![
        column("age", Kind::Numeric, [0, 2]),
        column("trade.of", Kind::Categorical, [2, 5]),
        column("hours", Kind::Numeric, [5, 6]),
        column("sex", Kind::Categorical, [6, 8]),
    ]
}

fn over(text: &str) -> Result<Vec<InputConfig>, String> {
    let input: InputConfig = toml::from_str(text).expect("TOML");
    input.over(&table(), "people").map_err(|e| e.to_string())
}

#[test]
fn columns_are_taken_by_name_by_kind_and_one_by_one() {
    let [named] = &over("columns = ['sex', 'age']").expect("known columns")[..] else { panic!("one input") };
    assert_eq!(named.features, Some(vec![[6, 8], [0, 2]]), "in the order in which they are named");
    let [numbers] = &over("kind = 'numeric'").expect("numbers")[..] else { panic!("one input") };
    assert_eq!(numbers.features, Some(vec![[0, 2], [5, 6]]));
    let layers = "layers = [{ type = 'embedding', name = 'emb', out = 4 }, { type = 'relu' }]";
    let each = over(&format!("kind = 'categorical'\neach = true\n{layers}")).expect("categories");
    let names: Vec<_> = each.iter().map(|input| input.layers[0]["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["emb.trade_of", "emb.sex"], "a dot would part names");
    assert_eq!(each[1].features, Some(vec![[6, 8]]));
    // What was resolved is resolved again to the same, on other features.
    let mut fewer = table();
    fewer[1].2 = [2, 4];
    fewer[3].2 = [5, 7];
    let again = each[1].over(&fewer, "people").expect("the same column");
    assert_eq!((again[0].features.clone(), again[0].columns.clone()), (Some(vec![[5, 7]]), each[1].columns.clone()));
    assert_eq!(over("features = [[1, 3]]").expect("as given")[0].features, Some(vec![[1, 3]]));
}

#[test]
fn inputs_that_mean_nothing_are_refused_in_a_sentence() {
    for (text, says) in [
        ("columns = ['sexe']", "no column `sexe` (did you mean `sex`?)"),
        ("columns = ['age']\nkind = 'numeric'", "keep one"),
        ("layers = []", "`columns`, `kind` or `features`"),
    ] {
        let error = over(text).expect_err("a refusal");
        assert!(error.contains("[[model.inputs]]") && error.contains(says), "{error}");
    }
    let input: InputConfig = toml::from_str("kind = 'numeric'").expect("TOML");
    let error = input.over(&[], "digits").expect_err("no table").to_string();
    assert!(error.contains("digits has no columns"), "{error}");
    let model = |text: &str| {
        let config: ModelConfig = toml::from_str(text).expect("TOML");
        Model::build(&config, &[8], 2).err().expect("a refusal").to_string()
    };
    let behind = "\nlayers = [{ type = 'linear' }]";
    assert!(model(&format!("inputs = [{{ kind = 'numeric' }}]{behind}")).contains("features"));
    assert!(model(&format!("inputs = [{{ features = [[3, 9]] }}]{behind}")).contains("[3, 9] are no range of 8"));
    assert!(model(&format!("inputs = [{{ features = [[3, 3]] }}]{behind}")).contains("no range"));
}

#[test]
fn a_network_of_inputs_shows_them_with_every_default_and_is_built_from_that_again() {
    let text = "inputs = [{ features = [[0, 2], [5, 6]] }, { columns = ['sex'], features = [[6, 8]], \
                layers = [{ type = 'embedding', out = 3 }] }]\nlayers = [{ type = 'linear' }]";
    let config: ModelConfig = toml::from_str(text).expect("TOML");
    let model = Model::build(&config, &[8], 2).expect("a network");
    let names: Vec<_> = model.layout.entries().iter().map(|e| (e.name.as_str(), e.shape.clone())).collect();
    assert_eq!(names, [("emb101.weight", vec![2, 3]), ("fc2.weight", vec![2, 6]), ("fc2.bias", vec![2])]);
    let resolved = model.config();
    assert_eq!(resolved.inputs[1].columns, config.inputs[1].columns);
    assert_eq!(resolved.inputs[1].layers[0]["name"].as_str(), Some("emb101"));
    let written = toml::to_string(&resolved).expect("TOML");
    let again: ModelConfig = toml::from_str(&written).expect("what was written");
    assert_eq!(again, resolved);
    assert_eq!(Model::build(&again, &[8], 2).expect("again").layout, model.layout);
}
