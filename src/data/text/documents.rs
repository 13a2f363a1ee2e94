//! Documents as files have them: lines, fields, cells, or whole files.

use std::path::Path;

use serde_json::Value;

use super::naming;
use super::quiz::Quiz;
use crate::data::identity::{Identity, Naming};
use crate::data::source::{Bytes, Source};
use crate::data::table::find;
use crate::data::{Column, Portion, csv};
use crate::error::{Error, Result};

/// One document.
pub(super) struct Document {
    /// File and line, for messages.
    pub place: String,
    pub who: Identity,
    pub text: String,
    /// Where the configuration names a question.
    pub quiz: Option<Quiz>,
}

/// The documents of a file or folder, and what they are called.
pub(super) struct Read {
    pub documents: Vec<Document>,
    pub naming: Naming,
    /// The field or column of subjects.
    pub subject: Option<String>,
}

/// Reads what `path` is: a folder of files, JSON Lines (`.jsonl`, `.ndjson`), a table where `data.text` names a column,
/// else lines.
///
/// # Errors
/// Text that is not UTF-8, an empty document, a field that is not there: file, line and what was expected.
pub(super) fn read(source: &Source, path: &Path, skip: Option<usize>, part: Portion) -> Result<Read> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let lines_of_json = ["jsonl", "ndjson"].contains(&extension) && !path.is_dir();
    let (question, perturbed) = (source.config.question.is_some(), source.config.perturbed.is_some());
    if question != perturbed || question && !lines_of_json {
        return Err(Error::input(format!(
            "data.question, data.perturbed: {} is asked for questions and wrong answers; give both fields, of JSON \
             Lines (.jsonl), with data.text as the field of the answer, or neither",
            path.display()
        )));
    }
    let read = match (path.is_dir(), extension) {
        (true, _) => folder(source, path, part)?,
        (false, "jsonl" | "ndjson") => json(source, path, skip, part)?,
        (false, _) if source.config.text.is_some() => table(source, path, skip, part)?,
        (false, _) => lines(source, path, skip, part)?,
    };
    match read.documents.iter().find(|document| document.text.is_empty()) {
        Some(empty) => Err(Error::input(format!("{}: the text is empty; remove the document", empty.place))),
        None if read.documents.is_empty() => Err(Error::input(format!("{}: holds no documents", path.display()))),
        None => Ok(read),
    }
}

/// The whole file as text.
fn text(source: &Source, path: &Path) -> Result<String> {
    let bytes = Bytes::open(path, &source.limit)?.rows()?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let (shown, at) = (path.display(), e.utf8_error().valid_up_to());
        Error::input(format!("{shown}: not UTF-8 text at offset {at}; save it as UTF-8"))
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Lines of a file with their numbers, those to skip left out, and what stands for the place of each.
fn numbered(text: &str, skip: Option<usize>) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().skip(skip.unwrap_or(0)).map(|(at, line)| (at + 1, line))
}

/// # Errors
/// A key that names a field where there are none.
fn unnamed(source: &Source, path: &Path, what: &str) -> Result<()> {
    let config = source.config;
    let keys = [("text", &config.text), ("id", &config.id), ("subject", &config.subject)];
    match keys.into_iter().find(|(_, set)| set.is_some()) {
        Some((key, _)) => Err(Error::input(format!(
            "data.{key}: {} is read as {what}, which have no fields; leave the key out, or give JSON Lines (.jsonl) or \
             a table with data.text",
            path.display()
        ))),
        None => Ok(()),
    }
}

fn lines(source: &Source, path: &Path, skip: Option<usize>, part: Portion) -> Result<Read> {
    unnamed(source, path, "lines")?;
    let text = text(source, path)?;
    let filled = numbered(&text, skip).filter(|(_, line)| !line.trim().is_empty());
    let document = |(row, (line, text)): (usize, (usize, &str))| Document {
        place: format!("{} line {line}", path.display()),
        who: Identity { source: part, row: row as u64, ..Identity::default() },
        text: text.to_owned(),
        quiz: None,
    };
    let documents = filled.enumerate().map(document).collect();
    Ok(Read { documents, naming: Naming::Rows, subject: None })
}

