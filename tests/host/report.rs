//! `results.jsonl`, the table on the terminal and the report.

mod exports;

use std::collections::BTreeMap;

use serde_json::json;
use unlearn::base::Histogram;
use unlearn::eval::confusion::Confusion;
use unlearn::eval::{Cost, Evidence, Metrics, Reference, RequestScope, verdict};
use unlearn::methods::{Ratios, Read, Tier};
use unlearn::nn::Family;
use unlearn::run::curve::{Curve, CurvePoint, Phase};
use unlearn::run::pictures::{Moved, Pictures, Said, Scores, Written};
use unlearn::run::report::{Page, render, write_report};
use unlearn::run::results::{
    AdapterSummary, RequestSummary, Row, RowKind, SCHEMA, by_experiment, parse_results, read_results, write_results,
};
use unlearn::run::standings::{DISTANCE, RANK, TIME, choice, standings};
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
        request: RequestSummary { kind: "sample".into(), count: 135, hash: "5be1a07c".into(), ..Default::default() },
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
    render(&Page { title: "demo", rows: &experiment(), curves: &[curve("mlp_digits"), curve("retrain")], audits: &[] })
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
        line("finetune").contains("fail")
            && text
                .contains("finetune: Fails: it does not treat the forgotten records like records never seen (forget"),
        "{text}"
    );
    assert!(text.contains("noise 0.0040") && text.contains("digits") && text.contains("135 records"), "{text}");
    // No time, no ratio, no tier and no verdict for doing nothing: shown as absent.
    assert_eq!(line("original").matches('–').count(), 4, "{text}");
}

/// The first line says in plain words what came of it, on the terminal, on the page and in Markdown; methods of one
/// outcome share a sentence.
#[test]
fn a_sentence_for_everybody_comes_first() {
    let mut rows = experiment();
    let text = comparison(&rows, None);
    assert!(text.starts_with("mlp_digits · "), "what the records are is not known: {text}");
    rows.iter_mut().for_each(|row| row.request.what = Some("pictures of one person, wrongly labelled".into()));
    let said = "135 pictures of one person, wrongly labelled: 135 recognised as labelled before, 132 after eu-2, 131 \
        by a model that never saw them; 0.60 of a retrain.";
    let text = comparison(&rows, None);
    assert!(text.starts_with(&format!("{said}\nmlp_digits · ")), "{text}");
    assert!(text.contains("\neu-2: Passes: on the forgotten records it answers as a model does"), "{text}");
    let page = |rows: &[Row]| render(&Page { title: "t", rows, curves: &[], audits: &[] });
    assert_eq!(page(&rows).matches(said).count(), 2, "in the summary and in the section");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.md");
    write_report(&path, &Page { title: "t", rows: &rows, curves: &[], audits: &[] }).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains(said));
    // Two that pass are one sentence, and where none does, no method is praised.
    rows[1].verdict = rows[0].verdict.clone();
    assert!(comparison(&rows, None).contains("\neu-2, finetune: Passes"));
    let failed = experiment()[1].verdict.clone();
    rows.iter_mut().filter(|row| row.verdict.is_some()).for_each(|row| row.verdict = failed.clone());
    let text = comparison(&rows, None);
    assert!(text.contains("never saw them; no other method here is shown to forget them.\n"), "{text}");
}

#[test]
fn class_requests_show_the_retained_classes() {
    let mut rows = experiment();
    for row in &mut rows {
        let request = RequestSummary { kind: "class".into(), count: 140, hash: "0".into(), ..Default::default() };
        row.request = RequestSummary { classes: vec![3], ..request };
        row.metrics.put("class_request.retained_test_accuracy", Some(0.4321)).unwrap();
        row.metrics.put("membership_same_class.auc", Some(0.777)).unwrap();
    }
    let text = comparison(&rows, None);
    assert!(text.contains("43.21") && text.contains("0.777") && text.contains("class 3"), "{text}");
    let html = render(&Page { title: "t", rows: &rows, curves: &[], audits: &[] });
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
    assert_well_formed(&render(&Page { title: "empty", rows: &[], curves: &[], audits: &[] }));
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
    let html = render(&Page { title: "t", rows: &bare, curves: &[], audits: &[] });
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
    let html = render(&Page { title: hostile, rows: &rows, curves: &[curve(hostile)], audits: &[] });
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
    let html = render(&Page { title: "t", rows: &rows, curves: &[empty], audits: &[] });
    assert_well_formed(&html);
    assert!(!html.contains("NaN") && !html.contains("inf\""));

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.html");
    write_report(&path, &Page { title: "t", rows: &rows, curves: &[], audits: &[] }).unwrap();
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
        texts: [(true, if wrong == 0 { ".<b>\n" } else { "42." }), (false, "17.")]
            .map(|(forgotten, written)| Written {
                before: "The <code> of Ann is ".into(),
                secret: if forgotten { "42" } else { "17" }.into(),
                written: written.into(),
                forgotten,
            })
            .to_vec(),
    }
}

