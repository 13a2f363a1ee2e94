//! Requests and plans as tables and sentences.

use crate::cli::Table;
use crate::ledger::Standing;
use crate::run::requests::{Finished, Outcome, Plan, Predicted};

/// A row for each request.
pub(super) fn table(all: &[Standing]) -> Table {
    let columns = ["request", "state", "since", "received", "due", "kinds", "ids", "batch", "certificate", "why"];
    let mut table = Table::new(&columns);
    let day = |time: &str| time.split('T').next().unwrap_or_default().to_owned();
    for one in all {
        let why = one.reason.as_ref().or(one.question.as_ref()).cloned().unwrap_or_default();
        table.row([
            one.request[..12].to_owned(),
            one.state.clone(),
            day(&one.at),
            day(&one.received_at),
            day(&one.due_at),
            one.kinds.clone(),
            one.ids.to_string(),
            one.batch.clone().unwrap_or_else(|| "-".into()),
            one.pack.as_ref().map_or_else(|| "-".into(), |hash| hash[..12].to_owned()),
            why,
        ]);
    }
    table
}

fn cost(predicted: Option<&Predicted>) -> [String; 2] {
    match predicted {
        Some(p) => [format!("{:.2} s", p.seconds), format!("{:.1} %", 100.0 * p.of_retrain)],
        None => ["-".into(), "-".into()],
    }
}

/// A plan, as people read it.
pub(super) fn plan(plan: &Plan) -> String {
    let touched = &plan.touched;
    let mut text = format!(
        "batch {}: {} requests, {} records or other things ({}): {} of training, {} that no parameter saw; {} classes; \
         {} identical records stay\n",
        plan.batch,
        plan.requests.len(),
        touched.things.count,
        touched.things.kinds.join(", "),
        touched.train,
        touched.unseen,
        touched.classes,
        touched.twins
    );
    if let Some(influenced) = touched.influenced {
        text += &format!("{influenced} nodes that stay are near enough to change\n");
    }
    if let Some(shards) = &touched.shards {
        text += &format!("shards that had them: {shards:?}\n");
    }
    if let Some(checkpoints) = touched.checkpoints {
        text += &format!("{checkpoints} checkpoints of the training are kept\n");
    }
    let (suited, not): (Vec<_>, Vec<_>) = plan.candidates.iter().partition(|c| c.unsuited.is_none());
    let mut table = Table::new(&["method", "tier", "expected", "of a retrain"]);
    for candidate in &suited {
        let [seconds, share] = cost(candidate.predicted.as_ref());
        table.row([candidate.method.clone(), candidate.tier.as_str().to_owned(), seconds, share]);
    }
    text += &format!("\n{table}");
    if !not.is_empty() {
        let names: Vec<&str> = not.iter().map(|c| c.method.as_str()).collect();
        text += &format!("not for this run and these records: {}\n", names.join(", "));
    }
    text += &chosen(plan);
    text
}

fn chosen(plan: &Plan) -> String {
    let Some(method) = &plan.method else { return format!("\nnothing is to be done: {}\n", plan.reason) };
    let tier = plan.tier.map_or("", |tier| tier.as_str());
    let mut text = format!("\nmethod: {method} ({tier}): {}\n", plan.reason);
    if let Some(predicted) = &plan.predicted {
        let [seconds, share] = cost(Some(predicted));
        text += &format!("expected: {seconds}, {share} of a retrain; from {}\n", predicted.basis);
    }
    if let Some(saving) = &plan.saving {
        text += &format!("one by one they would take {:.2} s, together {:.2} s\n", saving.alone_s, saving.together_s);
    }
    let gate = &plan.gate;
    let mut asks = vec!["the network is neither unchanged nor destroyed".to_owned()];
    asks.extend(gate.tier.map(|tier| format!("tier {} or stronger", tier.as_str())));
    asks.extend(gate.max_drop.map(|most| format!("at most {most} percentage points of test accuracy lost")));
    if gate.references > 0 {
        asks.push(format!("a verdict of pass beside {} retrains", gate.references));
    }
    if gate.shadows > 0 {
        asks.push(format!("an audit with {} shadow models passed", gate.shadows));
    }
    text + &format!("published if: {}\n", asks.join("; "))
}

/// What came of a batch, and where its evidence is.
pub(super) fn finished(one: &Finished) -> String {
    let text = outcome(&one.outcome);
    match &one.evidence {
        Some(pack) => {
            let (folder, zip) = (pack.folder.display(), pack.zip.display());
            text + &format!("evidence: {folder} and {zip}, certificate {}\n", pack.certificate_sha256)
        }
        None => text,
    }
}

fn outcome(outcome: &Outcome) -> String {
    let mut text = match (outcome.passed(), &outcome.model_sha256) {
        (true, Some(model)) => format!("batch {}: published, model {model}\n", outcome.batch),
        (true, None) => format!("batch {}: published; all of it was forgotten before\n", outcome.batch),
        (false, _) => format!("batch {}: rolled back: {}\n", outcome.batch, outcome.reasons.join("; ")),
    };
    if let Some(seconds) = outcome.seconds {
        let expected = outcome.predicted.as_ref();
        let expected = expected.map_or("nothing was expected".into(), |p| format!("{:.2} s were expected", p.seconds));
        text += &format!("the method took {seconds:.2} s; {expected}\n");
    }
    if let (Some(before), Some(after)) = (outcome.accuracy_before, outcome.accuracy_after) {
        text += &format!("test accuracy {:.2} %, before {:.2} %\n", 100.0 * after, 100.0 * before);
    }
    if let Some(verdict) = outcome.verdict {
        text += &format!("verdict beside retrains: {}\n", verdict.as_str());
    }
    if let Some(audit) = outcome.audit {
        text += &format!("audit: {}\n", audit.as_str());
    }
    text
}
