use std::path::Path;

use super::*;
use crate::data::{DataConfig, Dataset, Id, Kind, Origins, Plant, Request, load, load_with, resolve};

/// A data set of a file of this name and content, all of whose documents are trained on.
fn of(name: &str, text: &str, change: impl Fn(&mut DataConfig)) -> Result<Dataset> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    let mut config = DataConfig { path: Some(name.into()), test_fraction: Some(0.0), ..DataConfig::new("text") };
    change(&mut config);
    load(&config, folder.path())
}

fn tokens(data: &Dataset, at: usize) -> Vec<u32> {
    let row = &data.train.x[at * data.width()..][..data.width()];
    row.iter().take_while(|token| **token != NOTHING).map(|token| *token as u32).collect()
}

fn said(data: &Dataset, at: usize) -> String {
    data.tokenizer.as_ref().unwrap().decode(&tokens(data, at))
}

#[test]
fn lines_fields_and_cells_are_documents_between_two_ends() {
    let lines = of("a.txt", "héllo\n\nyou\n", |_| {}).unwrap();
    assert_eq!((lines.train.len(), lines.classes, lines.model_input()), (2, 257, vec![257]));
    assert_eq!(tokens(&lines, 1), [256, 121, 111, 117, 256]);
    assert_eq!(said(&lines, 0), "héllo");
    let json = "{\"text\":\"a b\",\"who\":\"x\"}\n{\"text\":\"c\",\"who\":7}\n";
    let json = of("a.jsonl", json, |c| c.id = Some("who".into())).unwrap();
    assert_eq!((said(&json, 0), json.who.of(json.find(&Id::Name("7".into())).unwrap()).row), ("a b".into(), 1));
    let csv = of("a.tsv", "ham\tgo \"now\nspam\t\"win\n", |c| {
        (c.text, c.delimiter, c.quotes) = (Some("1".into()), Some("\t".into()), Some(false));
        c.header = Some(false);
    });
    let csv = csv.unwrap();
    assert_eq!((said(&csv, 0), said(&csv, 1)), ("go \"now".into(), "\"win".into()));
}

