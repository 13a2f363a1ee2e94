//! GPT-2's state dicts, as they lie elsewhere: in under either kind of names, the same logits, the same text, and out.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::export::{ExportJob, Format};
use unlearn::run::generate::{GenerateJob, Sampling};
use unlearn::run::import::{ImportJob, TOLERANCE};
use unlearn::run::naming::Naming;

use super::super::evidence::bench::refused;
use super::{Place, fixture};

const CONFIG: &str = "[data]\nloader = 'text'\npath = 'texts.txt'\ncontext = 24\ntest_fraction = 0.3\n\
    validation_fraction = 0\n[model]\nzoo = 'gpt'\n\
    sizes = { width = 16, depth = 2, heads = 2, inner = 64, context = 24, tied = true }\n";

fn place(config: &str) -> Place {
    let place = Place::new(config);
    place.put("texts.txt", "the cat sat\non the mat\nthe dog ate\nthe bone\na cat ran\nto the dog\n");
    place
}

fn import(place: &Place, file: &str) -> unlearn::Result<ImportJob> {
    let loaded = Loaded::read(&place.path("c.toml"), &[], None)?;
    ImportJob::prepare(loaded, &fixture(file), (None, &Naming::default()), &place.path("run"))
}

/// Tensors of a file of safetensors by name.
fn tensors(bytes: &[u8]) -> BTreeMap<String, (Vec<usize>, Vec<u8>)> {
    let file = SafeTensors::deserialize(bytes).expect("safetensors");
    file.iter().map(|(name, t)| (name.to_owned(), (t.shape().to_vec(), t.data().to_vec()))).collect()
}

#[test]
fn gpt2_goes_in_with_pytorchs_logits_and_text_and_comes_out_under_transformers_names() {
    for (file, renamed) in [("gpt2.safetensors", 28), ("gpt2.pt", 0)] {
        let place = place(CONFIG);
        let mut job = import(&place, file).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(job.named.renamed.len(), renamed, "{file}: {:?}", job.named.renamed);
        assert_eq!(job.named.ignored.len(), 4, "{file}: masks of the attention are no weights");
        job.check(&mut Engine::reference(), &fixture("gpt2.npz"), 1e-5).unwrap_or_else(|e| panic!("{file}: {e}"));
        let at = job.model.layout.get("transformer.wte.weight").unwrap().offset;
        job.named.theta[at + 5] += 0.5;
        let said = job.check(&mut Engine::reference(), &fixture("gpt2.npz"), TOLERANCE).unwrap_err().to_string();
        assert!(said.contains("the logit of token") && said.contains("of text"), "{said}");
        job.named.theta[at + 5] -= 0.5;
        job.write().unwrap();
        greedy(&place, file);
        let out = tensors(&ExportJob::read(&place.path("run")).unwrap().bytes(Format::Safetensors).unwrap());
        let theirs = tensors(&std::fs::read(fixture("gpt2.safetensors")).unwrap());
        assert_eq!(out["lm_head.weight"], out["transformer.wte.weight"], "the head is the table");
        let weights = theirs.iter().filter(|(name, _)| !name.contains(".attn.bias") && !name.contains("masked_bias"));
        let weights: BTreeMap<_, _> = weights.map(|(name, t)| (format!("transformer.{name}"), t.clone())).collect();
        let body: BTreeMap<_, _> = out.into_iter().filter(|(name, _)| name != "lm_head.weight").collect();
        assert!(body == weights, "{file}: other tensors came out than went in");
    }
}

/// What PyTorch wrote behind each prompt, the likeliest token every time.
fn greedy(place: &Place, file: &str) {
    let written: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(fixture("gpt2.json")).unwrap()).unwrap();
    assert_eq!(written.len(), 4);
    let job = GenerateJob::read(&place.path("run")).unwrap();
    for row in written {
        let prompt = row["prompt"].as_str().unwrap().to_owned();
        let how = Sampling { prompt, tokens: 18, temperature: 0.0, top_k: None, seed: 1, samples: 1 };
        let made = job.generate(&mut Engine::reference(), &how).unwrap().remove(0);
        let tokens: Vec<u32> = serde_json::from_value(row["tokens"].clone()).unwrap();
        assert_eq!(made.tokens, tokens, "{file}: behind {:?}", how.prompt);
        assert_eq!((made.ended, made.text.as_str()), (tokens.len() < 18, row["text"].as_str().unwrap()), "{file}");
    }
}

#[test]
fn a_state_dict_that_does_not_fit_is_refused_in_a_sentence_and_nothing_is_written() {
    let wrong = |config: &str, file: &str, words: &[&str]| {
        let place = place(config);
        refused(import(&place, file).map(drop), words);
        assert!(!place.path("run").exists(), "{config}");
    };
    let config = |from: &str, to: &str| CONFIG.replace(from, to);
    let (wide, deep) = (config("width = 16", "width = 24"), config("depth = 2", "depth = 3"));
    wrong(&wide, "gpt2.safetensors", &["transformer.", "has shape", "the model wants"]);
    wrong(&deep, "gpt2.pt", &["12 of the model's parameters", "transformer.h.2.ln_1.weight", "are missing"]);
    wrong(&config("depth = 2", "depth = 1"), "gpt2.safetensors", &["0 of the model's", "h.1.attn.c_attn.weight"]);
    let learned = config("context = 24\ntest", "tokenizer = 'bpe'\nvocabulary = 258\ncontext = 24\ntest");
    wrong(&learned, "gpt2.pt", &["transformer.wte.weight", "a vocabulary of 257 tokens", "has 258"]);
    let own = config(", tied = true", "");
    wrong(&own, "gpt2.safetensors", &["`lm_head.weight` is missing", "tied = true"]);
    // A head of its own in the file is none of a tied model's.
    let place = place(CONFIG);
    let loaded = Loaded::read(&place.path("c.toml"), &[], None).unwrap();
    let mut dict = unlearn::data::StateDict::read(&fixture("gpt2.pt"), None).unwrap();
    let head = dict.tensors.iter_mut().find(|t| t.name == "lm_head.weight").unwrap();
    head.values.as_mut().unwrap()[0] += 1.0;
    let mut loaded = loaded;
    let (_, model) = loaded.build().unwrap();
    let said = unlearn::run::naming::fit(&dict, &model.layout, &Naming::default(), "m.pt");
    refused(said, &["m.pt", "`lm_head.weight` is not `transformer.wte.weight`", "leave model.sizes.tied out"]);
}

#[test]
fn texts_to_compare_with_are_tokens_of_the_model() {
    let place = place(CONFIG);
    let mut job = import(&place, "gpt2.pt").unwrap();
    let mut wrong = |file: &std::path::Path, words: &[&str]| {
        refused(job.check(&mut Engine::reference(), file, TOLERANCE), words);
    };
    wrong(&fixture("lenet.npz"), &["lenet.npz", "x has shape", "[texts, tokens]"]);
    wrong(&fixture("mlp.npz"), &["mlp.npz", "texts of 64 tokens", "data.context = 24"]);
}
