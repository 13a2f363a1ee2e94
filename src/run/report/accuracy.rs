//! Accuracies as differences from the retrain.

use super::bars::{Bar, differences};
use super::html::{Figure, panel, table};
use super::inks::inks;
use crate::run::cells::percent;
use crate::run::results::{Row, RowKind};

/// Title and key of the three accuracies; for class requests test means the retained classes.
pub(super) fn accuracies(rows: &[&Row]) -> [(&'static str, &'static str); 3] {
    let test = match rows.iter().any(|row| row.request.is_class()) {
        true => ("test accuracy, retained classes", "class_request.retained_test_accuracy"),
        false => ("test accuracy", "splits.test.accuracy"),
    };
    [("forget accuracy", "splits.forget.accuracy"), ("retain accuracy", "splits.retain.accuracy"), test]
}

/// The figure; empty without a retrain, or without accuracies.
pub(super) fn figure(rows: &[&Row]) -> String {
    let Some(retrain) = rows.iter().find(|row| row.row == RowKind::Retrain) else { return String::new() };
    let mut body = String::new();
    for (title, key) in accuracies(rows) {
        let Some(mean) = retrain.metrics.get(key) else { continue };
        let bars: Vec<Bar> = inks(rows).into_iter().filter_map(|(row, ink)| bar(row, key, mean, ink)).collect();
        let name = format!("{title} − retrain, points");
        let band = retrain.sd.get(key).map_or(0.0, |sd| 100.0 * sd);
        body.push_str(&panel(&name, &differences(&name, &bars, band)));
    }
    if body.is_empty() {
        return String::new();
    }
    let names = accuracies(rows).map(|(title, _)| format!("{title}, %"));
    let header: Vec<String> = std::iter::once("row".to_owned()).chain(names).collect();
    let cell = |row: &Row| accuracies(rows).map(|(_, key)| percent(row, key));
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| std::iter::once(row.label().to_owned()).chain(cell(row)).collect()).collect();
    Figure {
        title: "Accuracy, as the difference from the retrain",
        caption: "0 is what a model retrained without the records reaches, and the green band is how far such models \
                  lie apart (± one standard deviation). The nearer to 0 the better: above it in forget accuracy the \
                  records are still known, below it they are avoided, which betrays them too.",
        body,
        key: String::new(),
        numbers: table("Accuracy, mean ± standard deviation", &header, &cells),
    }
    .html()
}

fn bar<'a>(row: &'a Row, key: &str, mean: f64, ink: super::charts::Ink) -> Option<Bar<'a>> {
    let value = 100.0 * (row.metrics.get(key)? - mean);
    let spread = row.sd.get(key).map(|sd| 100.0 * sd);
    let text = match value.abs() < 0.005 {
        true => "0".into(),
        false => format!("{value:+.2}").replace('-', "−"),
    };
    Some(Bar { name: row.label(), ink, value, spread, text })
}