#[test]
fn a_long_document_is_windows_that_predict_each_token_once_and_go_together() {
    let text: String = ('a'..='z').collect();
    let data = of("a.txt", &format!("x\n{text}\ny\n"), |c| c.context = Some(10)).unwrap();
    let all: Vec<u32> = [256].into_iter().chain(text.bytes().map(u32::from)).chain([256]).collect();
    assert_eq!(data.train.len(), 5);
    assert_eq!([tokens(&data, 1), tokens(&data, 2), tokens(&data, 3)].map(|w| w.len()), [11, 11, 8]);
    let predicted: Vec<u32> = (1..4).flat_map(|at| tokens(&data, at)[1..].to_vec()).collect();
    assert_eq!(predicted, all[1..]);
    assert!(data.notes.iter().any(|note| note.contains("1 of 3")), "{:?}", data.notes);
    let request = Request::new(Kind::Sample, vec![Id::Number(1)], "here");
    assert_eq!(resolve(&[request], &data, 0).unwrap().forget, [1, 2, 3]);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let error = |name: &str, text: &str, change: fn(&mut DataConfig)| of(name, text, change).unwrap_err().to_string();
    let none: fn(&mut DataConfig) = |_| {};
    assert!(error("a.jsonl", "{\"text\":\"a\"}\n{\"text\":\"\"}", none).contains("a.jsonl line 2: the text is empty"));
    assert!(error("a.jsonl", "{\"text\":\"a\"}\n{\"t\":1}", none).contains("line 2: the field `text` is not there"));
    assert!(error("a.jsonl", "[1]", none).contains("line 1: expected one JSON object"));
    assert!(error("a.txt", "\n", none).contains("holds no documents"));
    assert!(error("a.txt", "a", |c| c.id = Some("b".into())).contains("data.id"));
    assert!(error("a.txt", "a", |c| c.context = Some(0)).contains("data.context"));
    assert!(error("a.txt", "a", |c| c.tokenizer = Some("words".into())).contains("data.tokenizer"));
    let bpe = |c: &mut DataConfig| (c.tokenizer, c.vocabulary) = (Some("bpe".into()), Some(100));
    assert!(error("a.txt", "a", bpe).contains("data.vocabulary: 100"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("b.txt"), [b'a', 0xff]).unwrap();
    let config = DataConfig { path: Some("b.txt".into()), ..DataConfig::new("text") };
    assert!(load(&config, folder.path()).unwrap_err().to_string().contains("b.txt: not UTF-8 text at offset 1"));
}

/// Worked by hand: "low" thrice and "lower" twice give l+o (5), lo+w (5), then e+r, which comes as often as low+e and
/// is of lower tokens, and low+er.
#[test]
fn pairs_are_merged_by_how_often_they_come() {
    let learn = |texts: &[&str], size| Tokenizer::learn(texts.iter().copied(), size).unwrap();
    let [l, o, w, e, r] = b"lower".map(u32::from);
    let texts = ["low", "low", "low", "lower", "lower"];
    let made = learn(&texts, 261);
    assert_eq!(made, Tokenizer::Bpe { merges: vec![[l, o], [256, w], [e, r], [257, 258]] });
    assert_eq!((made.size(), made.end()), (261, 260));
    // No pair is left that comes twice.
    assert_eq!(learn(&texts, 500), made);
    assert_eq!(learn(&["lower", "low", "lower", "low", "low"], 261), made);
    assert_eq!((made.encode("lowest"), made.encode("lower")), (vec![257, 101, 115, 116], vec![259]));
    let long = "The cat sat on the mat, the mat that the cat had sat on: 4711 4712 4713!  Öl, öl.\n\n the end";
    let made = learn(&[long, long], 320);
    assert_eq!(made.decode(&made.encode(long)), long);
    let count = made.encode(long).len();
    assert!(count < long.len() / 2, "{count}");
}

#[test]
fn pieces_keep_the_space_before_a_word_and_put_nothing_else_together() {
    let cut = |text| super::bpe::pieces(text).collect::<Vec<_>>();
    assert_eq!(cut("go  to 42nd St."), ["go", " ", " to", " 42", "nd", " St", "."]);
    assert_eq!(cut(" a\n\nb "), [" a", "\n\n", "b", " "]);
    for text in ["", " ", "   x", "x   ", "\t\tx"] {
        assert_eq!(cut(text).concat(), text);
    }
}

/// Whoever is forgotten is in no word piece: a retrain learns the pieces that a file without the document gives.
#[test]
fn word_pieces_are_fitted_on_the_documents_that_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, gone) = ("some words here\nmore words there\n", "zyzzyva zyzzyva\n");
    std::fs::write(folder.path().join("all.txt"), format!("{kept}{gone}")).unwrap();
    std::fs::write(folder.path().join("kept.txt"), kept).unwrap();
    let config = |name: &str| DataConfig {
        path: Some(name.into()),
        tokenizer: Some("bpe".into()),
        vocabulary: Some(300),
        test_fraction: Some(0.0),
        ..DataConfig::new("text")
    };
    let whole = load(&config("all.txt"), folder.path()).unwrap();
    let without = Origins::from([(Portion::Train, 2)]);
    let less = load_with(&config("all.txt"), folder.path(), FitOn::Without(&without)).unwrap();
    let never = load(&config("kept.txt"), Path::new(folder.path())).unwrap();
    assert_eq!(less.tokenizer, never.tokenizer);
    assert_ne!(less.tokenizer, whole.tokenizer);
    assert_eq!(less.train.x[..2 * less.width()], never.train.x);
}

#[test]
fn canaries_stand_behind_the_records_and_are_subjects() {
    let plain = of("a.txt", "one\ntwo\n", |_| {}).unwrap();
    let plant = Plant { canaries: Some(3), repeats: Some(2), ..Plant::default() };
    let data = of("a.txt", "one\ntwo\n", |c| c.plant = Some(plant.clone())).unwrap();
    assert_eq!(data.train.x[..plain.train.x.len()], plain.train.x);
    assert_eq!(data.train.len(), 8);
    let texts = plant.texts();
    assert_eq!((said(&data, 4), said(&data, 5)), (texts[1].text(), texts[1].text()));
    assert_eq!(texts[1].secret.len(), DIGITS);
    let names: std::collections::HashSet<_> = texts.iter().map(|canary| &canary.before).collect();
    assert_eq!(names.len(), 3);
    let request = Request::new(Kind::Subject, vec![Id::Name("canary-1".into())], "here");
    assert_eq!(resolve(&[request], &data, 0).unwrap().forget, [4, 5]);
    // More of them change none that is there.
    assert_eq!(Plant { canaries: Some(9), ..plant }.texts()[..3], texts);
    let wrong = of("a.txt", "one\n", |c| c.plant = Some(Plant { trigger: Some(2), ..Plant::default() }));
    assert!(wrong.unwrap_err().to_string().contains("data.plant.trigger"));
}

