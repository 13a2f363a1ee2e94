//! `results.jsonl`, the table on the terminal and the HTML page.

use std::collections::BTreeMap;

use serde_json::json;
use unlearn::base::Histogram;
use unlearn::eval::confusion::Confusion;
use unlearn::eval::{Cost, Evidence, Metrics, Reference, RequestScope, verdict};
use unlearn::methods::{Ratios, Read, Tier};
use unlearn::nn::Family;
use unlearn::run::curve::{Curve, CurvePoint, Phase};
use unlearn::run::pictures::{Moved, Pictures, Said, Scores};
use unlearn::run::report::tensorboard::{self, Scalar, write_events};
use unlearn::run::report::{Page, render, write_report};
use unlearn::run::results::{
    AdapterSummary, RequestSummary, Row, RowKind, SCHEMA, by_experiment, parse_results, read_results, write_results,
};
use unlearn::run::table::comparison;

fn metrics(forget: f64, retain: f64, test: f64, auc: f64, js: f64) -> Metrics {
    let mut metrics = Metrics::default();
    for (key, value) in [
        ("splits.forget.accuracy", forget),
        ("splits.forget.count", 135.0),
        ("splits.retain.accuracy", retain),
        ("splits.test.accuracy", test),
        ("membership.auc", auc),
        ("membership.se", 0.02),
        ("js.forget", js),
        ("js.test", js / 2.0),
        ("gaps.average", 0.02),
    ] {
        metrics.put(key, Some(value)).unwrap();
    }
    metrics
}

fn row(kind: RowKind, method: &str, tier: Tier, metrics: Metrics, method_s: Option<f64>) -> Row {
    Row {
        schema: SCHEMA.into(),
        experiment: "mlp_digits".into(),
        family: Family::Dnn,
        dataset: "digits".into(),
        request: RequestSummary { kind: "sample".into(), count: 135, hash: "5be1a07c".into(), classes: vec![] },
        row: kind,
        method: method.into(),
        settings: json!({"lr": 0.01, "epochs": 5}),
        tier,
        seed: 1,
        seeds: vec![],
        adapter: AdapterSummary {
            name: "llvmpipe".into(),
            backend: "Vulkan".into(),
            driver: "Mesa 22.3.6".into(),
            ..Default::default()
        },
        variants: BTreeMap::from([("matmul_nn".into(), "broadcast".into())]),
        times: Cost { method_s, precompute_s: None, retrain_s: Some(10.0) },
        reads: vec![Read::RetainData, Read::ForgetData],
        metrics,
        sd: Metrics::default(),
        interval: Metrics::default(),
        roc: vec![[0.0, 0.0], [0.0, 0.01], [0.01, 0.05], [0.1, 0.2], [0.5, 0.6], [1.0, 1.0]],
        pictures: None,
        verdict: None,
        effect: None,
        provenance: None,
        note: None,
    }
}

/// The rows of one experiment, written out of order, with a verdict on each method.
fn experiment() -> Vec<Row> {
    let runs = [
        metrics(0.97, 1.0, 0.975, 0.49, 0.004),
        metrics(0.975, 1.0, 0.979, 0.5, 0.004),
        metrics(0.98, 1.0, 0.977, 0.51, 0.0043),
        metrics(0.965, 1.0, 0.981, 0.495, 0.0037),
        metrics(0.972, 1.0, 0.978, 0.505, 0.004),
    ];
    let mut reference = Reference::over(&runs);
    reference.mean.put("js.noise_floor_forget", Some(0.004)).unwrap();
    let original = metrics(1.0, 1.0, 0.98, 0.58, 0.0156);
    let another = metrics(0.978, 1.0, 0.978, 0.492, 0.0042);
    let mut rows = vec![
        row(RowKind::Method, "eu-2", Tier::Approximate, metrics(0.978, 1.0, 0.981, 0.5, 0.0045), Some(6.0)),
        row(RowKind::Method, "finetune", Tier::Approximate, metrics(0.999, 1.0, 0.98, 0.57, 0.0121), Some(1.25)),
        row(RowKind::Retrain, "retrain", Tier::Exact, reference.mean.clone(), Some(10.0)),
        row(RowKind::AnotherRetrain, "retrain", Tier::Exact, another.clone(), Some(10.2)),
        row(RowKind::Original, "none", Tier::Unverified, original.clone(), None),
    ];
    rows[2].sd = reference.sd.clone();
    rows[2].seeds = vec![1, 2];
    for row in rows.iter_mut().filter(|row| row.row == RowKind::Method) {
        row.verdict = Some(verdict(&Evidence {
            scope: RequestScope::Records,
            original: &original,
            reference: &reference,
            another: Some(&another),
            candidate: &row.metrics,
            candidate_sd: None,
            candidate_runs: 1,
            unlink: None,
            cost: row.times,
        }));
    }
    rows
}

