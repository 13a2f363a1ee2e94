//! What came of an experiment in sentences that ask for no knowledge of the field.

use crate::eval::{Aspect, Outcome, Verdict};
use crate::run::cells::seconds;
use crate::run::results::{Row, RowKind};

/// What was asked.
pub fn asked(rows: &[&Row]) -> String {
    let Some(row) = rows.first() else { return String::new() };
    let request = &row.request;
    let of = |one: &str, many: &str| match request.count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let what = match request.kind.as_str() {
        _ if request.what.is_some() => format!("{} {}", request.count, request.what.as_deref().unwrap_or_default()),
        "no" => return format!("A network ({}) on {}; nothing was to be forgotten.", row.family, row.dataset),
        "class" => {
            let classes: Vec<String> = request.classes.iter().map(u32::to_string).collect();
            format!("every record of class {} ({})", classes.join(", "), of("record", "records"))
        }
        "sample" => of("training record", "training records"),
        "node" => of("node", "nodes"),
        "edge" => of("edge", "edges"),
        "feature" => of("feature of the nodes", "features of the nodes"),
        other => format!("{} by {other}", of("record", "records")),
    };
    format!("A network ({}) on {} was asked to forget {what}.", row.family, row.dataset)
}

/// The whole in a sentence: of how many forgotten records the networks knew the label before and after, and of how many
/// one does that never saw them. None where that was not measured.
pub fn plain(rows: &[&Row]) -> Option<String> {
    let of = |kind: RowKind| rows.iter().copied().find(|row| row.row == kind);
    let (original, retrain) = (of(RowKind::Original)?, of(RowKind::Retrain)?);
    let known = |row: &Row| {
        let share = row.metrics.get("splits.forget.accuracy")?;
        Some(format!("{:.0}", share * row.metrics.get("splits.forget.count")?))
    };
    if let Some(said) = secrets(rows, original, retrain) {
        return Some(said);
    }
    let request = &original.request;
    let what = match (&request.what, request.kind.as_str()) {
        (Some(what), _) => format!("{} {what}", request.count),
        (None, "class") => format!("{} records of a class", request.count),
        _ => return None,
    };
    let of_them = format!("{what}: {} recognised as labelled before", known(original)?);
    let never = format!("{} by a model that never saw them", known(retrain)?);
    Some(match recommended(rows).and_then(|row| Some((row, known(row)?, row.times_retrain()?))) {
        Some((row, after, ratio)) => {
            format!("{of_them}, {after} after {}, {never}; {ratio:.2} of a retrain.", named(row))
        }
        None => format!("{of_them}, {never}; no other method here is shown to forget them."),
    })
}

/// As [`plain`], of secrets that were planted in texts: how many the networks write out, and how far they prefer them
/// to others of their form. None where there are none.
fn secrets(rows: &[&Row], original: &Row, retrain: &Row) -> Option<String> {
    let count = original.metrics.get("exposure.forgotten_count")?;
    let of = |row: &Row| {
        let written = row.metrics.get("exposure.forgotten_written")?;
        Some((format!("{:.0}", written * count), format!("{:.1}", row.metrics.get("exposure.forgotten")?)))
    };
    let [before, never] = [of(original)?, of(retrain)?];
    let what = if count > 1.0 { "secret numbers in texts" } else { "secret number in texts" };
    let begin = format!("{count} {what}: {} written out by the network before", before.0);
    let end = format!("{} by a model that never saw them", never.0);
    Some(match recommended(rows).and_then(|row| Some((row, of(row)?, row.times_retrain()?))) {
        Some((row, after, ratio)) => format!(
            "{begin}, {} after {}, {end}; exposed by {}, {} and {} bits; {ratio:.2} of a retrain.",
            after.0,
            named(row),
            before.1,
            after.1,
            never.1
        ),
        None => format!(
            "{begin}, {end}; exposed by {} and {} bits; no other method here is shown to forget them.",
            before.1, never.1
        ),
    })
}

