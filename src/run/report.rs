//! The report: one self-contained HTML page, no network, with the numbers under every chart.

use std::path::Path;

use self::html::{element, escape};
use super::curve::Curve;
use super::results::{Row, by_experiment};
use crate::base::write_atomic;
use crate::error::{Error, Result};
use crate::methods::Tier;

mod accuracy;
mod audits;
mod bars;
mod charts;
mod classes;
mod cost;
mod csv;
mod curves;
mod experiment;
mod graph;
mod heat;
pub(in crate::run) mod html;
mod inks;
mod layers;
mod markdown;
mod membership;
mod page;
mod records;
pub mod roofline;
pub mod standings;
mod summary;
pub mod tensorboard;
mod texts;
mod verdicts;
pub mod words;

pub use page::Page;

/// What a report may be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A page with pictures.
    Html,
    /// Words and tables.
    Markdown,
    /// A line for each row.
    Csv,
}

impl Format {
    /// By the ending of a file's name; without one it is a page.
    ///
    /// # Errors
    /// Any other ending.
    pub fn of(path: &Path) -> Result<Format> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "html" | "htm" | "" => Ok(Format::Html),
            "md" | "markdown" => Ok(Format::Markdown),
            "csv" => Ok(Format::Csv),
            _ => Err(Error::input(format!(
                "--out {}: a report is a file that ends in .html, .md or .csv; give it one of these endings",
                path.display()
            ))),
        }
    }
}

/// Renders the page as the file's ending says and writes it atomically.
///
/// # Errors
/// `Io`; an ending that is none of [`Format`]'s.
pub fn write_report(path: &Path, page: &Page) -> Result<()> {
    let text = match Format::of(path)? {
        Format::Html => render(page),
        Format::Markdown => markdown::render(page),
        Format::Csv => csv::render(page)?,
    };
    write_atomic(path, text.as_bytes())
}

/// Experiments that are unfolded from the start, at most: a page of more begins as a list of them.
const UNFOLDED: usize = 2;

/// The whole page. The same input gives the same text but for the numbers in the names of clip paths.
pub fn render(page: &Page) -> String {
    let groups = by_experiment(page.rows);
    let of = |name: &str| page.curves.iter().find(|curve| curve.label == name);
    let alone: Vec<&Curve> =
        page.curves.iter().filter(|curve| groups.iter().all(|(name, _)| *name != curve.label)).collect();
    let training = curves::section(&alone);
    let mut body = format!("<header>\n{}{}</header>\n", element("h1", page.title), made(page.rows));
    let standings = standings::section(page.rows);
    let parts = summary::Parts {
        standings: !standings.is_empty(),
        audits: !page.audits.is_empty(),
        training: !training.is_empty(),
    };
    body.push_str(&summary::contents(&groups, &parts));
    body.push_str("<main>\n");
    match groups.is_empty() {
        true => body.push_str("<section id=\"summary\">\n<p>There are no results.</p>\n</section>\n"),
        false => body.push_str(&summary::cards(&groups)),
    }
    body.push_str(&standings);
    for (place, (name, rows)) in groups.iter().enumerate() {
        body.push_str(&experiment::section(place, name, rows, of(name), groups.len() <= UNFOLDED));
    }
    body.push_str(&audits::section(page.audits));
    body.push_str(&training);
    body.push_str(&reading());
    body.push_str("</main>\n");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <style>\n{}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(page.title),
        include_str!("report/style.css")
    )
}

/// When, with what version and where the first rows were made.
fn made(rows: &[Row]) -> String {
    let Some(row) = rows.first() else { return String::new() };
    let when =
        row.provenance.as_ref().map_or(String::new(), |from| format!("{} · unlearn {} · ", from.made_at, from.version));
    let text = format!("{when}{} ({})", row.adapter.name, row.adapter.backend);
    format!("<p class=\"soft\">{}</p>\n", escape(&text))
}

const INTRODUCTION: &str = "<p>The target is what a model retrained without the forgotten records does, not zero. \
    Every \
    experiment has two controls: the <b>original</b> model (nothing was forgotten) must fail, and <b>another \
    retrain</b>, \
    held out of the reference, must pass; otherwise the audit is inconclusive. A value that was not measured is shown \
    as – and is absent from the data. ± is the sample standard deviation over seeds.</p>\n";

/// What the words mean.
fn reading() -> String {
    let tiers = [Tier::Exact, Tier::Distribution, Tier::Certified, Tier::Approximate, Tier::Unverified];
    let mut out = format!("<section id=\"reading\">\n<h2>How to read this page</h2>\n{INTRODUCTION}{WORDS}");
    out.push_str("<h3>Tiers: what is claimed of a method</h3>\n<ul>\n");
    for tier in tiers {
        out.push_str(&format!("<li><b>{}</b>: {}</li>\n", tier.as_str(), escape(tier.sentence())));
    }
    out.push_str(&format!("</ul>\n<p class=\"soft\">unlearn {}</p>\n</section>\n", env!("CARGO_PKG_VERSION")));
    out
}

const WORDS: &str = "<h3>Verdicts</h3>\n<ul>\n\
    <li><b class=\"pass\">pass</b>: cannot be told from a model that never saw the records, and the rest is still \
    known.</li>\n\
    <li><b class=\"fail\">fail</b>: at least one check that decides something tells it from such a model.</li>\n\
    <li><b class=\"inconclusive\">inconclusive</b>: none fails, but too few decide anything here. Not a pass.</li>\n\
    <li><b class=\"unchanged\">unchanged</b>: the weights are those of before.</li>\n\
    <li><b class=\"destroyed\">destroyed</b>: nothing is known any more, the retained records neither.</li>\n</ul>\n";