fn curve(label: &str) -> Curve {
    let points = (0..40u32).map(|i| CurvePoint {
        epoch: Some(f64::from(i / 10)),
        step: Some(f64::from(i)),
        loss: Some(2.3 / f64::from(1 + i)),
        accuracy: Some(1.0 - 0.9 / f64::from(1 + i)),
        lr: Some(0.05),
        validation: None,
        seconds: Some(0.1 * f64::from(i)),
    });
    Curve { label: label.into(), points: points.collect(), forgetting: Vec::new() }
}

fn page() -> String {
    render(&Page { title: "demo", rows: &experiment(), curves: &[curve("mlp_digits"), curve("retrain")] })
}

#[test]
fn rows_read_back_as_written_and_nothing_absent_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.jsonl");
    write_results(&path, &experiment()).unwrap();
    assert_eq!(read_results(&path).unwrap(), experiment());
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 5);
    assert!(!text.contains("null"), "{text}");
    for piece in [
        r#""schema":"unlearn.results/1""#,
        r#""family":"dnn""#,
        r#""row":"retrain (reference)""#,
        r#""tier":"approximate""#,
        r#""splits":{"forget":{"accuracy":0.978,"count":135}"#,
        r#""reads":["retain-data","forget-data"]"#,
    ] {
        assert!(text.contains(piece), "{piece} is not in {text}");
    }
}

#[test]
fn a_time_that_is_no_number_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.jsonl");
    let mut rows = experiment();
    rows[0].times.method_s = Some(f64::NAN);
    assert!(write_results(&path, &rows).is_err());
    assert!(!path.exists());
}

#[test]
fn a_bad_line_is_named_with_its_number() {
    let good = serde_json::to_string(&experiment()[0]).unwrap();
    let cases = [
        (format!("{good}\n{{"), "line 2: not a JSON object"),
        (format!("{good}\n\n{}", good.replace("results/1", "results/9")), "line 3: schema is unlearn.results/9"),
        (good.replace("\"schema\"", "\"scheme\""), "line 1: schema is none"),
        (good.replace("\"dnn\"", "\"rnn\""), "line 1: unknown variant `rnn`"),
        (good.replace("\"dataset\"", "\"data\""), "line 1: missing field `dataset`"),
        (good.replace("0.978", "null"), "line 1: metric `splits.forget.accuracy` is null"),
    ];
    for (text, want) in cases {
        let error = parse_results(&text, "r.jsonl").unwrap_err();
        assert!(error.to_string().contains(want), "{error} does not say {want}");
        assert_eq!(error.exit_code(), 2);
    }
    assert_eq!(parse_results(&format!("\n{good}\n\n"), "r.jsonl").unwrap().len(), 1);
}

#[test]
fn controls_come_first_and_methods_keep_their_order() {
    let mut rows = experiment();
    rows[1].experiment = "other".into();
    let groups = by_experiment(&rows);
    let names: Vec<_> =
        groups.iter().map(|(name, rows)| (*name, rows.iter().map(|r| r.label()).collect::<Vec<_>>())).collect();
    let controls = ["original (do nothing)", "retrain (reference)", "another retrain"];
    assert_eq!(names[0], ("mlp_digits", [&controls[..], &["eu-2"]].concat()));
    assert_eq!(names[1], ("other", vec!["finetune"]));
}

