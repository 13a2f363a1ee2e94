//! The comparison as the terminal shows it.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::cells::{columns, heading};
use super::report::words;
use super::results::{Row, by_experiment};

/// The comparison as text: one table for each experiment below a sentence for everybody and a heading, and what each
/// verdict means. Cells are wrapped to fit `width` characters where that is given.
pub fn comparison(rows: &[Row], width: Option<u16>) -> String {
    by_experiment(rows).into_iter().map(|(name, rows)| experiment(name, &rows, width)).collect::<Vec<_>>().join("\n")
}

fn experiment(name: &str, rows: &[&Row], width: Option<u16>) -> String {
    let columns = columns(rows);
    let mut table = Table::new();
    if let Some(width) = width {
        table.set_width(width);
    }
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|column| column.heading.as_str()));
    for row in rows {
        table.add_row(columns.iter().map(|column| (column.cell)(row)));
    }
    for i in 1..columns.len() {
        if let Some(column) = table.column_mut(i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let plain = words::plain(rows).map_or(String::new(), |said| format!("{said}\n"));
    let mut text = format!("{plain}{}\n{table}\n", heading(name, rows));
    for (names, said) in words::outcomes(rows) {
        text.push_str(&format!("{names}: {said}\n"));
    }
    for row in rows {
        if let Some(note) = &row.note {
            text.push_str(&format!("{}: {note}\n", row.label()));
        }
    }
    text
}
