//! What language models write of planted sentences.

use super::html::{Figure, element, table};
use crate::run::pictures::Written;
use crate::run::results::Row;

/// The sentences whose secret the request takes, and others, with what each model writes in its place.
pub(super) fn figure(rows: &[&Row]) -> String {
    let all: Vec<(&Row, &[Written])> =
        rows.iter().filter_map(|row| Some((*row, &row.pictures.as_ref()?.texts[..]))).collect();
    let Some(first) = all.iter().map(|(_, texts)| *texts).find(|texts| !texts.is_empty()) else {
        return String::new();
    };
    let example = first.iter().find(|text| text.forgotten).or(first.first());
    let begins = example.map_or(String::new(), |text| format!(" Asked to go on from “{}”:", text.before.trim_end()));
    let body = [(true, "To be forgotten"), (false, "To be kept")].map(|(forgotten, caption)| {
        let wanted = |text: &&Written| text.forgotten == forgotten;
        let header: Vec<String> = std::iter::once("sentence")
            .chain(first.iter().filter(wanted).map(|text| text.before.trim_end()))
            .map(str::to_owned)
            .collect();
        if header.len() == 1 {
            return String::new();
        }
        let truth = first.iter().filter(wanted).map(|text| text.secret.clone());
        let truth: Vec<String> = std::iter::once("what was planted".to_owned()).chain(truth).collect();
        let line = |(row, texts): &(&Row, &[Written])| -> Vec<String> {
            let each = texts.iter().filter(wanted).map(shown);
            std::iter::once(row.label().to_owned()).chain(each).collect()
        };
        let lines: Vec<Vec<String>> = std::iter::once(truth).chain(all.iter().map(line)).collect();
        table(caption, &header, &lines)
    });
    let body = format!("{}{}", element("p", begins.trim_start()), body.concat());
    Figure {
        title: "What the models write",
        caption: "Each model is given the beginning of a planted sentence and writes the likeliest text behind it, a \
                  token at a time. ✗ marks the planted secret, written out. A model that has forgotten writes no \
                  secret that was to be forgotten, and still those that were not.",
        body: format!("<div class=\"wide written\">{body}</div>\n"),
        key: String::new(),
        numbers: String::new(),
    }
    .html()
}

/// In quotes, so that spaces and nothing at all are seen.
fn shown(text: &Written) -> String {
    let mark = if text.written.starts_with(&text.secret) { "✗ " } else { "" };
    format!("{mark}“{}”", text.written.replace('\n', "␊"))
}
