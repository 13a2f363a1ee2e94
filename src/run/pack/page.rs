//! `certificate.html`: the certificate for people. One page, no script, nothing loaded, and nothing that the document
//! does not say: `unlearn verify` renders it again and compares the bytes.

use super::PAGE;
use super::certificate::{Attacked, Certificate, Holder, Judged};
use crate::eval::Outcome;
use crate::methods::Tier;
use crate::run::lineage::Place;
use crate::run::report::html::{element, escape, folded, table};

/// What is said of numbers that were not measured.
const NONE: &str = "–";

/// The page.
pub fn render(certificate: &Certificate) -> String {
    let body = [
        heading(certificate),
        asked(certificate),
        done(certificate),
        guarantee(certificate),
        tested(certificate),
        holders(certificate),
        limits(certificate),
        proof(certificate),
    ]
    .concat();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Certificate of erasure {}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         </body>\n</html>\n",
        &short(&certificate.done.run_sha256),
        include_str!("../report/style.css"),
        include_str!("certificate.css")
    )
}

fn short(hash: &str) -> String {
    hash.chars().take(16).collect()
}

fn section(id: &str, title: &str, body: &str) -> String {
    format!("<section id=\"{id}\">\n{}{body}</section>\n", element("h2", title))
}

/// Lines of a name and what stands for it.
fn facts(all: &[(&str, String)]) -> String {
    let line = |(name, value): &(&str, String)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value));
    format!("<dl class=\"facts\">\n{}</dl>\n", all.iter().map(line).collect::<String>())
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn heading(c: &Certificate) -> String {
    let class = match c.outcome() {
        Some(Outcome::Pass) => "pass",
        Some(Outcome::Inconclusive) => "inconclusive",
        Some(_) => "fail",
        None if c.guarantee.tier.is_exact() => "pass",
        None => "inconclusive",
    };
    let short_of = match (c.outcome(), c.guarantee.tier) {
        (Some(Outcome::Pass), tier) => format!("{}, tests passed", tier.as_str()),
        (Some(outcome), tier) => format!("{}, tests: {}", tier.as_str(), outcome.as_str()),
        (None, tier) if tier.is_exact() => format!("{}, by construction", tier.as_str()),
        (None, tier) => format!("{}, not tested", tier.as_str()),
    };
    format!(
        "<header>\n{}<p class=\"soft\">Issued {} by unlearn {}; signed with the key {}…</p>\n\
         <p class=\"verdict {class}\"><b>{}</b></p>\n<p>{} removed from a model after {}; {} stay.</p>\n</header>\n",
        element("h1", "Certificate of erasure from a model"),
        escape(&c.issued_at),
        escape(&c.version),
        escape(&short(&c.signer.fingerprint)),
        escape(&short_of),
        count(c.records.removed, "record", "records"),
        count(c.requests.len(), "request", "requests"),
        count(c.records.kept, "training record", "training records"),
    )
}

fn asked(c: &Certificate) -> String {
    let header = ["request", "kind", "ids", "records", "trained on", "received", "due"].map(str::to_owned);
    let none = || NONE.to_owned();
    let rows: Vec<Vec<String>> = c
        .requests
        .iter()
        .map(|r| {
            vec![
                short(&r.pseudonym),
                r.kind.clone(),
                r.ids.to_string(),
                r.records.to_string(),
                r.trained_on.to_string(),
                r.received_at.clone().unwrap_or_else(none),
                r.due_at.clone().unwrap_or_else(none),
            ]
        })
        .collect();
    let caption = "A request is shown by a pseudonym: without the project's key nobody can tell whose it is.";
    section("asked", "What was asked", &table(caption, &header, &rows))
}

fn done(c: &Certificate) -> String {
    let d = &c.done;
    let again = d.trained_again.map(|again| format!("{again} of {} networks were trained again", d.networks));
    let settings = serde_json::to_string(&d.settings).unwrap_or_default();
    let reads: Vec<String> = d.reads.iter().map(|read| read.as_str().to_owned()).collect();
    let mut lines = vec![
        ("method", d.method.clone()),
        ("finished", d.made_at.clone()),
        ("took", format!("{:.3} s", d.seconds)),
        ("effect", d.effect.as_str().to_owned()),
        ("read", if reads.is_empty() { "nothing besides the model".into() } else { reads.join(", ") }),
        ("settings", if settings == "{}" { "none".into() } else { settings }),
        ("seed", d.seed.map_or("kept secret, for the claim rests on it".into(), |seed| seed.to_string())),
        ("adapter", format!("{} ({}), driver {}", d.adapter.name, d.adapter.backend, d.adapter.driver)),
    ];
    if let Some(again) = again {
        lines.insert(3, ("networks", again));
    }
    section("done", "What was done", &facts(&lines))
}

fn guarantee(c: &Certificate) -> String {
    let conditions: String = c.guarantee.conditions.iter().map(|line| element("li", line)).collect();
    let under = if c.guarantee.tier == Tier::Unverified { "" } else { "<p>Under these conditions:</p>\n" };
    let body = format!("<p class=\"take\">{}</p>\n{under}<ul>\n{conditions}</ul>\n", escape(&c.guarantee.says));
    section("guarantee", "What it guarantees", &body)
}

fn tested(c: &Certificate) -> String {
    let mut body = element("p", &c.tests.says);
    if let Some(judged) = &c.tests.verdict {
        body += &verdict(judged);
    }
    if let Some(attacked) = &c.tests.audit {
        body += &attacks(attacked);
    }
    section("tested", "What was tested", &body)
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.4}"))
}

