//! The cells of a comparison as text, for the terminal and the report.

use super::results::{Row, RowKind};
use crate::eval::Metrics;

/// Shown where a value is absent.
pub const ABSENT: &str = "–";

/// One column of the comparison: its heading, in lines, and the text of a row.
pub struct Column {
    /// In lines.
    pub heading: String,
    /// The text of a row's cell.
    pub cell: fn(&Row) -> String,
}

/// The columns for the rows of one experiment. For class requests the test accuracy is that of the retained classes.
pub fn columns(rows: &[&Row]) -> Vec<Column> {
    let class = rows.iter().any(|row| row.request.is_class());
    let column = |heading: &str, cell: fn(&Row) -> String| Column { heading: heading.into(), cell };
    let floor = |key| rows.iter().find_map(|row| row.metrics.get(key)).map(|v| format!("\n(noise {v:.4})"));
    if rows.iter().any(|row| row.metrics.get("splits.test.rmse").is_some()) {
        return of_targets(rows, Figures::REAL);
    }
    if rows.iter().any(|row| row.metrics.get("splits.test.exact_match").is_some()) {
        return of_targets(rows, Figures::LABELS);
    }
    if rows.iter().any(|row| row.metrics.get("splits.test.perplexity").is_some()) {
        return of_targets(rows, Figures::TEXTS);
    }
    let test = match class {
        true => column("retained-class\ntest acc %", |row| percent(row, "class_request.retained_test_accuracy")),
        false => column("test\nacc %", |row| percent(row, "splits.test.accuracy")),
    };
    let membership = match class {
        true => column("MIA AUC\nsame class", |row| plain(row, "membership_same_class.auc", 3)),
        false => column("MIA\nAUC", |row| plain(row, "membership.auc", 3)),
    };
    let mut js_forget = column("JS\nforget", |row| plain(row, "js.forget", 4));
    js_forget.heading += &floor("js.noise_floor_forget").unwrap_or_default();
    let mut js_test = column("JS\ntest", |row| plain(row, "js.test", 4));
    js_test.heading += &floor("js.noise_floor_test").unwrap_or_default();
    let mut all = vec![
        column("row", |row| row.label().to_owned()),
        column("forget\nacc %", |row| percent(row, "splits.forget.accuracy")),
        column("retain\nacc %", |row| percent(row, "splits.retain.accuracy")),
        test,
        membership,
        js_forget,
        js_test,
    ];
    all.extend(costs());
    all
}

/// A heading and the text of a row under it.
type Shown = (&'static str, fn(&Row) -> String);

/// What is shown of records with targets in the place of a class, and of texts.
struct Figures {
    columns: [Shown; 5],
    /// Key of the retrains' distance from each other, for the heading of the last column.
    floor: &'static str,
}

impl Figures {
    const REAL: Figures = Figures {
        columns: [
            ("forget\nRMSE", |row| plain(row, "splits.forget.rmse", 4)),
            ("retain\nR²", |row| plain(row, "splits.retain.r2", 4)),
            ("test\nR²", |row| plain(row, "splits.test.r2", 4)),
            ("MIA\nAUC", |row| plain(row, "membership.auc", 3)),
            ("distance\nforget", |row| plain(row, "distance.forget", 4)),
        ],
        floor: "distance.noise_floor_forget",
    };
    const LABELS: Figures = Figures {
        columns: [
            ("forget\nF1 %", |row| percent(row, "splits.forget.micro_f1")),
            ("retain\nF1 %", |row| percent(row, "splits.retain.micro_f1")),
            ("test\nF1 %", |row| percent(row, "splits.test.micro_f1")),
            ("MIA\nAUC", |row| plain(row, "membership.auc", 3)),
            ("JS\nforget", |row| plain(row, "js.forget", 4)),
        ],
        floor: "js.noise_floor_forget",
    };
    const TEXTS: Figures = Figures {
        columns: [
            ("forget\nMA %", |row| percent(row, "splits.forget.accuracy")),
            ("exposure\nbits", |row| plain(row, "exposure.forgotten", 2)),
            ("test\nperplexity", |row| plain(row, "splits.test.perplexity", 3)),
            ("MIA\nAUC", |row| plain(row, "membership.auc", 3)),
            ("distance\nforget", |row| plain(row, "distance.forget", 4)),
        ],
        floor: "distance.noise_floor_forget",
    };
}

fn of_targets(rows: &[&Row], figures: Figures) -> Vec<Column> {
    let mut all = vec![Column { heading: "row".into(), cell: |row| row.label().to_owned() }];
    all.extend(figures.columns.map(|(heading, cell)| Column { heading: heading.into(), cell }));
    let floor = rows.iter().find_map(|row| row.metrics.get(figures.floor));
    if let (Some(last), Some(floor)) = (all.last_mut(), floor) {
        last.heading += &format!("\n(noise {floor:.4})");
    }
    all.extend(costs());
    all
}

/// What it cost, what may be claimed, what came of it.
fn costs() -> [Column; 4] {
    let column = |heading: &str, cell: fn(&Row) -> String| Column { heading: heading.into(), cell };
    [
        column("time s", |row| row.times.method_s.map_or(ABSENT.into(), seconds)),
        column("× of\nretrain", |row| row.times_retrain().map_or(ABSENT.into(), |ratio| format!("{ratio:.2}"))),
        column("tier", |row| match row.row {
            RowKind::Original => ABSENT.into(),
            _ => row.tier.as_str().into(),
        }),
        column("verdict", |row| row.verdict.as_ref().map_or(ABSENT.into(), |v| v.outcome.as_str().into())),
    ]
}

/// Experiment, family, data, request and adapter in a line.
pub fn heading(name: &str, rows: &[&Row]) -> String {
    let Some(row) = rows.first() else { return name.to_owned() };
    let classes = match row.request.classes.as_slice() {
        [] => String::new(),
        classes => format!(" (class {})", classes.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    };
    format!(
        "{name} · {} on {} · forget {} records by {} request{classes} · {} ({})",
        row.family, row.dataset, row.request.count, row.request.kind, row.adapter.name, row.adapter.backend
    )
}

/// A fraction in percent with its spread, two digits.
pub fn percent(row: &Row, key: &str) -> String {
    with_spread(&row.metrics, &row.sd, key, 100.0, 2)
}

/// A value with its spread.
pub fn plain(row: &Row, key: &str, digits: usize) -> String {
    with_spread(&row.metrics, &row.sd, key, 1.0, digits)
}

fn with_spread(mean: &Metrics, sd: &Metrics, key: &str, scale: f64, digits: usize) -> String {
    match (mean.get(key), sd.get(key)) {
        (None, _) => ABSENT.into(),
        (Some(value), None) => format!("{:.digits$}", scale * value),
        (Some(value), Some(sd)) => format!("{:.digits$} ± {:.digits$}", scale * value, scale * sd),
    }
}

/// Seconds with three significant digits.
pub fn seconds(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 1.0 => format!("{v:.2}"),
        v => format!("{v:.3}"),
    }
}