#[test]
fn the_table_has_every_row_its_spread_its_cost_and_its_verdict() {
    let text = comparison(&experiment(), None);
    let line =
        |label: &str| text.lines().find(|line| line.contains(label)).unwrap_or_else(|| panic!("{label}:\n{text}"));
    assert!(line("retrain (reference)").contains("97.24 ± 0.56"), "{text}");
    for piece in ["97.80", "0.0045", "0.60", "6.00", "approximate", "pass"] {
        assert!(line("eu-2").contains(piece), "{piece}:\n{text}");
    }
    assert!(
        line("finetune").contains("fail") && text.contains("finetune: Fails: forget accuracy, divergence"),
        "{text}"
    );
    assert!(text.contains("noise 0.0040") && text.contains("digits") && text.contains("135 records"), "{text}");
    // No time, no ratio, no tier and no verdict for doing nothing: shown as absent.
    assert_eq!(line("original").matches('–').count(), 4, "{text}");
}

#[test]
fn class_requests_show_the_retained_classes() {
    let mut rows = experiment();
    for row in &mut rows {
        row.request = RequestSummary { kind: "class".into(), count: 140, hash: "0".into(), classes: vec![3] };
        row.metrics.put("class_request.retained_test_accuracy", Some(0.4321)).unwrap();
        row.metrics.put("membership_same_class.auc", Some(0.777)).unwrap();
    }
    let text = comparison(&rows, None);
    assert!(text.contains("43.21") && text.contains("0.777") && text.contains("class 3"), "{text}");
    let html = render(&Page { title: "t", rows: &rows, curves: &[] });
    assert!(html.contains("test accuracy, retained classes"));
    let attack = html.split("<caption>Membership attack</caption>").nth(1).unwrap().split("</table>").next().unwrap();
    assert_eq!(attack.matches("<td>0.777</td>").count(), 5, "{attack}");
}

/// Tags opened and closed in order; attributes quoted; text free of stray `<`. Enough to catch a piece of a page that
/// was put together wrongly, or text that was not escaped.
fn assert_well_formed(html: &str) {
    let void = ["meta", "br", "hr", "img", "link", "input"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = &comment[comment.find("-->").expect("an end of the comment") + 3..];
            continue;
        }
        let end = rest.find('>').expect("an end of the tag");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes of <{tag}>");
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap_or_default();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()) && !name.is_empty(), "<{tag}>");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> closes another element");
        } else if !tag.ends_with('/') && !void.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
}

#[test]
fn the_page_is_well_formed_and_loads_nothing() {
    let html = page();
    assert_well_formed(&html);
    for load in ["http://", "https://", "//cdn", "src=", "@import", "url(http", "<script", "<link", "<iframe"] {
        assert!(!html.contains(load), "{load} in the page");
    }
    // Every link leads to a place on the page, once.
    for link in html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let place = link.strip_prefix('#').unwrap_or_else(|| panic!("{link} leads away"));
        assert_eq!(html.matches(&format!("id=\"{place}\"")).count(), 1, "{link}");
    }
    assert_well_formed(&render(&Page { title: "empty", rows: &[], curves: &[] }));
}

