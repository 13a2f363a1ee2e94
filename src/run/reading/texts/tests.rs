use super::*;
use crate::data::{DataConfig, load};
use crate::engine::Engine;
use crate::nn::{Model, ModelConfig};
use crate::records::Reader;

/// The rank of the only canary by a bigram model with these weights [next, given], and how many have a likelihood
/// above its own by more than a little, either way.
fn ranked(change: impl Fn(&mut [f32], &Canary)) -> ((f64, f64), [f64; 2]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "a line\n").unwrap();
    let config = "loader='text'\npath='a.txt'\ntest_fraction=0.0\nplant={canaries=1}";
    let data = load(&toml::from_str::<DataConfig>(config).unwrap(), folder.path()).unwrap();
    let config: ModelConfig = toml::from_str("layers = [{type='linear',name='next',bias=false}]").unwrap();
    let model = Model::build(&config, &data.model_input(), data.classes).unwrap();
    let (mut theta, v, canary) = (model.init(4), data.classes, Canary::of(0, 0));
    change(&mut theta, &canary);
    let log = |given: usize| {
        let z: Vec<f64> = (0..v).map(|next| f64::from(theta[next * v + given])).collect();
        let sum = z.iter().map(|z| z.exp()).sum::<f64>().ln();
        (0..10).map(|digit| z[usize::from(b'0') + digit] - sum).collect::<Vec<f64>>()
    };
    let (first, each) = (log(usize::from(b' ')), (0..10).map(|d| log(usize::from(b'0') + d)).collect::<Vec<_>>());
    let sum = |number: usize| {
        let digits = format!("{number:06}").bytes().map(|byte| usize::from(byte - b'0')).collect::<Vec<_>>();
        first[digits[0]] + digits.windows(2).map(|pair| each[pair[0]][pair[1]]).sum::<f64>()
    };
    let own = sum(canary.secret.parse().unwrap());
    let above = |by: f64| (0..1_000_000).filter(|number| sum(*number) > own + by).count() as f64;
    let mut engine = Engine::reference();
    let mut reader = Reader::rows(&mut engine, &model, &data.train, &theta).unwrap();
    let part = reader.records(&[], true).part;
    let found = secrets(&data, None, reader.session(), part).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].before, &found[0].secret), (&canary.before, &canary.secret));
    // Greedily it goes from the space to the digit, or whatever byte, that is the likeliest behind it, and on.
    let likeliest = |given: usize| {
        let best = (0..v).max_by(|a, b| theta[a * v + given].total_cmp(&theta[b * v + given]));
        best.unwrap()
    };
    let chain = std::iter::successors(Some(likeliest(usize::from(b' '))), |given| Some(likeliest(*given)));
    let bytes: Vec<u8> = chain.take(WRITTEN).take_while(|token| *token < 256).map(|token| token as u8).collect();
    assert_eq!(found[0].said, String::from_utf8_lossy(&bytes));
    ((found[0].rank, found[0].of), [above(1e-4), above(-1e-4)])
}

#[test]
fn a_secret_is_ranked_among_all_or_among_some() {
    let v = 257;
    // Every step of it but the last two is the likeliest.
    let ((rank, of), [least, most]) = ranked(|theta, canary| {
        let chain: Vec<usize> = format!(" {}", &canary.secret[..4]).bytes().map(usize::from).collect();
        chain.windows(2).for_each(|pair| theta[pair[1] * v + pair[0]] += 9.0);
    });
    assert_eq!(of, 1e6);
    assert!(least > 0.0 && (least..=most).contains(&(rank - 1.0)), "{rank} {least} {most}");
    // Nothing is likelier than anything else by much: what is drawn says about where it stands.
    let ((rank, of), [least, _]) = ranked(|_, _| {});
    assert!(of <= 257.0 && of > 250.0);
    assert!((rank / of - least / 1e6).abs() < 0.15, "{rank} of {of}, {least} of all");
}

/// Two questions and a plain text: ratios by the model's own table of what follows what.
#[test]
fn truth_ratios_are_of_the_answers_and_not_of_the_questions() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "{\"q\":\"Who?\",\"a\":\"Ann.\",\"w\":[\"Max.\",\"Thomas.\"]}\n\
        {\"q\":\"It?\",\"a\":\"b\",\"w\":[\"c\"]}\n";
    std::fs::write(folder.path().join("a.jsonl"), lines).unwrap();
    let config = "loader='text'\npath='a.jsonl'\nquestion='q'\ntext='a'\nperturbed='w'\ntest_fraction=0.0";
    let data = load(&toml::from_str::<DataConfig>(config).unwrap(), folder.path()).unwrap();
    let config: ModelConfig = toml::from_str("layers = [{type='linear',name='next',bias=false}]").unwrap();
    let model = Model::build(&config, &data.model_input(), data.classes).unwrap();
    let (theta, v) = (model.init(4), data.classes);
    let log = |given: u8, next: u8| {
        let z = |next: usize| f64::from(theta[next * v + usize::from(given)]);
        z(usize::from(next)) - (0..v).map(|next| z(next).exp()).sum::<f64>().ln()
    };
    let mean = |answer: &str| {
        let text = format!("? {answer}").into_bytes();
        text.windows(2).map(|pair| log(pair[0], pair[1])).sum::<f64>() / (text.len() - 1) as f64
    };
    let [right, others] = [mean("Ann."), (mean("Max.").exp() + mean("Thomas.").exp()) / 2.0];
    let want = [others / right.exp(), (mean("c") - mean("b")).exp()];
    let mut engine = Engine::reference();
    let mut reader = Reader::rows(&mut engine, &model, &data.train, &theta).unwrap();
    let part = reader.records(&[], true).part;
    let found = truths(&data, reader.session(), part, (Portion::Train, &[0, 1])).unwrap();
    assert!(found.len() == 2 && found.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {want:?}");
}
