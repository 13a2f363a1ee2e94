//! Tables of a graph: separated by commas, tabs, semicolons or blanks, with comments, with a heading or without.

use std::path::Path;

use csv::StringRecord;

use crate::data::csv::{held, names, parse, unequal};
use crate::data::graph::lines::text;
use crate::data::limit::Limit;
use crate::data::table::Table;
use crate::data::{Column, DataConfig};
use crate::error::Result;

/// The table of a file. The separator is the first of tab, comma, semicolon and blanks that its first line has; a line
/// that begins with `#` is a comment. `header` says whether there is a heading, by the key `node_header` where the
/// table is `of_nodes`.
pub(super) fn read(path: &Path, header: bool, of_nodes: bool, limit: &Limit) -> Result<Table> {
    let whole = text(path, limit)?;
    let bare = whole.strip_prefix('\u{feff}').unwrap_or(&whole);
    // Comments become empty lines, so that the numbers of lines stay what they are.
    let lines: Vec<&str> =
        bare.split('\n').map(|line| if line.trim_start().starts_with('#') { "" } else { line }).collect();
    let first = lines.iter().map(|line| line.trim()).find(|line| !line.is_empty()).unwrap_or_default();
    let delimiter = ['\t', ',', ';'].into_iter().find(|mark| first.contains(*mark));
    let blanks = delimiter.is_none() && first.contains(char::is_whitespace);
    let config = DataConfig {
        header: Some(header),
        node_header: of_nodes.then_some(header),
        delimiter: Some(delimiter.unwrap_or(',').to_string()),
        ..DataConfig::new("edge_list")
    };
    let shown = path.display().to_string();
    if !blanks {
        return parse(shown, &lines.join("\n"), &config, None, limit);
    }
    let (mut rows, mut places) = (vec![], vec![]);
    for (line, place) in lines.iter().zip(1u64..).filter(|(line, _)| !line.trim().is_empty()) {
        let row: StringRecord = line.split_whitespace().collect::<Vec<_>>().into();
        let expected = rows.first().map_or(row.len(), StringRecord::len);
        if row.len() != expected {
            return Err(unequal(&shown, place, row.len(), expected));
        }
        limit.take(held(&row), &shown, "its rows")?;
        rows.push(row);
        places.push(place);
    }
    let names = names(&shown, &config, &mut rows, &mut places)?;
    Ok(Table { path: shown, names, rows, lines: places })
}

/// A column that is called so, by its name or, where it has none, its position.
pub(super) fn called(column: &Column, table: &Table, at: usize) -> bool {
    match column {
        Column::Name(name) => table.names[at] == *name,
        Column::Index(index) => *index == at as i64 || index.wrapping_add(table.names.len() as i64) == at as i64,
    }
}
