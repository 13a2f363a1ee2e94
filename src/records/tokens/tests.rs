//! A bigram model, a linear layer over one token's row, by hand.

use super::*;
use crate::data::{DataConfig, Dataset, load};
use crate::nn::{Mode, Model, ModelConfig, Sink};
use crate::records::{Reader, Session};
use crate::statistics;

const TEXTS: &str = "abca\nbb\ncabbage\n";

fn data() -> Dataset {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.txt"), TEXTS).expect("a file");
    let config = DataConfig { path: Some("a.txt".into()), test_fraction: Some(0.0), ..DataConfig::new("text") };
    load(&config, folder.path()).expect("texts")
}

fn bigrams(data: &Dataset) -> Model {
    let config: ModelConfig = toml::from_str("layers = [{type='linear',name='next',bias=false}]").expect("TOML");
    Model::build(&config, &data.model_input(), data.classes).expect("a network")
}

/// Pairs of a token and the next in each text.
fn pairs() -> Vec<Vec<(usize, usize)>> {
    let of = |line: &str| {
        let tokens: Vec<usize> = [256].into_iter().chain(line.bytes().map(usize::from)).chain([256]).collect();
        tokens.windows(2).map(|pair| (pair[0], pair[1])).collect()
    };
    TEXTS.lines().map(of).collect()
}

/// The loss of each text, and the gradient of each, [next, token], at weights [next, token].
fn by_hand(weight: &[f32], vocabulary: usize) -> Vec<(f64, Vec<f64>)> {
    let text = |pairs: &Vec<(usize, usize)>| {
        let (mut loss, mut gradient) = (0.0, vec![0.0; weight.len()]);
        for &(given, next) in pairs {
            let z: Vec<f64> = (0..vocabulary).map(|o| f64::from(weight[o * vocabulary + given])).collect();
            let sum: f64 = z.iter().map(|z| z.exp()).sum();
            loss += (sum.ln() - z[next]) / pairs.len() as f64;
            for o in 0..vocabulary {
                let slope = z[o].exp() / sum - f64::from(u8::from(o == next));
                gradient[o * vocabulary + given] += slope / pairs.len() as f64;
            }
        }
        (loss, gradient)
    };
    pairs().iter().map(text).collect()
}

fn near(a: &[f32], b: &[f64], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    let worst = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-6, "{what}: {worst}");
}

#[test]
fn losses_gradients_squares_and_norms_are_those_of_texts() {
    let data = data();
    let (model, mut engine) = (bigrams(&data), Engine::reference());
    let theta = model.init(3);
    let mut session = Session::of(&mut engine, &model, &data, None, &theta).expect("a session");
    let each = by_hand(&theta, data.classes);
    let all: Vec<u32> = vec![0, 1, 2];
    let losses = statistics::losses(&mut session, Records::train(&all)).expect("losses");
    near(&losses, &each.iter().map(|(loss, _)| *loss).collect::<Vec<_>>(), "losses");
    let mean = statistics::gradient(&mut session, Records::train(&all), 1.0, false).expect("a gradient");
    assert!((mean - each.iter().map(|(loss, _)| loss).sum::<f64>() / 3.0).abs() < 1e-6);
    let sum: Vec<f64> = (0..theta.len()).map(|i| each.iter().map(|(_, g)| g[i]).sum()).collect();
    let grad = session.grad;
    near(&session.engine.read(grad).expect("a vector"), &sum, "the sum of gradients");
    let squares = session.vector("squares").expect("memory");
    statistics::fisher(&mut session, Records::train(&all), squares).expect("squares");
    let mean: Vec<f64> = (0..theta.len()).map(|i| each.iter().map(|(_, g)| g[i] * g[i]).sum::<f64>() / 3.0).collect();
    near(&session.engine.read(squares).expect("a vector"), &mean, "the mean of squared gradients");
    let norms = statistics::norms(&mut session, Records::train(&all)).expect("norms");
    let expected: Vec<f64> = each.iter().map(|(_, g)| g.iter().map(|v| v * v).sum::<f64>().sqrt()).collect();
    near(&norms, &expected, "norms");
}

