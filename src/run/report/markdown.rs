//! The report as Markdown: what stands in words and in the comparison, without pictures.

use super::page::Page;
use super::{audits, words};
use crate::run::cells::{columns, heading};
use crate::run::results::{RowKind, by_experiment};
use crate::run::standings::{choice, standings};

/// The whole page.
pub fn render(page: &Page) -> String {
    let mut out = format!("# {}\n", text(page.title));
    let groups = by_experiment(page.rows);
    if groups.is_empty() {
        out.push_str("\nThere are no results.\n");
    }
    let across = standings(page.rows);
    if let Some(choice) = choice(&across) {
        out.push_str(&format!("\n## Methods across experiments\n\n**{}**\n\n", text(&choice)));
        let lines = across.iter().map(super::standings::line);
        out.push_str(&table(&super::standings::HEADER.map(str::to_owned), lines));
    }
    for (name, rows) in &groups {
        out.push_str(&format!("\n## {}\n\n", text(name)));
        if let Some(said) = words::plain(rows) {
            out.push_str(&format!("{}\n\n", text(&said)));
        }
        for line in [words::asked(rows), words::done(rows), words::cost(rows)] {
            out.push_str(&format!("{}\n", text(&line)));
        }
        out.push_str(&format!("\n**{}**\n\n{}\n\n", text(&words::recommendation(rows)), text(&heading(name, rows))));
        let columns = columns(rows);
        let head: Vec<String> = columns.iter().map(|column| column.heading.clone()).collect();
        out.push_str(&table(&head, rows.iter().map(|row| columns.iter().map(|column| (column.cell)(row)).collect())));
        let methods = rows.iter().filter(|row| row.row == RowKind::Method);
        let sentences: String =
            methods.map(|row| format!("- **{}** {}\n", text(row.label()), text(&words::verdict(row)))).collect();
        out.push_str(&if sentences.is_empty() { sentences } else { format!("\n{sentences}") });
    }
    if !page.audits.is_empty() {
        out.push_str("\n## Audits\n");
    }
    for audit in page.audits {
        let (name, sentence) = (text(&audits::name(audit)), text(&audits::sentence(audit)));
        out.push_str(&format!("\n**{name}: {}** {sentence}\n", audit.verdict.outcome.as_str()));
        if !audit.attacks.is_empty() {
            out.push('\n');
            out.push_str(&table(&audits::HEADER.map(str::to_owned), audit.attacks.iter().map(audits::line)));
        }
    }
    out
}

/// The first column is text, the others are figures.
fn table(head: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let shown = |cells: &[String]| line(cells.iter().map(|cell| text(cell)).collect());
    let rule = line((0..head.len()).map(|i| if i == 0 { "---".into() } else { "---:".into() }).collect());
    [shown(head), rule].into_iter().chain(rows.map(|cells| shown(&cells))).collect()
}

/// Text that Markdown shows as it is: in one line, and without the characters that would begin something.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push(' '),
            c if c.is_control() => out.push('\u{fffd}'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '~' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}
