//! The report as Markdown: what stands in words and in the comparison, without pictures.

use super::{Page, words};
use crate::run::cells::{columns, heading};
use crate::run::results::{Row, RowKind, by_experiment};

/// The whole page.
pub fn render(page: &Page) -> String {
    let mut out = format!("# {}\n", text(page.title));
    let groups = by_experiment(page.rows);
    if groups.is_empty() {
        out.push_str("\nThere are no results.\n");
    }
    for (name, rows) in &groups {
        out.push_str(&format!("\n## {}\n\n", text(name)));
        for line in [words::asked(rows), words::done(rows), words::cost(rows)] {
            out.push_str(&format!("{}\n", text(&line)));
        }
        out.push_str(&format!("\n**{}**\n\n{}\n\n", text(&words::recommendation(rows)), text(&heading(name, rows))));
        out.push_str(&table(rows));
        let methods = rows.iter().filter(|row| row.row == RowKind::Method);
        let sentences: String =
            methods.map(|row| format!("- **{}** {}\n", text(row.label()), text(&words::verdict(row)))).collect();
        out.push_str(&if sentences.is_empty() { sentences } else { format!("\n{sentences}") });
    }
    out
}

fn table(rows: &[&Row]) -> String {
    let columns = columns(rows);
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let head = line(columns.iter().map(|column| text(&column.heading)).collect());
    let rule = line((0..columns.len()).map(|i| if i == 0 { "---".into() } else { "---:".into() }).collect());
    let body = rows.iter().map(|row| line(columns.iter().map(|column| text(&(column.cell)(row))).collect()));
    [head, rule].into_iter().chain(body).collect()
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