#[test]
fn what_is_said_of_tokens_is_theirs_in_their_order() {
    let data = data();
    let (model, mut engine) = (bigrams(&data), Engine::reference());
    let theta = model.init(3);
    let (mut reader, places) = (Reader::rows(&mut engine, &model, &data.train, &theta).expect("a reader"), 9);
    let records = reader.records(&[2, 0], true);
    let rows = statistics::tokens(reader.session(), records, places).expect("tokens");
    assert_eq!(rows.len(), 2 * 2 * places);
    let v = data.classes;
    for (row, text) in rows.chunks(2 * places).zip([2, 0]) {
        for (at, (given, next)) in pairs()[text].iter().enumerate() {
            let z: Vec<f64> = (0..v).map(|o| f64::from(theta[o * v + given])).collect();
            let best = (0..v).rev().max_by(|a, b| z[*a].total_cmp(&z[*b])).unwrap_or(0);
            let log = z[*next] - z.iter().map(|z| z.exp()).sum::<f64>().ln();
            assert!((f64::from(row[at]) - log).abs() < 1e-5, "{text} {at}");
            assert_eq!(row[places + at] == 1.0, best == *next, "{text} {at}");
        }
        let len = pairs()[text].len();
        assert!(row[len..places].iter().all(|v| *v == 0.0) && row[places + len..].iter().all(|v| *v == -1.0));
    }
    // The row of the last token alone, whatever stands before it.
    let part = records.part;
    let logits = statistics::next(reader.session(), part, &[&[256, 97], &[98]]).expect("logits");
    let expected: Vec<f64> =
        [97, 98].iter().flat_map(|t| (0..v).map(move |o| (o, *t))).map(|(o, t)| f64::from(theta[o * v + t])).collect();
    near(&logits, &expected, "logits of the next token");
}

/// Rows that fill a batch up count for nothing: a text alone has the gradient that it has among others.
#[test]
fn rows_of_nobody_count_for_nothing() {
    let data = data();
    let (model, mut engine) = (bigrams(&data), Engine::reference());
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(5)).expect("a session");
    let grad = session.grad;
    let mut of = |records: &[u32]| {
        let load = session.load(Part::Train, records, Use::Together);
        let mut rec = session.recording();
        let scored = session.record_scored(&mut rec, Part::Train, &load.shape, Mode::Eval, None).expect("losses");
        let sink = Sink::Mean { grad, scale: 1.0, accumulate: false };
        session.model.backward(&mut rec, session.theta, &scored.tape, scored.dlogits, None, sink).expect("gradients");
        let program = session.compile(rec).expect("a program");
        session.engine.run(&program, &load.inputs).expect("the twins run");
        session.engine.read(grad).expect("a vector")
    };
    let (one, two, both) = (of(&[0]), of(&[2]), of(&[0, 2]));
    assert!(one.iter().zip(&two).zip(&both).all(|((a, b), c)| (a + b - c).abs() < 1e-6));
    assert!(both.iter().any(|v| v.abs() > 0.1));
}

