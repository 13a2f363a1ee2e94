//! What a reader needs first: what was asked, what was done, what came of it, what it cost, what to do; and where the
//! rest is.

use super::html::{anchor, escape};
use super::words;
use crate::run::results::Row;

/// A card for each experiment, which leads to its section.
pub(super) fn cards(groups: &[(&str, Vec<&Row>)]) -> String {
    let card = |(place, (name, rows)): (usize, &(&str, Vec<&Row>))| {
        let word = match words::tally(rows) {
            tally if tally.pass > 0 => "pass",
            tally if tally.fail > 0 && tally.open == 0 => "fail",
            _ => "inconclusive",
        };
        let line = |head: &str, text: &str| format!("<dt>{head}</dt><dd>{}</dd>\n", escape(text));
        format!(
            "<article class=\"card {word}\"><h3><a href=\"#{}\">{}</a></h3>\n{}<dl>\n{}{}{}{}</dl>\n</article>\n",
            anchor(place, name),
            escape(name),
            words::plain(rows).map_or(String::new(), |said| format!("<p class=\"plain\">{}</p>\n", escape(&said))),
            line("Asked", &words::asked(rows)),
            line("Done", &words::done(rows)),
            line("Cost", &words::cost(rows)),
            format_args!("<dt>Take</dt><dd class=\"take\">{}</dd>\n", escape(&words::recommendation(rows)))
        )
    };
    let cards: String = groups.iter().enumerate().map(card).collect();
    format!("<section id=\"summary\">\n<h2>Summary</h2>\n<div class=\"cards\">\n{cards}</div>\n</section>\n")
}

/// Which sections there are besides those of experiments.
pub(super) struct Parts {
    pub standings: bool,
    pub audits: bool,
    pub training: bool,
}

/// Links to every section.
pub(super) fn contents(groups: &[(&str, Vec<&Row>)], parts: &Parts) -> String {
    let link = |target: &str, text: &str| format!("<li><a href=\"#{target}\">{}</a></li>\n", escape(text));
    let mut out = link("summary", "Summary");
    if parts.standings {
        out.push_str(&link("standings", "Methods across experiments"));
    }
    for (place, (name, rows)) in groups.iter().enumerate() {
        let tally = words::tally(rows);
        let count = if tally.all > 0 { format!(" ({} of {} pass)", tally.pass, tally.all) } else { String::new() };
        out.push_str(&link(&anchor(place, name), &format!("{name}{count}")));
    }
    if parts.audits {
        out.push_str(&link("audits", "Audits"));
    }
    if parts.training {
        out.push_str(&link("training", "Training"));
    }
    out.push_str(&link("reading", "How to read this page"));
    format!("<nav aria-label=\"Contents\">\n<ul>\n{out}</ul>\n</nav>\n")
}
