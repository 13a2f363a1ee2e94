//! A lineage as text.

use std::fmt::Write;
use std::path::Path;

use super::{Copy, Lineage, Place, Sort, Trace};

/// The tree, and under it how many copies hold something.
pub(super) fn text(lineage: &Lineage) -> String {
    let mut out = String::new();
    for (at, _) in lineage.copies.iter().enumerate().filter(|(_, copy)| copy.from.is_none()) {
        branch(lineage, at, "", "", &mut out);
    }
    let count =
        |trace: Trace| lineage.copies.iter().filter(|copy| copy.trace == trace && copy.place != Place::Gone).count();
    if lineage.forgot > 0 {
        let (holds, derived, free) = (count(Trace::Holds), count(Trace::Derived), count(Trace::Free));
        let _ = writeln!(
            out,
            "of the {} forgotten records: {holds} copies hold something, {derived} came from what did, {free} are \
             free; copies elsewhere, such as backups, are not known",
            lineage.forgot
        );
    }
    out
}

fn branch(lineage: &Lineage, at: usize, lead: &str, under: &str, out: &mut String) {
    let copy = &lineage.copies[at];
    let _ = writeln!(out, "{lead}{}", line(copy, &lineage.run));
    let children: Vec<usize> =
        lineage.copies.iter().enumerate().filter(|(_, child)| child.from == Some(at)).map(|(i, _)| i).collect();
    for (i, child) in children.iter().enumerate() {
        let last = i + 1 == children.len();
        let (lead, further) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        branch(lineage, *child, &format!("{under}{lead}"), &format!("{under}{further}"), out);
    }
}

fn line(copy: &Copy, run: &Path) -> String {
    let mark = if copy.path == run && copy.sort == Sort::Run { "* " } else { "" };
    let hash = copy.sha256.as_ref().map_or(String::new(), |hash| format!(" {}", &hash[..hash.len().min(12)]));
    let method = copy.method.as_ref().map_or(String::new(), |method| format!(" by {method}"));
    let place = match copy.place {
        Place::There => "",
        Place::Changed => " (changed since)",
        Place::Gone => " (gone)",
    };
    let path = copy.path.display();
    format!("{mark}{}{method} {path}{hash}{place}: {}: {}", copy.what, copy.trace.as_str(), copy.says)
}
