//! Requests on spans of texts: characters of a document, matches of a pattern, every occurrence of a text.

use super::request::Request;
use super::request_id::Id;
use super::resolved::{Line, Who};
use super::{Dataset, Place, Portion};
use crate::base::did_you_mean;
use crate::error::{Error, Result};

/// What a line of a request takes.
pub(super) struct Spans {
    pub line: Line,
    /// Training record and place in it of each token that lies in a span, or partly.
    pub tokens: Vec<(u32, u32)>,
}

/// A training document, put together from its windows.
struct Document {
    who: Who,
    text: String,
    /// First byte in the text, training record and place of each token; the ends of the text are not among them.
    tokens: Vec<(usize, u32, u32)>,
}

/// Shorter texts of spans are not looked for in other documents: they stand everywhere.
const TELLING: usize = 4;

/// Finds the spans of a request of kind `span`.
///
/// # Errors
/// Data that are no texts; a document that is not there, or that is not trained on; a span that is empty, or lies
/// outside its document; a pattern that is none or matches nothing.
pub(super) fn resolve(request: &Request, data: &Dataset) -> Result<Spans> {
    if data.tokenizer.is_none() {
        return request.fail(format!(
            "a request of kind span takes parts of texts, and the records of `{}` are {}; texts have data.loader = \
             \"text\"",
            data.name,
            data.target_kind().records()
        ));
    }
    request.one_way_of_naming()?;
    let mut found = Spans { line: Line::of(request), tokens: Vec::new() };
    match (&request.pattern, &request.text) {
        (None, None) => found.listed(request, data)?,
        (Some(pattern), _) => found.searched(request, data, &Search::pattern(request, pattern)?)?,
        (None, Some(text)) => found.searched(request, data, &Search::Text(text))?,
    }
    Ok(found)
}

impl Spans {
    /// Spans that the request lists.
    fn listed(&mut self, request: &Request, data: &Dataset) -> Result<()> {
        let [id] = &request.ids[..] else {
            return request.fail(format!(
                "spans are of one document, and ids names {}; write a line for each document, or pattern or text in \
                 the place of spans",
                request.ids.len()
            ));
        };
        let first = document_of(request, data, id)?;
        let document = Document::of(data, first)?;
        let mut starts: Vec<usize> = document.text.char_indices().map(|(at, _)| at).collect();
        starts.push(document.text.len());
        let length = starts.len() - 1;
        for &[from, to] in &request.spans {
            if from >= to {
                return request.fail(format!(
                    "the span [{from}, {to}] of document {id} is empty; expected [from, to] in characters from 0, \
                     with from < to, which is not in it"
                ));
            }
            if to > length as u64 {
                return request.fail(format!(
                    "the span [{from}, {to}] lies outside document {id}, which has {length} characters; a span is of \
                     one document"
                ));
            }
            let [from, to] = [from, to].map(|at| starts[at as usize]);
            self.take(&document, from, to);
            self.elsewhere(data, first, &document.text[from..to])?;
        }
        Ok(())
    }

    /// Spans that are to be looked for, in the documents that the request names or in all.
    fn searched(&mut self, request: &Request, data: &Dataset, search: &Search) -> Result<()> {
        let named = request.ids.iter().map(|id| document_of(request, data, id)).collect::<Result<Vec<_>>>()?;
        let all = named.is_empty();
        for first in if all { documents(data) } else { named } {
            let document = Document::of(data, first)?;
            for [from, to] in search.matches(&document.text) {
                self.take(&document, from, to);
            }
        }
        if self.line.records.is_empty() {
            let where_to = if all { "training document" } else { "document of ids" };
            return request.fail(format!("{} stands in no {where_to}; nothing would be forgotten", search.words()));
        }
        Ok(())
    }

    /// Takes bytes `from..to` of a document: every token that has one of them.
    fn take(&mut self, document: &Document, from: usize, to: usize) {
        let characters = |to: usize| document.text[..to].chars().count() as u64;
        let ends = document.tokens.iter().skip(1).map(|token| token.0).chain([document.text.len()]);
        for (&(start, record, place), end) in document.tokens.iter().zip(ends) {
            if start >= to || end <= from {
                continue;
            }
            self.tokens.push((record, place));
            for border in [from, to].into_iter().filter(|border| start < *border && *border < end) {
                self.line.notes.push(format!(
                    "document {}: the token `{}` crosses the border of the span at character {} and is taken whole",
                    document.who.id,
                    String::from_utf8_lossy(&document.text.as_bytes()[start..end]),
                    characters(border)
                ));
            }
        }
        let span = Some([characters(from), characters(to)]);
        match self.line.records.iter().any(|who| who.id == document.who.id && who.span == span) {
            true => self.line.repeated += 1,
            false => self.line.records.push(Who { span, ..document.who.clone() }),
        }
    }

