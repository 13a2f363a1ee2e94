//! The registries as Markdown: what `unlearn list NAME --markdown` prints and `docs/reference` holds.

use super::Table;
use super::list::Registry;
use crate::error::Result;

/// First line of every page, so that nobody edits one.
const NOTE: &str = "<!-- Written by tools/docs.sh from the program's registries. Do not edit. -->";

/// The page of a registry: a title, what the list is, the list, and what there is to say of each row.
///
/// # Errors
/// Whatever the registry's table meets, such as a shader that does not compose.
pub(super) fn page(registry: &Registry) -> Result<String> {
    let (title, table) = (capitalised(registry.name), of_table(&(registry.table)()?));
    let mut text = format!("{NOTE}\n\n# {title}\n\n{}\n\n{table}", registry.about);
    if let Some(details) = registry.details {
        text += &format!("\n{}", details()?);
    }
    Ok(text)
}

/// A table of Markdown. The first column holds names, so it is set as code.
pub(super) fn of_table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(table.columns.iter().map(|head| escaped(head)).collect());
    text += &line(vec!["---".to_owned(); table.columns.len()]);
    for row in &table.rows {
        let cell = |(at, cell): (usize, &String)| if at == 0 { code(cell) } else { escaped(cell) };
        text += &line(row.iter().enumerate().map(cell).collect());
    }
    text
}

/// A word as code.
pub(super) fn code(word: &str) -> String {
    format!("`{}`", word.replace('|', "\\|"))
}

/// Words as code, between spaces.
pub(super) fn codes(words: &[impl AsRef<str>]) -> String {
    words.iter().map(|word| code(word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// Text without what Markdown would take for markup; what stands between backticks is code already.
fn escaped(text: &str) -> String {
    let (mut out, mut in_code) = (String::new(), false);
    for c in text.chars() {
        in_code ^= c == '`';
        if c == '|' || (!in_code && matches!(c, '*' | '<' | '[' | ']')) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_their_text_and_lose_their_markup() {
        let mut table = Table::new(&["name", "what"]);
        table.row(["a|b", "x*y, `p|*q`, [n]"]);
        assert_eq!(of_table(&table), "| name | what |\n| --- | --- |\n| `a\\|b` | x\\*y, `p\\|*q`, \\[n\\] |\n");
    }
}