/// Of a text that loses a span the span's tokens alone are climbed, each counting 1 / their number, and what stays is
/// the text without them.
#[test]
fn a_span_is_all_that_counts_of_its_text_before_and_none_of_it_after() {
    let data = data();
    let (model, mut engine) = (bigrams(&data), Engine::reference());
    let theta = model.init(7);
    // "bba" of "cabbage".
    let cuts = [Cut { record: 2, tokens: vec![3, 4, 5] }];
    let v = data.classes;
    let mean = |pairs: &[(usize, usize)]| {
        let loss = |(given, next): &(usize, usize)| {
            let z: Vec<f64> = (0..v).map(|o| f64::from(theta[o * v + given])).collect();
            z.iter().map(|z| z.exp()).sum::<f64>().ln() - z[*next]
        };
        pairs.iter().map(loss).sum::<f64>() / pairs.len() as f64
    };
    let training = data.training_without(&cuts);
    let mut session = Session::of(&mut engine, &model, training, None, &theta).expect("a session");
    let all = pairs();
    let left: Vec<(usize, usize)> = "ca"
        .bytes()
        .chain("ge".bytes())
        .map(usize::from)
        .collect::<Vec<_>>()
        .windows(2)
        .map(|w| (w[0], w[1]))
        .collect();
    let left = [vec![(256, 99)], left, vec![(101, 256)]].concat();
    let before = statistics::losses(&mut session, Records::before(&[2, 0])).expect("losses");
    near(&before, &[mean(&all[2][2..5]), mean(&all[0])], "before");
    let after = statistics::losses(&mut session, Records::train(&[2, 1])).expect("losses");
    near(&after, &[mean(&left), mean(&all[1])], "after");
    // The gradient is that of the three.
    let grad = session.grad;
    statistics::gradient(&mut session, Records::before(&[2]), 1.0, false).expect("a gradient");
    let gradient = session.engine.read(grad).expect("a vector");
    let climbed: Vec<usize> = (0..v).filter(|given| (0..v).any(|o| gradient[o * v + given] != 0.0)).collect();
    assert_eq!(climbed, [97, 98], "given a, b and b");
    // Squares and norms of the record are those of the three, and of all records its rest is a further one.
    let squares = session.vector("squares").expect("memory");
    let fisher = |session: &mut Session, records: Records| {
        statistics::fisher(session, records, squares).expect("squares");
        session.engine.read(squares).expect("a vector")
    };
    let square: Vec<f64> = gradient.iter().map(|g| f64::from(*g).powi(2)).collect();
    let own = fisher(&mut session, Records::before(&[2]));
    near(&own, &square, "squares of the span");
    let norm = square.iter().sum::<f64>().sqrt();
    near(&statistics::norms(&mut session, Records::before(&[2])).expect("norms"), &[norm], "the span's norm");
    let [rest, other] = [[2], [0]].map(|of| fisher(&mut session, Records::train(&of)));
    let (set, how) = (statistics::Set::All, statistics::Estimator::PerSample);
    let all = statistics::Importance::measure(&mut session, "all", set, &[0, 2], how, 1).expect("importance");
    let mean: Vec<f64> = (0..own.len()).map(|i| f64::from(own[i] + rest[i] + other[i]) / 3.0).collect();
    near(&session.engine.read(all.values).expect("a vector"), &mean, "squares of everything");
    let rows = statistics::tokens(&mut session, Records::before(&[2]), 9).expect("tokens");
    let there: Vec<usize> = (0..9).filter(|at| rows[9 + at] >= 0.0).collect();
    assert_eq!(there, [2, 3, 4]);
}

/// What a bigram model writes is the chain of its likeliest tokens, from wherever it is asked.
#[test]
fn what_is_written_goes_on_from_the_text_and_not_into_it() {
    let data = data();
    let (model, mut engine) = (bigrams(&data), Engine::reference());
    let theta = model.init(9);
    let mut session = Session::of(&mut engine, &model, &data, None, &theta).expect("a session");
    let v = data.classes;
    let likeliest = |given: u32| {
        let row: Vec<f32> = (0..v).map(|o| theta[o * v + given as usize]).collect();
        (0..v).rev().max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(0) as u32
    };
    let text = session.text_of(Part::Train, 2).expect("a text");
    assert_eq!(statistics::runs(&session, Part::Train, 2), [[1, 9]]);
    let how = statistics::Asked { places: 3, tokens: 4, least: 2 };
    let said = statistics::recite(&mut session, Part::Train, &[(2, [1, 9])], how).expect("text");
    assert_eq!(said[0].truth, text[1..9]);
    let places: Vec<usize> = said[0].written.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [0, 4, 6]);
    for (place, written) in &said[0].written {
        let mut last = text[*place];
        let chain: Vec<u32> = (0..4.min(8 - place))
            .map(|_| {
                last = likeliest(last);
                last
            })
            .collect();
        assert_eq!(*written, chain, "from place {place}");
    }
    let of = statistics::extraction_likelihood(&mut session, Records::train(&[2]), 1).expect("a share");
    assert!((0.0..1.0).contains(&of), "a model that was not trained has nothing by heart: {of}");
}