#[test]
fn the_page_has_every_chart_with_its_numbers_and_states_tiers_and_controls() {
    let html = page();
    // Three accuracies; ROC, two of cost, loss and accuracy, of the experiment and apart: kuva's.
    assert_eq!((html.matches("class=\"bars\"").count(), html.matches("<svg class=\"chart\"").count()), (3, 7));
    for figure in html.split("<figure>").skip(1) {
        let figure = figure.split("</figure>").next().unwrap();
        assert!(figure.contains("<svg") && figure.contains("<table"), "a figure without its chart or table: {figure}");
        assert!(figure.contains("<details class=\"numbers\">"), "numbers that are not folded: {figure}");
    }
    for piece in [
        "original (do nothing)",
        "retrain (reference)",
        "another retrain",
        "97.24 ± 0.56",
        "held-out retrain",
        "<h5>eu-2: <span class=\"pass\">pass</span> · tier approximate</h5>",
        "<h5>finetune: <span class=\"fail\">fail</span>",
        "A network (DNN) on digits was asked to forget 135 training records.",
        "2 methods were tried, compared with 2 models retrained without the records: 1 passes, 1 fails.",
        "A retrain takes 10.0 s; eu-2 takes 0.60 of that, its precomputation included.",
        "Take eu-2: it is the only method here that passes.",
        "Passes: on the forgotten records it answers as a model does that never saw them",
        "Fails: it does not treat the forgotten records like records never seen (forget accuracy, divergence",
        "prefers-color-scheme: dark",
        "@media print",
        "matmul_nn → broadcast",
        "Mesa 22.3.6",
        "<details class=\"experiment\" open><summary><h2>mlp_digits</h2>",
    ] {
        assert!(html.contains(piece), "{piece} is not in the page");
    }
    // The retrain lies near 97 %: 0 on the scale of differences, which has no room for a hundred.
    let relative = html.split("aria-label=\"forget accuracy − retrain, points\"").nth(1).unwrap();
    let relative = relative.split("</div>").next().unwrap();
    assert!(relative.contains(">+2.66</span>") && relative.contains("<span>0</span>") && !relative.contains("100<"));
    let bare: Vec<Row> = experiment().into_iter().filter(|row| row.row == RowKind::Method).collect();
    let html = render(&Page { title: "t", rows: &bare, curves: &[] });
    assert!(html.contains("“another retrain” is missing: no claim can be controlled"));
}

#[test]
fn hostile_text_is_escaped_everywhere() {
    let hostile = "\u{1b}<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&\u{1b}[31m";
    let mut rows = experiment();
    for row in &mut rows {
        row.method = hostile.into();
        row.experiment = hostile.into();
        row.dataset = hostile.into();
        row.request.kind = hostile.into();
        row.request.hash = hostile.into();
        row.adapter = AdapterSummary {
            name: hostile.into(),
            backend: hostile.into(),
            driver: hostile.into(),
            ..Default::default()
        };
        row.variants = BTreeMap::from([(hostile.into(), hostile.into())]);
        row.settings = json!({ hostile: hostile });
        row.note = Some(hostile.into());
        if let Some(verdict) = &mut row.verdict {
            verdict.summary = hostile.into();
            verdict.grade = Some(hostile.into());
            verdict.not_measured = vec![hostile.into()];
            verdict.checks[0].name = hostile.into();
            verdict.checks[0].reason = hostile.into();
        }
    }
    let html = render(&Page { title: hostile, rows: &rows, curves: &[curve(hostile)] });
    assert_well_formed(&html);
    for raw in ["<script", "<img", "\u{1b}"] {
        let at = html.find(raw);
        assert!(at.is_none(), "{raw:?}: …{}", &html[at.unwrap().saturating_sub(200)..][..400]);
    }
    assert!(html.contains("&lt;script&gt;"));
}

#[test]
fn absent_values_and_values_at_the_edge_still_make_a_page() {
    let mut rows = experiment();
    rows[0].metrics = Metrics::default();
    rows[0].times = Cost::default();
    rows[0].roc = vec![[0.0, 0.0], [1.0, 1.0]];
    rows[1].times.method_s = Some(0.0);
    for row in &mut rows {
        row.sd = Metrics::default();
    }
    let empty = Curve { label: "none".into(), points: vec![CurvePoint::default()], forgetting: Vec::new() };
    let html = render(&Page { title: "t", rows: &rows, curves: &[empty] });
    assert_well_formed(&html);
    assert!(!html.contains("NaN") && !html.contains("inf\""));

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.html");
    write_report(&path, &Page { title: "t", rows: &rows, curves: &[] }).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().ends_with("</html>\n"));
}

/// What a row's pictures are drawn from, of two classes of which the second was confused.
fn pictures(wrong: u32) -> Pictures {
    let histogram = |values: [f64; 4]| Histogram::of(values, (-15.0, 15.0), 30);
    Pictures {
        schema: unlearn::run::pictures::SCHEMA.into(),
        scores: Some(Scores { forget: histogram([1.0, 2.0, 3.0, 40.0]), held_out: histogram([-3.0, 0.5, 1.5, 2.0]) }),
        confusion: Some(Confusion { classes: 2, counts: vec![8, 0, wrong, 10 - wrong] }),
        layers: vec![Moved { layer: "fc<1>".into(), by: 0.25 }],
        importance: None,
        records: vec![Said { class: 1, logits: vec![0.0, 4.0] }],
    }
}