fn folder(source: &Source, path: &Path, part: Portion) -> Result<Read> {
    unnamed(source, path, "files of a folder")?;
    let failed = |e: std::io::Error| Error::input(format!("{}: cannot be read: {e}", path.display()));
    let entries = std::fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(|file| file.is_file()).collect();
    files.sort();
    let mut documents = Vec::new();
    for (row, file) in files.iter().enumerate() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let name = if part == Portion::Train { name.into_owned() } else { format!("{}:{name}", part.name()) };
        documents.push(Document {
            place: file.display().to_string(),
            who: Identity { source: part, row: row as u64, name: Some(name.into()), ..Identity::default() },
            text: text(source, file)?,
            quiz: None,
        });
    }
    Ok(Read { documents, naming: Naming::Paths, subject: None })
}

fn table(source: &Source, path: &Path, skip: Option<usize>, part: Portion) -> Result<Read> {
    let config = source.config;
    let table = csv::read(path, config, skip, &source.limit)?;
    let at = |key: &str, name: &Option<String>| {
        name.as_ref().map(|name| find(&Column::Name(name.clone()), &table, key)).transpose()
    };
    let [text, id, subject] = [at("text", &config.text)?, at("id", &config.id)?, at("subject", &config.subject)?];
    let mut documents = Vec::new();
    for (row, cells) in table.rows.iter().enumerate() {
        let place = format!("{} {}", table.path, table.place(row));
        let cell = |column: Option<usize>| column.map(|at| cells[at].to_owned());
        let who = who(&place, (part, row), [("id", cell(id)), ("subject", cell(subject))])?;
        documents.push(Document { who, text: cell(text).unwrap_or_default(), place, quiz: None });
    }
    Ok(Read { documents, naming: naming(config), subject: config.subject.clone() })
}

fn json(source: &Source, path: &Path, skip: Option<usize>, part: Portion) -> Result<Read> {
    let (config, whole) = (source.config, text(source, path)?);
    let mut documents = Vec::new();
    for (row, (line, json)) in numbered(&whole, skip).filter(|(_, line)| !line.trim().is_empty()).enumerate() {
        let place = format!("{} line {line}", path.display());
        let object: serde_json::Map<String, Value> = serde_json::from_str(json).map_err(|e| {
            Error::input(format!("{place}: expected one JSON object a line, such as {{\"text\":\"…\"}}: {e}"))
        })?;
        let field = |name: &str| match object.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            other => {
                let found = if other.is_some() { "is no text" } else { "is not there" };
                Err(Error::input(format!("{place}: the field `{name}` {found}; each line needs it")))
            }
        };
        let named = |name: &Option<String>| name.as_deref().map(field).transpose();
        let who = who(&place, (part, row), [("id", named(&config.id)?), ("subject", named(&config.subject)?)])?;
        let answer = config.text.as_deref().unwrap_or("text");
        let fields = config.question.as_deref().zip(config.perturbed.as_deref());
        let quiz =
            fields.map(|(question, wrong)| Quiz::read(&object, &place, (question, answer, wrong))).transpose()?;
        let text = quiz.as_ref().map_or_else(|| field(answer), |quiz| Ok(quiz.with(&quiz.answer)))?;
        documents.push(Document { who, text, place, quiz });
    }
    Ok(Read { documents, naming: naming(config), subject: config.subject.clone() })
}

/// Who a document is, by what its file says.
fn who(place: &str, (source, row): (Portion, usize), names: [(&str, Option<String>); 2]) -> Result<Identity> {
    if let Some((key, _)) = names.iter().find(|(_, name)| name.as_deref() == Some("")) {
        return Err(Error::input(format!("{place}: data.{key} is empty; every document needs one")));
    }
    let [name, subject] = names.map(|(_, name)| name.map(String::into_boxed_str));
    Ok(Identity { source, row: row as u64, name, subject, ..Identity::default() })
}
