//! Rows that go through the last layer in parts have the losses and the gradients of the whole, in less memory.

use super::*;
use crate::data::{DataConfig, Dataset, load};
use crate::engine::{Data, Engine};
use crate::nn::{Model, ModelConfig};
use crate::records::session::HELD;
use crate::records::{Records, Use};
use crate::statistics;

/// Texts of so many tokens, the end among them.
fn data(lengths: &[usize], context: usize) -> Dataset {
    let folder = tempfile::tempdir().expect("a folder");
    let letter = |i: usize, at: usize| char::from(b'a' + (at * (i + 3) % 26) as u8);
    let line = |(i, length): (usize, &usize)| (1..*length).map(|at| letter(i, at)).chain(['\n']).collect::<String>();
    let text: String = lengths.iter().enumerate().map(line).collect();
    std::fs::write(folder.path().join("a.txt"), text).expect("a file");
    let config = DataConfig {
        path: Some("a.txt".into()),
        test_fraction: Some(0.0),
        context: Some(context),
        ..DataConfig::new("text")
    };
    load(&config, folder.path()).expect("texts")
}

fn model(text: &str, tokens: usize) -> Model {
    let config: ModelConfig = toml::from_str(text).expect("TOML");
    Model::build(&config, &[tokens], tokens).expect("a network")
}

/// Loss, gradient and tokens' log-probabilities, with so many logits held at once.
fn everything(data: &Dataset, model: &Model, held: usize) -> (f64, Vec<f32>, Vec<f32>, f64) {
    let mut engine = Engine::reference();
    let mut session = Session::of(&mut engine, model, data, None, &model.init(9)).expect("a session");
    session.held = held;
    let ids: Vec<u32> = (0..data.train.len() as u32).collect();
    let records = Records { part: Part::Train, indices: &ids };
    let grad = session.grad;
    // In the place of what is there, and added to it.
    let loss = statistics::gradient(&mut session, records, 0.25, false).expect("gradients");
    statistics::gradient(&mut session, records, 0.5, true).expect("gradients");
    let gradient = session.engine.read(grad).expect("a gradient");
    let tokens = statistics::tokens(&mut session, records, data.train.x.len() / data.train.len()).expect("tokens");
    let score = statistics::score(&mut session, records).expect("a score");
    (loss, gradient, tokens, score.loss)
}

#[test]
fn parts_have_the_losses_and_gradients_of_the_whole() {
    // Parts of 64 rows end within texts.
    let data = data(&[100, 109, 118], 100);
    for tied in ["false", "true"] {
        let text = format!("zoo = 'gpt'\nsizes = {{ width = 8, depth = 1, heads = 2, context = 100, tied = {tied} }}");
        let model = model(&text, data.classes);
        let whole = everything(&data, &model, usize::MAX);
        let parts = everything(&data, &model, 100 * data.classes);
        assert!((whole.0 - parts.0).abs() < 1e-6 && (whole.3 - parts.3).abs() < 1e-6 && whole.0 > 1.0);
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart(&whole.1, &parts.1) < 1e-6, "tied = {tied}: {}", apart(&whole.1, &parts.1));
        assert!(apart(&whole.2, &parts.2) < 1e-6 && whole.2.len() == parts.2.len());
        assert!(whole.1.iter().any(|v| v.abs() > 1e-3), "tied = {tied}");
    }
}

/// The plan of a step of training on 8 texts of 256 tokens over a vocabulary of 50 000, which would hold 400 MB of
/// logits, and as much of their gradients.
#[test]
fn a_large_vocabulary_needs_no_more_memory_than_parts_of_its_logits() {
    const TOKENS: usize = 50_000;
    let (batch, context, width) = (8, 256, 16);
    let mut data = data(&[context; 8], context);
    // The texts have few tokens of the many.
    for targets in [&mut data.train, &mut data.validation].into_iter().filter_map(|part| part.targets.as_mut()) {
        targets.width = TOKENS;
    }
    let text = format!("zoo = 'gpt'\nsizes = {{ width = {width}, depth = 1, heads = 2, context = {context} }}");
    let model = model(&text, TOKENS);
    let mut engine = Engine::reference();
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(1)).expect("a session");
    let ids: Vec<u32> = (0..batch as u32).collect();
    let load = session.load(Part::Train, &ids, Use::Together);
    assert_eq!(load.shape, Shape::Tokens { records: batch, rows: batch * context });
    let planned = |session: &mut Session, held: usize| {
        session.held = held;
        let mut rec = session.recording();
        let sink = Sink::Mean { grad: session.grad, scale: 1.0, accumulate: false };
        let of = (Part::Train, &load.shape);
        session.record_pass(&mut rec, of, Mode::Train, None, Some((sink, None))).expect("a pass");
        session.engine.compile(rec).expect("a program").temp_bytes
    };
    let (whole, parts) = (planned(&mut session, usize::MAX), planned(&mut session, HELD));
    let logits = (4 * batch * context * TOKENS) as u64;
    assert!(whole > 2 * logits, "{whole}");
    // A part of the logits and of what is made of them, and what the layers before make.
    assert!(parts < 3 * 4 * HELD as u64 + (16 << 20), "{parts}");
    let few: Vec<Data> = load.inputs.iter().filter(|input| input.bytes().len() > 4 * (TOKENS + 1)).cloned().collect();
    assert!(few.is_empty(), "what crosses the bus is lists of tokens");
}
