//! Whom a request means, in words and as lines of JSON.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::evidence;
use crate::data::{Line, Portion, Who};
use crate::error::{Error, Result};

/// Records and lines that are printed; files have them all.
const SHOWN: usize = 20;

/// A line of JSON for each line of the request.
///
/// # Errors
/// None that is known: a line is numbers and texts.
pub fn json_lines<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Result<String> {
    evidence::json_lines(lines, "forgotten.jsonl")
}

/// Reads [`json_lines`] back.
///
/// # Errors
/// A line that is none.
pub fn read_lines(path: &Path) -> Result<Vec<Line>> {
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    let line = |(at, text): (usize, &str)| {
        serde_json::from_str(text).map_err(|e| Error::input(format!("{} line {}: {e}", path.display(), at + 1)))
    };
    text.lines().enumerate().map(line).collect()
}

/// What each line means: how many records, and the first of them.
pub fn text(lines: &[Line]) -> String {
    let mut out = String::new();
    let mut room = SHOWN;
    for line in lines.iter().take(SHOWN) {
        let _ = writeln!(out, "{} ({}): {}", line.request_id, line.origin, summary(line));
        for who in line.records.iter().take(room) {
            let _ = writeln!(out, "  {}", record(who));
        }
        if line.records.len() > room {
            let _ = writeln!(out, "  … and {} more", line.records.len() - room);
        }
        room = room.saturating_sub(line.records.len());
        for note in line.notes.iter().take(SHOWN) {
            let _ = writeln!(out, "  {note}");
        }
        if !line.twins.is_empty() {
            let ids: Vec<String> = line.twins.iter().take(5).map(|who| who.id.to_string()).collect();
            let more = if line.twins.len() > 5 { ", …" } else { "" };
            let _ = writeln!(
                out,
                "  identical to {} ({}{more}): same input and same label; \"twins\": true takes them along",
                counted(line.twins.len(), "retained record"),
                ids.join(", ")
            );
        }
    }
    if lines.len() > SHOWN {
        let rest: usize = lines[SHOWN..].iter().map(|line| line.records.len()).sum();
        let _ = writeln!(out, "… and {} more lines with {}", lines.len() - SHOWN, counted(rest, "record"));
    }
    out
}

fn summary(line: &Line) -> String {
    let mut parts = vec![counted(line.records.len(), thing(&line.kind))];
    if !line.classes.is_empty() {
        parts[0] += &format!(" of class {}", line.classes.join(", "));
    }
    let unseen = line.records.iter().filter(|who| matches!(who.split, Some(Portion::Validation | Portion::Test)));
    let unseen = unseen.count();
    if unseen > 0 && matches!(line.kind.as_str(), "sample" | "subject" | "edge") {
        parts.push(format!("{unseen} of them in no training part, which no parameter saw"));
    }
    if line.repeated > 0 {
        parts.push(format!("{} repeated", counted(line.repeated, "id")));
    }
    if line.already > 0 {
        parts.push(format!("{} forgotten before", line.already));
    }
    parts.join("; ")
}

fn thing(kind: &str) -> &str {
    match kind {
        "edge" => "edge",
        "feature" => "feature",
        "node" => "node",
        "span" => "span",
        _ => "record",
    }
}

pub(super) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn record(who: &Who) -> String {
    let mut text = format!("id {}", who.name());
    if let Some(row) = who.row {
        let _ = write!(text, ", row {row}");
    }
    if let Some(class) = &who.class {
        let _ = write!(text, ", class {class}");
    }
    if let Some(split) = who.split {
        let _ = write!(text, ", {}", split.name());
    }
    text
}