#[test]
fn what_was_written_of_records_classes_and_layers_is_drawn_and_what_was_not_is_left_out() {
    let bare = render(&Page { title: "t", rows: &experiment(), curves: &[], audits: &[] });
    let titles = [
        "How sure the model is of a record",
        "Accuracy of each class",
        "Which class is taken for which",
        "What the models say of single records",
        "What the models write",
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
    let html = render(&Page { title: "t", rows: &rows, curves: &[trained], audits: &[] });
    assert_well_formed(&html);
    assert!(titles.iter().all(|title| html.contains(title)));
    for piece in [
        // The retrain (row 2) has 80 % of class 1, eu-2 (row 0) all of it: 20 points more.
        "<th scope=\"row\">retrain (reference)</th><td>100.0</td><td>80.0</td>",
        "<th scope=\"row\">eu-2</th><td>0</td><td style=\"--h:48%\">+20.0</td>",
        // Against the original (row 4) four fewer are taken for class 0 by eu-2, of ten.
        "<td class=\"lo\" style=\"--h:24%\">−4</td><td style=\"--h:24%\">+4</td>",
        "<h5>record 1 of class 1</h5>",
        // What was planted stands there in the retrain's row, and not in eu-2's, whose text is shown as it is.
        "<th scope=\"row\">what was planted</th><td>42</td></tr>",
        "<th scope=\"row\">eu-2</th><td>“.&lt;b&gt;␊”</td>",
        "<th scope=\"row\">retrain (reference)</th><td>✗ “42.”</td>",
        "The &lt;code&gt; of Ann is",
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
    let html = render(&Page { title: "t", rows: &rows, curves: &[], audits: &[] });
    assert_eq!(html.matches("<details class=\"experiment\"><summary>").count(), 3);
    assert!(html.contains("href=\"#standings\"") && html.contains("<h2>Methods across experiments</h2>"));
    // A browser unfolds what a link leads into: the place is inside, behind the summary.
    for part in html.split("<details class=\"experiment\">").skip(1) {
        let (summary, inside) = part.split_once("</summary>").unwrap();
        assert!(!summary.contains("id=\"e") && inside.trim_start().starts_with("<div id=\"e"), "{summary}");
    }
}

#[test]
fn methods_are_compared_across_experiments() {
    assert!(standings(&experiment()).is_empty(), "there is nothing to compare across");
    let (mut rows, mut again) = (experiment(), experiment());
    again.iter_mut().for_each(|row| row.experiment = "again".into());
    // Here it came to nothing.
    (again[1].metrics, again[1].verdict) = (Metrics::default(), None);
    rows.extend(again);
    let all = standings(&rows);
    let names: Vec<_> = all.iter().map(|s| (s.method.as_str(), s.tried, s.passed, s.failed)).collect();
    assert_eq!(names, [("eu-2", 2, 2, 0), ("finetune", 2, 0, 2)]);
    // The retrains lie 0.004 apart; eu-2 is 0.0045 away and takes 6 s of 10, and is first both times.
    let mean = |key| all[0].mean(key).unwrap();
    assert!((mean(DISTANCE) - 1.125).abs() < 1e-12 && (mean(TIME) - 0.6).abs() < 1e-12 && mean(RANK) == 1.0);
    assert_eq!((all[0].half(RANK), all[1].mean(RANK), all[1].mean(DISTANCE)), (Some(0.0), Some(2.0), None));
    assert!(all[0].unbeaten && !all[1].unbeaten);
    let said = choice(&all).unwrap();
    assert!(said.starts_with("Take eu-2: it passes in 2 of 2 experiments, more often than any other"), "{said}");
    assert!(said.ends_with("and takes 0.60 of a retrain on average."), "{said}");
    let html = render(&Page { title: "t", rows: &rows, curves: &[], audits: &[] });
    assert!(html.contains(&said) && html.contains("<td>1.0 (1.0 to 1.0)</td>"));
    assert_well_formed(&html);
}
