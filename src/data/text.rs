//! Text: a record is a document, or a window of one that is longer than the context. Its tokens are both what a network
//! is given and, each by those before it, what it is to predict.

mod bpe;
#[cfg(feature = "tokenizers")]
mod byte_level;
mod canaries;
mod documents;
mod quiz;
pub(super) mod sentences;
mod tokenizer;

use std::path::Path;

use super::fitted::FitOn;
use super::identity::{Identity, Naming};
use super::key::Key;
use super::parts::{Parts, Raw};
use super::source::{Source, stem};
use super::values::Values;
use super::{DatasetRow, Loader, Normalize, Portion, TargetKind, split};
use crate::error::{Error, Result};

pub(super) use canaries::plant;
pub use canaries::{Canary, DIGITS};
use documents::{Document, Read};
pub use quiz::Quiz;
pub(crate) use quiz::Quizzes;
pub use tokenizer::{Encoder, Tokenizer};

/// The value of `loader`.
pub(super) const LOADER: &str = "text";

/// Whether the records of a loader are texts.
pub(super) fn is_of(loader: &str) -> bool {
    [LOADER, sentences::LOADER].contains(&loader)
}

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: LOADER,
    summary: "documents for a language model: the lines of a text file, a field of JSON Lines, a column of a table, or \
              the files of a folder; tokens are bytes, or word pieces that are learned from the training documents",
    citation: "T. Bray: RFC 8259, 2017; Y. Shafranovich: RFC 4180, 2005 (the formats); Sennrich et al., ACL 2016 \
               (word pieces)",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "test_path",
        "text",
        "id",
        "subject",
        "question",
        "perturbed",
        "columns",
        "header",
        "delimiter",
        "quotes",
        "skip_rows",
        "test_skip_rows",
        "tokenizer",
        "vocabulary",
        "context",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "plant",
        "limit",
    ],
    normalize: Normalize::None,
    load: Loader::Records(load),
};

/// What stands behind the last token of a record, up to the width of all.
pub const NOTHING: f32 = -1.0;

fn load(source: &Source) -> Result<Parts> {
    let config = source.config;
    let path = source.need("path", &config.path)?;
    let read = documents::read(source, &path, config.skip_rows, Portion::Train)?;
    let test = match &config.test_path {
        Some(test) => Some(documents::read(source, &source.join(test), config.test_skip_rows, Portion::Test)?),
        None => None,
    };
    parts_of(source, read, test, (stem(&path), path.display().to_string()))
}

/// Records of documents, `test` of which are those of the test part where there are any of its own; name and origin of
/// the data.
fn parts_of(source: &Source, read: Read, test: Option<Read>, (name, origin): (String, String)) -> Result<Parts> {
    let config = source.config;
    let Read { documents, naming, subject } = read;
    let keys: Vec<Key> = documents.iter().map(Document::key).collect();
    let plan = split::plan(&keys, config, test.is_some(), false, &origin)?;
    let at = |rows: &[u32]| rows.iter().map(|row| &documents[*row as usize]).collect::<Vec<_>>();
    let (train, validation) = (at(&plan.train), at(&plan.validation));
    let test_documents = test;
    let test = test_documents.as_ref().map_or_else(|| at(&plan.test), |test| test.documents.iter().collect());
    let tokenizer = tokenizer(source, &train)?;
    let context = config.context.unwrap_or(CONTEXT);
    if context == 0 || context > MOST {
        return Err(Error::input(format!("data.context: {context} tokens; expected 1 to {MOST}")));
    }
    let windows = Windows::of(&tokenizer, context);
    let cut = train.iter().filter(|document| windows.cut(&document.text).len() > 1).count();
    let notes = match cut {
        0 => vec![],
        cut => vec![format!(
            "{origin}: {cut} of {} training documents are longer than data.context = {context} tokens and are read in \
             windows of so many, all of which a request for the document takes",
            train.len()
        )],
    };
    let parts = Parts::new(name, origin, vec![context + 1], tokenizer.names(), windows.raw(source, &train)?);
    let tests = test_documents.iter().flat_map(|read| &read.documents);
    let quiz = |document: &Document| Some(((document.who.source as u8, document.who.row), document.quiz.clone()?));
    let quizzes = documents.iter().chain(tests).filter_map(quiz).collect();
    Ok(Parts {
        quizzes,
        targets: TargetKind::Text,
        validation: Some(windows.raw(source, &validation)?),
        test: Some(windows.raw(source, &test)?),
        naming,
        subject,
        tokenizer: Some(tokenizer),
        notes,
        ..parts
    })
}