/// A method; one that is made of others by their names.
fn named(row: &Row) -> String {
    let steps = row.settings["steps"].as_array().filter(|_| row.method == "composite");
    let names = steps.map(|steps| steps.iter().filter_map(|step| step["method"].as_str()).collect::<Vec<_>>());
    names.map_or_else(|| row.label().to_owned(), |names| names.join(" and "))
}

/// What came of the rows, a sentence for those that it holds for: controls and methods, passes first.
pub fn outcomes(rows: &[&Row]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut judged: Vec<&Row> = rows.iter().copied().filter(|row| row.verdict.is_some()).collect();
    judged.sort_by_key(|row| (outcome(row) != Some(Outcome::Pass), row.row));
    for row in judged {
        let said = verdict(row);
        match all.iter_mut().find(|(_, other)| *other == said) {
            Some((names, _)) => *names = format!("{names}, {}", row.label()),
            None => all.push((row.label().to_owned(), said)),
        }
    }
    all
}

/// How many methods came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Methods.
    pub all: usize,
    /// That passed.
    pub pass: usize,
    /// That failed, changed nothing or broke the network, or came to no result.
    pub fail: usize,
    /// That could not be decided.
    pub open: usize,
    /// That nobody judged.
    pub unjudged: usize,
}

/// Counts the methods of an experiment.
pub fn tally(rows: &[&Row]) -> Tally {
    let mut tally = Tally::default();
    for row in methods(rows) {
        tally.all += 1;
        match outcome(row) {
            Some(Outcome::Pass) => tally.pass += 1,
            Some(Outcome::Inconclusive) => tally.open += 1,
            Some(_) => tally.fail += 1,
            None => tally.unjudged += 1,
        }
    }
    tally
}

fn methods<'a>(rows: &'a [&'a Row]) -> impl Iterator<Item = &'a Row> {
    rows.iter().copied().filter(|row| row.row == RowKind::Method)
}

/// What a method came to; a method without scores failed, one with scores and no verdict was not judged.
fn outcome(row: &Row) -> Option<Outcome> {
    match &row.verdict {
        Some(verdict) => Some(verdict.outcome),
        None if row.metrics.is_empty() => Some(Outcome::Fail),
        None => None,
    }
}

/// What was done, and what came of it.
pub fn done(rows: &[&Row]) -> String {
    let tally = tally(rows);
    let retrains = rows.iter().find(|row| row.row == RowKind::Retrain).map_or(0, |row| row.seeds.len().max(1));
    let against = match retrains {
        0 => "no retrained model was there to compare with".to_owned(),
        1 => "compared with 1 model retrained without the records".to_owned(),
        many => format!("compared with {many} models retrained without the records"),
    };
    let mut parts = Vec::new();
    for (count, one, many) in [
        (tally.pass, "passes", "pass"),
        (tally.fail, "fails", "fail"),
        (tally.open, "cannot be decided", "cannot be decided"),
        (tally.unjudged, "was not judged", "were not judged"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    }
    match tally.all {
        0 => format!("No method was tried; {against}."),
        1 => format!("1 method was tried, {against}: {}.", parts.join(", ")),
        all => format!("{all} methods were tried, {against}: {}.", parts.join(", ")),
    }
}

/// The method to take: of those that pass the one that takes least time, precomputation included.
pub fn recommended<'a>(rows: &[&'a Row]) -> Option<&'a Row> {
    let passes = rows.iter().copied().filter(|row| row.row == RowKind::Method && outcome(row) == Some(Outcome::Pass));
    let cost = |row: &Row| row.times_retrain().unwrap_or(f64::INFINITY);
    passes.min_by(|a, b| cost(a).total_cmp(&cost(b)))
}

/// The method whose pictures are shown first: the one to take, or the nearest to the retrains.
pub fn looked_at<'a>(rows: &[&'a Row]) -> Option<&'a Row> {
    let distance = |row: &Row| row.metrics.get("js.forget").unwrap_or(f64::INFINITY);
    let nearest = rows.iter().copied().filter(|row| row.row == RowKind::Method);
    recommended(rows).or_else(|| nearest.min_by(|a, b| distance(a).total_cmp(&distance(b))))
}

