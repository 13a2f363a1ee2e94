//! The report: one self-contained HTML page, no network, with the numbers under every chart.

use std::path::Path;

use self::html::{element, escape};
use super::curve::Curve;
use super::results::{Row, by_experiment};
use crate::base::write_atomic;
use crate::error::Result;
use crate::methods::Tier;

mod charts;
mod curves;
mod experiment;
mod graph;
mod html;
pub mod roofline;

/// What a page is made of.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Its heading.
    pub title: &'a str,
    /// Rows of all experiments.
    pub rows: &'a [Row],
    /// Training curves; may be empty.
    pub curves: &'a [Curve],
}

/// Renders the page and writes it atomically.
pub fn write_report(path: &Path, page: &Page) -> Result<()> {
    write_atomic(path, render(page).as_bytes())
}

/// The whole page. The same input gives the same text but for the numbers in the names of clip paths.
pub fn render(page: &Page) -> String {
    let mut body = element("h1", page.title);
    body.push_str(INTRODUCTION);
    let groups = by_experiment(page.rows);
    if groups.is_empty() {
        body.push_str(&element("p", "There are no results."));
    }
    for (name, rows) in &groups {
        body.push_str(&experiment::section(name, rows));
    }
    body.push_str(&curves::section(page.curves));
    body.push_str(&footer());
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <style>\n{}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(page.title),
        include_str!("report/style.css")
    )
}

const INTRODUCTION: &str = "<p>The target is what a model retrained without the forgotten records does, not zero. \
    Every \
    experiment has two controls: the <b>original</b> model (nothing was forgotten) must fail, and <b>another \
    retrain</b>, \
    held out of the reference, must pass; otherwise the audit is inconclusive. A value that was not measured is shown \
    as – and is absent from the data. ± is the sample standard deviation over seeds.</p>\n";

fn footer() -> String {
    let tiers = [Tier::Exact, Tier::Distribution, Tier::Certified, Tier::Approximate, Tier::Unverified];
    let mut out = String::from("<h2>Tiers</h2>\n<ul>\n");
    for tier in tiers {
        out.push_str(&format!("<li><b>{}</b>: {}</li>\n", tier.as_str(), escape(tier.sentence())));
    }
    out.push_str("</ul>\n");
    out.push_str(&format!("<p class=\"soft\">unlearn {}</p>\n", env!("CARGO_PKG_VERSION")));
    out
}