    /// Says where a listed span's text stands elsewhere in the training part: there it still teaches it.
    fn elsewhere(&mut self, data: &Dataset, own: u32, text: &str) -> Result<()> {
        if text.chars().count() < TELLING {
            return Ok(());
        }
        let others = documents(data).into_iter().filter(|first| *first != own);
        let holds = others.map(|first| Ok(Document::of(data, first)?.text.contains(text)));
        let count = holds.collect::<Result<Vec<bool>>>()?.into_iter().filter(|holds| *holds).count();
        if count > 0 {
            self.line.notes.push(format!(
                "what the span holds stands in {count} other training document{}, which keep it; \"text\" in the place \
                 of ids and spans takes every occurrence",
                if count == 1 { "" } else { "s" }
            ));
        }
        Ok(())
    }
}

/// What is looked for in documents.
enum Search<'a> {
    Text(&'a str),
    #[cfg(feature = "harness")]
    Pattern(regex::Regex),
}

impl Search<'_> {
    #[cfg(feature = "harness")]
    fn pattern<'a>(request: &Request, pattern: &'a str) -> Result<Search<'a>> {
        match regex::Regex::new(pattern) {
            Ok(pattern) => Ok(Search::Pattern(pattern)),
            Err(error) => {
                let why = error.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                request.fail(format!("pattern `{pattern}` is no regular expression: {last}"))
            }
        }
    }

    #[cfg(not(feature = "harness"))]
    fn pattern<'a>(request: &Request, _: &'a str) -> Result<Search<'a>> {
        request.fail("this build has no regular expressions (feature `harness`); give text or spans")
    }

    /// First and last byte + 1 of what is found in a text: of a pattern with groups its first group. Nothing empty.
    fn matches(&self, text: &str) -> Vec<[usize; 2]> {
        match self {
            Search::Text(wanted) => text.match_indices(wanted).map(|(at, found)| [at, at + found.len()]).collect(),
            #[cfg(feature = "harness")]
            Search::Pattern(pattern) => {
                let group = usize::from(pattern.captures_len() > 1);
                let all = pattern.captures_iter(text).filter_map(|found| found.get(group));
                all.filter(|found| !found.is_empty()).map(|found| [found.start(), found.end()]).collect()
            }
        }
    }

    fn words(&self) -> String {
        match self {
            Search::Text(_) => "the text".to_owned(),
            #[cfg(feature = "harness")]
            Search::Pattern(pattern) => format!("what pattern `{}` matches", pattern.as_str()),
        }
    }
}

/// The first record of each training document.
fn documents(data: &Dataset) -> Vec<u32> {
    let train = data.who.part(Portion::Train);
    let new = |at: &u32| {
        let own = &train[*at as usize];
        *at == 0 || (own.source, own.row) != (train[*at as usize - 1].source, train[*at as usize - 1].row)
    };
    (0..train.len() as u32).filter(new).collect()
}

/// The first record of the training document of this id.
fn document_of(request: &Request, data: &Dataset, id: &Id) -> Result<u32> {
    match data.find_all(id).first() {
        Some(Place { portion: Portion::Train, position }) => Ok(*position),
        Some(Place { portion, .. }) => request.fail(format!(
            "document {id} is in the {} part, which no parameter saw; spans are taken out of training documents",
            portion.name()
        )),
        None => {
            let near = id.text().map(|text| did_you_mean(&text, data.who.names().take(10_000))).unwrap_or_default();
            request.fail(format!("unknown document {id}{near}; {}", data.what_ids_are()))
        }
    }
}

impl Document {
    /// The training document that begins with this record.
    ///
    /// # Errors
    /// Tokens that are no text.
    fn of(data: &Dataset, first: u32) -> Result<Document> {
        let tokenizer = data.tokenizer.as_ref().ok_or_else(|| Error::internal("spans of records that are no texts"))?;
        let who = data.describe(Place { portion: Portion::Train, position: first });
        let (mut bytes, mut tokens) = (Vec::new(), Vec::new());
        for record in data.windows(first) {
            for (place, token) in data.tokens(record).into_iter().enumerate().skip(1) {
                if token != tokenizer.end() {
                    tokens.push((bytes.len(), record, place as u32));
                    bytes.extend(tokenizer.bytes(token));
                }
            }
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::internal(format!("the tokens of document {} are no text", who.id)))?;
        Ok(Document { who, text, tokens })
    }
}