#[test]
fn what_was_written_of_records_classes_and_layers_is_drawn_and_what_was_not_is_left_out() {
    let bare = render(&Page { title: "t", rows: &experiment(), curves: &[] });
    let titles = [
        "How sure the model is of a record",
        "Accuracy of each class",
        "Which class is taken for which",
        "What the models say of single records",
        "How far each layer moved",
        "What a dampening chose from",
        "Learning curves",
    ];
    assert!(titles.iter().all(|title| !bare.contains(title)));
    let mut rows = experiment();
    for (i, row) in rows.iter_mut().enumerate() {
        row.pictures = Some(Box::new(pictures(i as u32)));
    }
    let log10 = Histogram::of([-1.0, 0.5, 1.0], (-4.0, 2.0), 36);
    rows[0].pictures.as_mut().unwrap().importance = Some(Ratios { alpha: 10.0, log10, idle: 7 });
    let mut trained = curve("mlp_digits");
    trained.forgetting = vec![Phase { method: "eu-2".into(), points: trained.points[..3].to_vec() }];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.jsonl");
    write_results(&path, &rows).unwrap();
    assert_eq!(read_results(&path).unwrap(), rows);
    let html = render(&Page { title: "t", rows: &rows, curves: &[trained] });
    assert_well_formed(&html);
    assert!(titles.iter().all(|title| html.contains(title)));
    for piece in [
        // The retrain (row 2) has 80 % of class 1, eu-2 (row 0) all of it: 20 points more.
        "<th scope=\"row\">retrain (reference)</th><td>100.0</td><td>80.0</td>",
        "<th scope=\"row\">eu-2</th><td>0</td><td style=\"--h:48%\">+20.0</td>",
        // Against the original (row 4) four fewer are taken for class 0 by eu-2, of ten.
        "<td class=\"lo\" style=\"--h:24%\">−4</td><td style=\"--h:24%\">+4</td>",
        "<h5>record 1 of class 1</h5>",
        "<td style=\"--h:1%\">2</td><td style=\"--h:59%\">98</td>",
        "fc&lt;1&gt;",
        "<h5>forgetting: loss</h5>",
        "<td>10</td><td>3</td><td>7</td>",
    ] {
        assert!(html.contains(piece), "{piece} is not in the page");
    }
}

#[test]
fn a_page_of_many_experiments_begins_folded_and_a_link_unfolds_one() {
    let mut rows = experiment();
    rows[0].experiment = "second".into();
    rows[1].experiment = "third".into();
    let html = render(&Page { title: "t", rows: &rows, curves: &[] });
    assert_eq!(html.matches("<details class=\"experiment\"><summary>").count(), 3);
    // A browser unfolds what a link leads into: the place is inside, behind the summary.
    for part in html.split("<details class=\"experiment\">").skip(1) {
        let (summary, inside) = part.split_once("</summary>").unwrap();
        assert!(!summary.contains("id=\"e") && inside.trim_start().starts_with("<div id=\"e"), "{summary}");
    }
}

#[test]
fn markdown_has_the_words_and_the_table_and_csv_every_figure() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = experiment();
    rows[0].dataset = "a|b_c".into();
    let page = Page { title: "demo", rows: &rows, curves: &[] };
    let (md, csv) = (dir.path().join("a.md"), dir.path().join("a.csv"));
    write_report(&md, &page).unwrap();
    write_report(&csv, &page).unwrap();
    let text = std::fs::read_to_string(&md).unwrap();
    for piece in [
        "# demo\n\n## mlp\\_digits\n",
        "**Take eu-2: it is the only method here that passes.**",
        "| --- | ---: |",
        "| retrain (reference) | 97.24 ± 0.56 |",
        "- **finetune** Fails: it does not treat",
    ] {
        assert!(text.contains(piece), "{piece} is not in {text}");
    }
    let mut read = csv::Reader::from_path(&csv).unwrap();
    let header: Vec<String> = read.headers().unwrap().iter().map(str::to_owned).collect();
    let lines: Vec<csv::StringRecord> = read.records().map(|line| line.unwrap()).collect();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!((lines.len(), &lines[0][at("dataset")]), (5, "a|b_c"));
    assert_eq!((&lines[0][at("js.forget")], &lines[0][at("verdict")]), ("0.0045", "pass"));
    // Controls have no spread but the retrain, and no verdict.
    assert_eq!((&lines[0][at("sd.js.forget")], &lines[4][at("verdict")]), ("", ""));
    assert!(lines[2][at("sd.js.forget")].parse::<f64>().is_ok());
    let error = write_report(&dir.path().join("a.pdf"), &page).unwrap_err();
    assert!(error.to_string().contains(".html, .md or .csv") && error.exit_code() == 2, "{error}");
}

