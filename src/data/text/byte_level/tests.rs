use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::data::{DataConfig, Tokenizer, load};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shared/import").join(name)
}

const MOST: usize = 1 << 16;

fn of(file: &Value) -> Tokenizer {
    let Read { pieces, merges, end, space_first } = read(&file.to_string(), MOST).expect("a tokenizer");
    Tokenizer::ByteLevel { pieces, merges, end, space_first }
}

fn file() -> Value {
    serde_json::from_slice(&std::fs::read(fixture("tokenizer.json")).expect("a file")).expect("JSON")
}

#[test]
fn texts_of_every_script_become_the_tokens_that_tokenizers_makes_of_them() {
    let tokenizer = Tokenizer::read(&fixture("tokenizer.json")).expect("a tokenizer");
    assert_eq!((tokenizer.size(), tokenizer.end()), (320, 0));
    let texts: Vec<Value> =
        serde_json::from_slice(&std::fs::read(fixture("tokenizer_texts.json")).expect("a file")).expect("JSON");
    assert_eq!(texts.len(), 16);
    for row in &texts {
        let text = row["text"].as_str().expect("a text");
        let tokens: Vec<u32> = serde_json::from_value(row["tokens"].clone()).expect("tokens");
        assert_eq!(tokenizer.encode(text), tokens, "{text:?}");
        assert_eq!(tokenizer.decode(&tokens), text);
    }
    let kept = serde_json::to_string(&tokenizer).expect("JSON");
    assert_eq!(serde_json::from_str::<Tokenizer>(&kept).expect("a tokenizer"), tokenizer);
}

#[test]
fn a_space_before_a_text_is_the_files_to_say() {
    let mut spaced = file();
    spaced["pre_tokenizer"]["add_prefix_space"] = true.into();
    let [plain, spaced] = [file(), spaced].map(|file| of(&file));
    assert_eq!(spaced.encode("the cat"), plain.encode(" the cat"));
    assert_eq!(spaced.encode(" the cat"), plain.encode(" the cat"));
    assert_ne!(plain.encode("the cat"), plain.encode(" the cat"));
}

#[test]
fn documents_are_cut_by_a_file_and_no_record_is_learned_from() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.txt"), "the cat\nthe dog\n").expect("a file");
    std::fs::copy(fixture("tokenizer.json"), folder.path().join("t.json")).expect("a copy");
    let config = |name: &str| DataConfig {
        path: Some("a.txt".into()),
        test_fraction: Some(0.0),
        tokenizer: Some(name.into()),
        ..DataConfig::new("text")
    };
    let data = load(&config("t.json"), folder.path()).expect("texts");
    assert_eq!((data.classes, &data.train.x[..4]), (320, &[0.0, 258.0, 311.0, 0.0][..]));
    assert_eq!(data.class_names[0], "end of text");
    let said = load(&config("u.json"), folder.path()).expect_err("no such file").to_string();
    assert!(said.contains("u.json"), "{said}");
    let said = load(&config("pieces"), folder.path()).expect_err("no such tokenizer").to_string();
    assert!(said.contains("there is no tokenizer `pieces`"), "{said}");
}

#[test]
fn a_tokenizer_of_another_kind_is_refused_in_a_sentence() {
    let wrong = |change: &dyn Fn(&mut Value), says: &str| {
        let mut value = file();
        change(&mut value);
        let Err(said) = read(&value.to_string(), MOST) else { panic!("{says}: was read") };
        assert!(said.contains(says) && !said.contains('\n'), "{said}: expected {says}");
    };
    let set = |path: &'static str, to: Value| move |v: &mut Value| *v.pointer_mut(path).expect(path) = to.clone();
    wrong(&set("/model/type", json!("WordPiece")), "its model is `WordPiece`; only byte-level BPE");
    wrong(&set("/model/type", json!("Unigram")), "its model is `Unigram`");
    wrong(&set("/normalizer", json!({"type": "NFC"})), "its normalizer is `NFC`");
    wrong(&set("/pre_tokenizer", json!({"type": "Whitespace"})), "its pre_tokenizer is `Whitespace`");
    wrong(&set("/pre_tokenizer", Value::Null), "its pre_tokenizer is `none`");
    wrong(&set("/pre_tokenizer/use_regex", json!(false)), "with a pattern of its own");
    wrong(&set("/model/byte_fallback", json!(true)), "`byte_fallback` = true");
    wrong(&set("/model/ignore_merges", json!(true)), "`ignore_merges`");
    wrong(&set("/model/vocab/!", json!(700)), "no token has the number");
    wrong(&set("/model/vocab/!", json!(2)), "are both token 2");
    wrong(&set("/model/vocab/!", json!(70_000)), "it has 70001 tokens");
    wrong(&set("/model/merges/0", json!(["the", "zebra"])), "merge 0 `the zebra`");
    wrong(&set("/model/merges/1", json!("one")), "merge 1 is no two tokens");
    let unnamed = |v: &mut Value| {
        v["model"]["vocab"].as_object_mut().expect("a table").remove("<|endoftext|>");
        v["added_tokens"] = json!([{"id": 0, "content": "<|pad|>", "special": false}]);
    };
    wrong(&unnamed, "none of its special tokens ends a text; expected one of <|endoftext|>");
    let other = |v: &mut Value| {
        let all = v["model"]["vocab"].as_object_mut().expect("a table");
        let id = all.remove("!").expect("a token");
        all.insert("日".into(), id);
    };
    wrong(&other, "its token `日` is not written in bytes");
    assert!(read("[1]", MOST).is_err_and(|said| said.contains("not a tokenizer.json")));
    assert!(read("{\"model\":{\"type\":\"BPE\"},\"pre_tokenizer\":{\"type\":\"ByteLevel\"}}", MOST).is_err());
}
