//! Data on stdout, talk on stderr.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::error::{Error, Result};

/// Rows of text under headings: the human form of what a command found.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Headings, from the left.
    pub columns: Vec<String>,
    /// Cells by row; each has as many as there are columns.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: &[&str]) -> Table {
        Table { columns: columns.iter().map(|c| (*c).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(&self.columns).add_rows(&self.rows);
        for line in table.to_string().lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Whether stdout has data. It is the process's, and so is this: a document has no second one behind it.
static EMITTED: AtomicBool = AtomicBool::new(false);

/// Whether something was printed on stdout.
pub fn emitted() -> bool {
    EMITTED.load(Ordering::Relaxed)
}

/// Prints data on stdout. A reader that went away (`| head`) is no error: the command's own result still counts.
///
/// # Errors
/// stdout cannot be written for another reason, such as a full disk.
pub fn emit(text: &str) -> Result<()> {
    EMITTED.store(true, Ordering::Relaxed);
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Error::io("write", Path::new("stdout"))(e)),
        _ => Ok(()),
    }
}

/// Prints one JSON document on stdout.
///
/// # Errors
/// As [`emit`].
pub fn emit_json(document: &impl Serialize) -> Result<()> {
    emit(&json_text(document)?)
}

/// A JSON document as text, with a newline at its end.
pub fn json_text(document: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(document);
    text.map(|t| t + "\n").map_err(|e| Error::internal(format!("a result cannot be written as JSON: {e}")))
}

/// A path in a document, which has no bytes but UTF-8: others become U+FFFD.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Characters in a line of the terminal on stdout; nothing if that is a file or a pipe.
pub fn terminal_width() -> Option<u16> {
    let out = console::Term::stdout();
    let size = out.is_term().then(|| out.size_checked()).flatten();
    size.map(|(_, columns)| columns)
}

/// A line on stderr; nothing if nobody listens.
pub fn talk(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}