fn span(json: &str) -> Request {
    serde_json::from_str(&format!("{{\"request_id\":\"q\",\"kind\":\"span\",{json}}}")).unwrap()
}

/// Documents of 10 tokens a window: a secret in the middle of a long one, and in another.
fn secrets(tokenizer: &'static str) -> Dataset {
    let text = "{\"id\":\"a\",\"text\":\"pin of ann is 4711, do not tell\"}\n{\"id\":\"b\",\"text\":\"4711\"}\n\
                {\"id\":\"c\",\"text\":\"héllo wörld\"}\n";
    let set = |c: &mut DataConfig| {
        (c.id, c.context, c.tokenizer) = (Some("id".into()), Some(10), Some(tokenizer.into()));
        c.vocabulary = (tokenizer == "bpe").then_some(300);
    };
    of("a.jsonl", text, set).unwrap()
}

/// What the cut tokens of a data set say, in order.
fn cut_text(data: &Dataset, cuts: &[crate::data::Cut]) -> String {
    let tokens: Vec<u32> = cuts
        .iter()
        .flat_map(|cut| cut.tokens.iter().map(|place| data.tokens(cut.record)[*place as usize]).collect::<Vec<_>>())
        .collect();
    data.tokenizer.as_ref().unwrap().decode(&tokens)
}

#[test]
fn a_span_is_its_characters_wherever_windows_end() {
    let data = secrets("bytes");
    let split = |json: &str| resolve(&[span(json)], &data, 0);
    let said = |json: &str| cut_text(&data, &split(json).unwrap().cuts);
    assert_eq!(said("\"ids\":[\"a\"],\"spans\":[[14,18]]"), "4711");
    // Characters, not bytes; two spans that overlap are their union.
    assert_eq!(said("\"ids\":[\"c\"],\"spans\":[[1,4],[3,8]]"), "éllo wö");
    assert_eq!(said("\"ids\":[\"a\"],\"pattern\":\"is ([0-9]+)\""), "4711");
    assert_eq!(said("\"text\":\"4711\""), "47114711");
    assert_eq!(said("\"pattern\":\"w.r\""), "wör");
    // The span reaches over the border of the windows at 10 and 20: both are forgotten in part, and both stay.
    let over = split("\"ids\":[\"a\"],\"spans\":[[7,18]]").unwrap();
    assert_eq!((over.forget.as_slice(), cut_text(&data, &over.cuts).as_str()), ([0, 1].as_slice(), "ann is 4711"));
    assert_eq!(over.lines[0].records[0].span, Some([7, 18]));
    assert!(over.lines[0].notes.is_empty(), "{:?}", over.lines[0].notes);
    let once = split("\"ids\":[\"a\"],\"spans\":[[14,18]]").unwrap();
    assert!(once.lines[0].notes[0].contains("stands in 1 other training document,"), "{:?}", once.lines[0].notes);
    // Nothing stays of a document that is the secret and nothing else.
    let all = split("\"text\":\"4711\"").unwrap();
    assert_eq!((all.forget.last(), all.retain.contains(&all.forget[1])), (Some(&all.forget[1]), false));
}

#[test]
fn what_stays_is_what_a_text_without_the_span_would_have_been() {
    let data = secrets("bytes");
    let split = resolve(&[span("\"ids\":[\"a\"],\"spans\":[[3,18]]")], &data, 0).unwrap();
    let (left, kept) = data.without(&split.cuts);
    let other = of("a.jsonl", "{\"text\":\"pin, do not tell\"}\n", |c| c.context = Some(10)).unwrap();
    let width = data.width();
    assert_eq!((kept.as_slice(), &left.x[..2 * width]), ([0, 1].as_slice(), &other.train.x[..]));
    assert!(left.x[2 * width..4 * width].iter().all(|token| *token == NOTHING));
    assert_eq!(left.x[4 * width..], data.train.x[4 * width..]);
    // All windows of the text are forgotten or not there any more, but for the two that stay.
    assert_eq!(split.retain, [0, 1, 4, 5, 6]);
}