#[test]
fn events_are_those_that_tensorboard_itself_writes() {
    let scalar = |tag: &str, step, value| Scalar { tag: tag.into(), step, value };
    let scalars = [
        scalar("train/loss", 0, 2.5),
        scalar("train/loss", 300, 0.125),
        scalar("metrics/js.forget", 70_000, -1e-3),
        scalar("größe", 1, 0.0),
    ];
    // Written by tools/parity/tensorboard_fixture.py.
    let fixture = include_bytes!("../../assets/parity/tensorboard/events.tfevents");
    assert_eq!(tensorboard::file(1_700_000_000, &scalars), fixture);
}

/// Tag, step and value of every event of a file whose checksums hold.
fn scalars_of(bytes: &[u8]) -> Vec<(String, i64, f32)> {
    /// Field number → number, or bytes, of a message.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let mut value = 0;
            for shift in (0..).step_by(7) {
                let byte = bytes[0];
                *bytes = &bytes[1..];
                value |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            value
        }
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let len = match key & 7 {
                0 => {
                    all.push((key >> 3, varint(&mut bytes), &[][..]));
                    continue;
                }
                1 => 8,
                5 => 4,
                _ => varint(&mut bytes) as usize,
            };
            all.push((key >> 3, 0, &bytes[..len]));
            bytes = &bytes[len..];
        }
        all
    }
    let (mut rest, mut out) = (bytes, Vec::new());
    while !rest.is_empty() {
        let len = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        assert_eq!(rest[8..12], tensorboard::masked(&rest[..8]).to_le_bytes());
        let data = &rest[12..12 + len];
        assert_eq!(rest[12 + len..16 + len], tensorboard::masked(data).to_le_bytes());
        let event = fields(data);
        let step = event.iter().find(|field| field.0 == 2).map_or(0, |field| field.1 as i64);
        for summary in event.iter().filter(|field| field.0 == 5) {
            for value in fields(summary.2) {
                let value = fields(value.2);
                let tag = String::from_utf8(value[0].2.to_vec()).unwrap();
                out.push((tag, step, f32::from_le_bytes(value[1].2.try_into().unwrap())));
            }
        }
        rest = &rest[16 + len..];
    }
    out
}

#[test]
fn every_row_and_training_has_a_folder_of_events() {
    let dir = tempfile::tempdir().unwrap();
    let mut trained = curve("mlp_digits");
    trained.forgetting = vec![Phase { method: "finetune".into(), points: trained.points[..3].to_vec() }];
    let mut rows = experiment();
    rows.push(rows[0].clone());
    let written = write_events(dir.path(), &Page { title: "t", rows: &rows, curves: &[trained] }).unwrap();
    assert_eq!(written, 7);
    let of = |folder: &str| {
        let entries: Vec<_> = std::fs::read_dir(dir.path().join("mlp_digits").join(folder)).unwrap().collect();
        assert_eq!(entries.len(), 1, "{folder}");
        scalars_of(&std::fs::read(entries[0].as_ref().unwrap().path()).unwrap())
    };
    assert!(of("training").contains(&("train/loss".into(), 1, 1.15)));
    let forgot = of("finetune");
    assert_eq!(forgot[0], ("forget/loss".into(), 0, 2.3));
    // Its figures stand at the last step of its forgetting.
    assert!(forgot.contains(&("metrics/js.forget".into(), 2, 0.0121)), "{forgot:?}");
    assert!(of("eu-2 2").contains(&("times/method_s".into(), 0, 6.0)));
}