/// Tokens of a window where the configuration does not say.
pub(super) const CONTEXT: usize = 128;

/// Longer contexts are taken for a slip.
const MOST: usize = 1 << 16;

/// What the run has kept, or what these training documents give.
fn tokenizer(source: &Source, train: &[&Document]) -> Result<Tokenizer> {
    let config = source.config;
    if let FitOn::Kept(fitted) = source.fit {
        let kept = fitted.tokenizer.clone();
        return kept.ok_or_else(|| Error::input("the run was fitted on data that are no text; give it those"));
    }
    if let Some(file) = config.tokenizer_file() {
        return Tokenizer::read(&source.join(Path::new(file)));
    }
    match config.tokenizer.as_deref().unwrap_or("bytes") {
        "bytes" => Ok(Tokenizer::Bytes),
        "bpe" => {
            let learns = train.iter().filter(|document| source.fit.learns(&document.who));
            Tokenizer::learn(learns.map(|document| document.text.as_str()), config.vocabulary.unwrap_or(VOCABULARY))
        }
        other => Err(Error::input(format!(
            "data.tokenizer: there is no tokenizer `{other}`; there are \"bytes\", \"bpe\" and a tokenizer.json"
        ))),
    }
}

/// Tokens of a learned vocabulary where the configuration does not say.
pub(super) const VOCABULARY: usize = 1024;

/// How documents become records.
struct Windows<'a> {
    end: u32,
    encoder: Encoder<'a>,
    context: usize,
}

impl<'a> Windows<'a> {
    fn of(tokenizer: &'a Tokenizer, context: usize) -> Windows<'a> {
        Windows { end: tokenizer.end(), encoder: tokenizer.encoder(), context }
    }

    /// The windows of a text between two ends of text: each begins with the last token of the one before it, so
    /// that every token but the first is predicted once.
    fn cut(&self, text: &str) -> Vec<Vec<u32>> {
        let mut tokens = vec![self.end];
        tokens.extend(self.encoder.encode(text));
        tokens.push(self.end);
        let last = tokens.len() - 1;
        (0..last).step_by(self.context).map(|from| tokens[from..=last.min(from + self.context)].to_vec()).collect()
    }

    /// Records of documents, each window one.
    fn raw(&self, source: &Source, documents: &[&Document]) -> Result<Raw> {
        let (width, mut x, mut who) = (self.context + 1, Vec::new(), Vec::<Identity>::new());
        for document in documents {
            for window in self.cut(&document.text) {
                source.limit.take_values(width, &document.place)?;
                x.extend(window.iter().map(|token| *token as f32));
                x.resize(x.len() + width - window.len(), NOTHING);
                who.push(document.who.clone());
            }
        }
        Ok(Raw { x: Values::Single(x), y: vec![0; who.len()], targets: vec![], who })
    }
}

impl Document {
    /// What it is drawn by: its subject or its name or, without one, what it says.
    fn key(&self) -> Key {
        Key::named(&self.who).unwrap_or_else(|| Key::of_text(&self.text))
    }
}

/// What documents without names are called.
fn naming(config: &super::DataConfig) -> Naming {
    config.id.clone().map_or(Naming::Rows, Naming::Column)
}

#[cfg(test)]
mod tests;