#[test]
fn a_word_piece_that_crosses_the_border_is_named_and_taken() {
    let data = secrets("bpe");
    let tokenizer = data.tokenizer.as_ref().unwrap();
    assert!(tokenizer.encode("4711").len() < 4, "4711 comes twice");
    let split = resolve(&[span("\"ids\":[\"b\"],\"spans\":[[0,3]]")], &data, 0).unwrap();
    assert_eq!(cut_text(&data, &split.cuts), "4711");
    let note = &split.lines[0].notes[0];
    assert!(note.contains("document `b`") && note.contains("711`") && note.contains("character 3"), "{note}");
}

#[test]
fn spans_that_cannot_be_are_refused_with_the_reason() {
    let data = secrets("bytes");
    let error = |json: &str| resolve(&[span(json)], &data, 0).unwrap_err().to_string();
    for (json, words) in [
        ("\"ids\":[\"b\"],\"spans\":[[2,9]]", "lies outside document `b`, which has 4 characters"),
        ("\"ids\":[\"b\"],\"spans\":[[2,2]]", "is empty"),
        ("\"ids\":[\"a\",\"b\"],\"spans\":[[0,1]]", "spans are of one document, and ids names 2"),
        ("\"ids\":[\"d\"],\"spans\":[[0,1]]", "unknown document `d`"),
        ("\"ids\":[\"b\"]", "has 0 of them"),
        ("\"text\":\"a\",\"pattern\":\"a\"", "has 2 of them"),
        ("\"text\":\"\"", "text is empty"),
        ("\"text\":\"xyz\"", "stands in no training document"),
        ("\"pattern\":\"[\"", "is no regular expression"),
        ("\"pattern\":\"x*\"", "stands in no training document"),
        ("\"ids\":[\"b\"],\"pattern\":\"ann\"", "stands in no document of ids"),
    ] {
        assert!(error(json).contains(words), "{json}: {}", error(json));
    }
    let whole = Request { text: Some("a".into()), ..Request::new(Kind::Sample, vec![Id::Name("a".into())], "here") };
    let error = resolve(&[whole], &data, 0).unwrap_err().to_string();
    assert!(error.contains("text goes with kind = \"span\""), "{error}");
}

#[test]
fn questions_keep_wrong_answers_that_nobody_is_trained_on() {
    let lines = "{\"id\":\"a\",\"q\":\"Who?\",\"a\":\"Ann.\",\"wrong\":[\"Max.\",\"Tom.\"]}\n\
        {\"id\":\"b\",\"q\":\"Where?\",\"a\":\"At a place of a long name.\",\"wrong\":[\"Here.\"]}\n";
    let asks = |c: &mut DataConfig| {
        c.id = Some("id".into());
        (c.question, c.text, c.perturbed) = (Some("q".into()), Some("a".into()), Some("wrong".into()));
    };
    let data = of("a.jsonl", lines, asks).unwrap();
    assert_eq!((said(&data, 0), data.train.len()), ("Who? Ann.".into(), 2));
    let quiz = data.quiz(crate::data::Portion::Train, 0).unwrap();
    assert_eq!((quiz.question.as_str(), quiz.wrong.len(), quiz.with("Max.")), ("Who?", 2, "Who? Max.".into()));
    // A window of a longer document holds no whole question.
    let narrow = of("a.jsonl", lines, |c| (asks(c), c.context = Some(12)).0).unwrap();
    assert!(narrow.quiz(crate::data::Portion::Train, 0).is_some());
    assert!((1..narrow.train.len() as u32).all(|at| narrow.quiz(crate::data::Portion::Train, at).is_none()));
    let error = |name: &str, text: &str, change: fn(&mut DataConfig)| of(name, text, change).unwrap_err().to_string();
    let wrong = |lines: &str| of("a.jsonl", lines, asks).unwrap_err().to_string();
    assert!(wrong(&lines.replace("[\"Here.\"]", "[]")).contains("line 2: the field `wrong` is no list of texts"));
    assert!(wrong(&lines.replace("\"q\":\"Who?\"", "\"q\":7")).contains("line 1: the field `q` is no text"));
    assert!(error("a.jsonl", lines, |c| c.question = Some("q".into())).contains("give both fields"));
    let table = |c: &mut DataConfig| (c.question, c.perturbed) = (Some("q".into()), Some("wrong".into()));
    assert!(error("a.txt", "a\n", table).contains("data.question"));
}