fn verdict(judged: &Judged) -> String {
    let header = ["check", "about", "this model", "retrained", "allowed", "outcome"].map(str::to_owned);
    let rows: Vec<Vec<String>> = judged
        .verdict
        .checks
        .iter()
        .map(|check| {
            let about = format!("{:?}", check.aspect).to_lowercase();
            let outcome = check.outcome.as_str().to_owned();
            vec![check.name.clone(), about, number(check.value), number(check.target), number(check.limit), outcome]
        })
        .collect();
    let reasons: String =
        judged.verdict.checks.iter().map(|c| element("li", &format!("{}: {}", c.name, c.reason))).collect();
    let caption = format!(
        "Beside {} retrained without the records, {}.",
        count(judged.references.len(), "model", "models"),
        judged.made_at
    );
    format!(
        "<h3>Beside retrained models</h3>\n<p><b class=\"{}\">{}</b>. {}</p>\n{}{}",
        judged.verdict.outcome.as_str(),
        judged.verdict.outcome.as_str(),
        escape(&judged.verdict.summary),
        table(&caption, &header, &rows),
        folded("more", false, "Each check in words", &format!("<ul>\n{reasons}</ul>\n"))
    )
}

fn attacks(a: &Attacked) -> String {
    let header = ["attack", "this model", "before (must be found out)", "retrained (must not be)"].map(str::to_owned);
    let rows: Vec<Vec<String>> = a
        .attacks
        .iter()
        .map(|row| {
            let spread = row.retrain_sd.map_or(String::new(), |sd| format!(" ± {sd:.4}"));
            let retrained = format!("{}{spread}", number(row.retrain_auc));
            vec![row.attack.clone(), number(Some(row.run.auc)), number(Some(row.original.auc)), retrained]
        })
        .collect();
    let caption = format!(
        "Area under the ROC of telling {} forgotten records from {} that nobody trained on; 0.5 is a guess. {} shadow \
         models, {} retrains, {}.",
        a.records.forgotten, a.records.held_out, a.shadows, a.retrains, a.made_at
    );
    let reasons: String =
        a.verdict.checks.iter().map(|c| element("li", &format!("{}: {}", c.name, c.reason))).collect();
    format!(
        "<h3>Under attack</h3>\n<p><b class=\"{}\">{}</b>. {}</p>\n{}{}",
        a.verdict.outcome.as_str(),
        a.verdict.outcome.as_str(),
        escape(&a.verdict.summary),
        table(&caption, &header, &rows),
        folded("more", false, "Each check in words", &format!("<ul>\n{reasons}</ul>\n"))
    )
}

fn holders(c: &Certificate) -> String {
    let header = ["what", "the records", "now", "why", "who deletes it", "known by"].map(str::to_owned);
    let who = |h: &Holder| match (h.place, h.history) {
        (Place::Gone, _) => "it is gone".to_owned(),
        (_, true) => "unlearn gc --purge".to_owned(),
        (_, false) => "its owner".to_owned(),
    };
    let row = |h: &Holder| {
        let known = h.sha256.as_deref().map_or_else(|| NONE.to_owned(), short);
        vec![h.what.clone(), h.trace.as_str().into(), h.place.as_str().into(), h.says.clone(), who(h), known]
    };
    let rows: Vec<Vec<String>> = c.holders.iter().map(row).collect();
    let caption = "Looked for when this was written, in the folders of the runs and in what they say of each other.";
    let body = match rows.is_empty() {
        true => "<p>Nothing that the program knows of.</p>\n".to_owned(),
        false => format!("<div class=\"long\">{}</div>\n", table(caption, &header, &rows)),
    };
    section("holders", "What still holds something of the records", &body)
}

fn limits(c: &Certificate) -> String {
    let lines: String = c.limits.iter().map(|line| element("li", line)).collect();
    section("limits", "What this does not show", &format!("<ul>\n{lines}</ul>\n"))
}

fn proof(c: &Certificate) -> String {
    let mut lines = vec![
        ("data before", c.data.before_sha256.clone()),
        ("data after", c.data.after_sha256.clone().unwrap_or_else(|| "a graph: see the ids".into())),
        ("removed ids", format!("{} (HMAC)", c.records.removed_list)),
        ("kept ids", format!("{} (HMAC)", c.records.kept_list)),
        ("model trained", c.model.trained_sha256.clone()),
        ("model before", c.model.before_sha256.clone()),
        ("model after", c.model.after_sha256.clone()),
        ("run", c.done.run_sha256.clone()),
        ("signed by", c.signer.public_key.clone()),
    ];
    if let Some(slice) = &c.ledger {
        lines
            .push(("ledger", format!("{} entries, the last is {}:{}", slice.entries, slice.head.seq, slice.head.hash)));
    }
    let header = ["file", "bytes", "SHA-256"].map(str::to_owned);
    // The page cannot hold its own hash.
    let files = c.files.iter().filter(|(name, _)| *name != PAGE);
    let rows: Vec<Vec<String>> =
        files.map(|(name, fact)| vec![name.clone(), fact.bytes.to_string(), fact.sha256.clone()]).collect();
    let from = |from_files: bool| {
        let these = c.recomputed.iter().filter(move |one| one.from_files == from_files);
        these.map(|one| one.what.as_str()).collect::<Vec<_>>().join("; ")
    };
    let said = match from(false) {
        said if said.is_empty() => String::new(),
        said => format!(" Taken from what the run says of itself: {said}."),
    };
    let how = "<p>Check it with <code>unlearn verify PACK</code>, with <code>--key</code> and the public key that you \
        have from its owner; do it again with <code>unlearn replay PACK</code>.</p>\n";
    let body = format!(
        "<p>Computed from files when this was written: {}.{}</p>\n{how}{}{}",
        escape(&from(true)),
        escape(&said),
        facts(&lines),
        folded("more", false, "Files of the pack", &table("All but this page and the signature.", &header, &rows))
    );
    section("proof", "How to check this", &body)
}