/// What it cost.
pub fn cost(rows: &[&Row]) -> String {
    let Some(retrain_s) = rows.iter().find_map(|row| row.times.retrain_s) else {
        return "The time of a retrain was not measured, so no cost is compared.".into();
    };
    let retrain = format!("A retrain takes {} s", seconds(retrain_s));
    match recommended(rows).and_then(|row| Some((row.label(), row.times_retrain()?))) {
        Some((name, ratio)) => format!("{retrain}; {name} takes {ratio:.2} of that, its precomputation included."),
        None => format!("{retrain}."),
    }
}

/// What to do.
pub fn recommendation(rows: &[&Row]) -> String {
    let tally = tally(rows);
    if let Some(row) = recommended(rows) {
        let others = match tally.pass {
            1 => "the only method here that passes".to_owned(),
            many => format!("the cheapest of the {many} that pass"),
        };
        return match row.times_retrain().is_some_and(|ratio| ratio >= 1.0) {
            true => format!(
                "Retrain: {} is {others}, and it takes as long as training again without the records.",
                row.label()
            ),
            false => format!("Take {}: it is {others}.", row.label()),
        };
    }
    match tally {
        Tally { all: 0, .. } => "Nothing to recommend.".into(),
        Tally { unjudged, .. } if unjudged > 0 => {
            "Judge before you trust: run `unlearn verify` with retrained references.".into()
        }
        Tally { open: 0, .. } => "Retrain without the records: no method here passes.".into(),
        _ => "Retrain without the records, or measure more (further retrains, a larger request): no method here is \
              shown to forget."
            .into(),
    }
}

/// What a method's verdict means.
pub fn verdict(row: &Row) -> String {
    let Some(verdict) = &row.verdict else {
        return match (&row.note, row.metrics.is_empty()) {
            (Some(note), true) => format!("No result: {note}."),
            _ => "Not judged: there was nothing to compare it with.".into(),
        };
    };
    let named = |aspect: Aspect, outcome: Outcome| names(verdict, Some(aspect), outcome);
    match verdict.outcome {
        Outcome::Pass => "Passes: on the forgotten records it answers as a model does that never saw them, it still \
                          knows the rest, and it is nearer to the retrains than doing nothing."
            .into(),
        Outcome::Fail => {
            let mut why = Vec::new();
            if let Some(names) = named(Aspect::Forgetting, Outcome::Fail) {
                why.push(format!("it does not treat the forgotten records like records never seen ({names})"));
            }
            if let Some(names) = named(Aspect::Utility, Outcome::Fail) {
                why.push(format!("it lost some of what it should keep ({names})"));
            }
            if named(Aspect::Distance, Outcome::Fail).is_some() {
                why.push("it is no nearer to a retrained model than doing nothing".into());
            }
            format!("Fails: {}.", why.join("; "))
        }
        Outcome::Inconclusive => {
            let open = match verdict.checks.iter().all(|check| check.outcome == Outcome::Inconclusive) {
                true => "none of the checks decides anything".to_owned(),
                false => names(verdict, None, Outcome::Inconclusive)
                    .map_or_else(|| "too few checks decide anything".into(), |names| format!("{names} decide nothing")),
            };
            let why = verdict.checks.iter().find(|check| check.outcome == Outcome::Inconclusive).map_or_else(
                String::new,
                |check| {
                    format!(
                        " Of {}: {}.",
                        check.name,
                        check.reason.rsplit("; ").next().unwrap_or_default().trim_end_matches('.')
                    )
                },
            );
            format!("Cannot be decided: nothing fails, but {open} here. Neither a pass nor a failure.{why}")
        }
        Outcome::Unchanged => "Did nothing: the weights are those of before, to the last bit.".into(),
        Outcome::Destroyed => "Broke the network: it knows the retained records no better than a guess.".into(),
    }
}

/// The checks of an aspect that came to this, in words; none without any.
fn names(verdict: &Verdict, aspect: Option<Aspect>, outcome: Outcome) -> Option<String> {
    let these = verdict.checks.iter().filter(|check| aspect.is_none_or(|aspect| check.aspect == aspect));
    let names: Vec<&str> = these.filter(|check| check.outcome == outcome).map(|check| check.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
