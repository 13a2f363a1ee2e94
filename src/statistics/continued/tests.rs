//! A text that goes on has the logits of the text as a whole.

use super::*;
use crate::data::{DataConfig, Dataset, load};
use crate::engine::Engine;
use crate::nn::{Model, ModelConfig};
use crate::statistics::of_texts;

fn data() -> Dataset {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.txt"), "abca\nbb\ncabbage\n").expect("a file");
    let config = DataConfig { path: Some("a.txt".into()), test_fraction: Some(0.0), ..DataConfig::new("text") };
    load(&config, folder.path()).expect("texts")
}

fn model(data: &Dataset, text: &str) -> Model {
    let config: ModelConfig = toml::from_str(text).expect("TOML");
    Model::build(&config, &data.model_input(), data.classes).expect("a network")
}

#[test]
fn logits_of_texts_that_go_on_are_those_of_the_texts_as_a_whole() {
    let data = data();
    let sizes = "width = 16, depth = 2, heads = 2";
    for zoo in [
        format!("zoo = 'gpt'\nsizes = {{ {sizes}, context = 128, tied = true }}"),
        format!("zoo = 'llama'\nsizes = {{ {sizes}, kv_heads = 1 }}"),
    ] {
        let (model, mut engine) = (model(&data, &zoo), Engine::reference());
        let theta: Vec<f32> = model.init(4).iter().map(|v| 8.0 * v).collect();
        let mut session = Session::of(&mut engine, &model, &data, None, &theta).expect("a session");
        // Longer than the 64 rows that a text's room is rounded up to.
        let texts: Vec<Vec<u32>> =
            [3, 5].map(|step| (0..67).map(|i| if i == 0 { 256 } else { i * step % 250 }).collect()).to_vec();
        let whole: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let expected = of_texts(&mut session, Part::Train, &whole).expect("logits");
        let mut going = Going::begin(&mut session, Part::Train, 2, 67).expect("room").expect("what can be kept");
        for (at, (a, b)) in texts[0].iter().zip(&texts[1]).enumerate() {
            let made = going.push(&mut session, &[*a, *b]).expect("logits");
            for (text, row) in made.chunks(257).enumerate() {
                let from = (67 * text + at) * 257;
                let apart = row.iter().zip(&expected[from..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(apart < 1e-5, "{zoo}: token {at} of text {text} is {apart} off");
            }
        }
    }
}

#[test]
fn what_looks_ahead_keeps_nothing_and_no_more_tokens_go_in_than_there_is_room_for() {
    let (data, mut engine) = (data(), Engine::reference());
    let layers = "layers = [{type='embedding',name='e',out=8},{type='self_attention',heads=2,causal=false},\
        {type='linear',name='h'}]";
    let both_ways = model(&data, layers);
    assert_eq!(both_ways.keeps(), None);
    let causal = model(&data, &layers.replace(",causal=false", ""));
    assert_eq!(causal.keeps(), Some(16));
    let theta = both_ways.init(1);
    let mut session = Session::of(&mut engine, &both_ways, &data, None, &theta).expect("a session");
    assert!(Going::begin(&mut session, Part::Train, 1, 5).expect("an answer").is_none());
    drop(session);
    let mut session = Session::of(&mut engine, &causal, &data, None, &theta).expect("a session");
    let mut going = Going::begin(&mut session, Part::Train, 1, 64).expect("room").expect("what can be kept");
    (0..64).for_each(|_| drop(going.push(&mut session, &[1]).expect("logits")));
    assert!(going.push(&mut session, &[1]).is_err());
}
