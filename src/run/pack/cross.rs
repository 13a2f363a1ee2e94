//! What the parts of a pack say of each other. Whoever has the key can sign anything; what was signed must still agree
//! with itself, with the weights and with the chain.

use std::collections::BTreeSet;
use std::path::Path;

use super::certificate::{Certificate, Slice};
use super::contents::Contents;
use super::found::Found;
use super::selection::{self, SELECTION};
use super::spoken::{publishes, speaks_of, texts};
use super::{CERTIFICATE, LEDGER, MODEL, words};
use crate::base::Digest;
use crate::error::{Error, Result};
use crate::eval::{Aspect, Outcome, Verdict};
use crate::ledger::{Entry, Head, PublicKey, Start};
use crate::methods::{self, Read, Tier};

pub(super) fn check(contents: &Contents, c: &Certificate, found: &mut Found) -> Result<()> {
    weights(contents, c, found);
    requests(contents, c, found);
    claim(c, found);
    tests(c, found);
    Ok(())
}

/// The weights that are certified are those in the pack.
fn weights(contents: &Contents, c: &Certificate, found: &mut Found) {
    let of = |name: &str| c.files.get(name).map(|file| file.sha256.clone());
    let members: Vec<String> = (0..).map_while(|at| of(&format!("members/{at:03}/{MODEL}"))).collect();
    let now = match (of(MODEL), members.is_empty()) {
        (Some(one), true) => one,
        (None, false) => {
            let mut digest = Digest::new("unlearn.ensemble/1");
            members.iter().for_each(|hash| {
                digest.field("model", hash.as_bytes());
            });
            if let Some(weights) = aggregator(contents) {
                digest.field("aggregator", bytemuck::cast_slice(&weights));
            }
            digest.finish()
        }
        _ => {
            found.wrong("files", "the pack lists no weights, or both one network and several");
            return;
        }
    };
    if now != c.model.after_sha256 {
        found.wrong(
            "model.after_sha256",
            format!("it is {}, and the weights in the pack have {now}", c.model.after_sha256),
        );
    }
    if members.len().max(1) != c.done.networks {
        found.wrong("done.networks", format!("it is {}, and the pack has {}", c.done.networks, members.len().max(1)));
    }
    if let Some(last) = c.replay.steps.last()
        && last.model_sha256 != c.model.after_sha256
    {
        found.wrong("replay.steps", "the last step leaves another model than the one that is certified");
    }
}

/// Weights of an ensemble's members, where they were learned.
fn aggregator(contents: &Contents) -> Option<Vec<f32>> {
    let bytes = contents.bytes("aggregator.safetensors", 1 << 24).ok()??;
    let file = safetensors::SafeTensors::deserialize(&bytes).ok()?;
    let (_, tensor) = file.tensors().into_iter().next()?;
    Some(bytemuck::pod_collect_to_vec(tensor.data()))
}

/// The requests as they are counted and as they are listed.
fn requests(contents: &Contents, c: &Certificate, found: &mut Found) {
    let sum = |number: &dyn Fn(&super::Asked) -> usize| c.requests.iter().map(number).sum::<usize>();
    if sum(&|asked| asked.records) != c.records.removed {
        found.wrong("records.removed", "it is not what the requests come to");
    }
    let pseudonyms: BTreeSet<&str> = c.requests.iter().map(|asked| asked.pseudonym.as_str()).collect();
    if pseudonyms.len() != c.requests.len() || c.requests.is_empty() {
        found.wrong("requests", "two requests have one pseudonym, or there is none");
    }
    let Ok(Some(bytes)) = contents.bytes(SELECTION, c.files.get(SELECTION).map_or(0, |file| file.bytes)) else {
        return;
    };
    let lines = match selection::read(&String::from_utf8_lossy(&bytes)) {
        Ok(lines) => lines,
        Err(e) => return found.wrong(SELECTION, e.to_string()),
    };
    let ids: usize = lines.iter().map(|line| line.ids.len() + line.nodes.len()).sum();
    let names: BTreeSet<&str> = lines.iter().map(|line| line.request_id.as_str()).collect();
    if ids != sum(&|asked| asked.ids) || names.len() != c.requests.len() {
        let (known, said) = (sum(&|asked| asked.ids), c.requests.len());
        let (listed, count) = (ids, names.len());
        found.wrong(
            SELECTION,
            format!("it lists {listed} ids of {count} requests, and {CERTIFICATE} has {known} ids of {said}"),
        );
    }
    let steps: usize = c.replay.steps.iter().map(|step| step.lines).sum();
    if !c.replay.steps.is_empty() && steps != lines.len() {
        found.wrong("replay.steps", format!("they obey {steps} lines, and {SELECTION} has {}", lines.len()));
    }
}

/// No more is claimed than the method gives, in the words that belong to the claim.
fn claim(c: &Certificate, found: &mut Found) {
    let tier = c.guarantee.tier;
    if c.version == env!("CARGO_PKG_VERSION") && c.guarantee.says != words::claim(tier) {
        found.wrong("guarantee.says", format!("these are not the words of `{}`", tier.as_str()));
    }
    let Ok(row) = methods::find(&c.done.method) else {
        found.wrong("done.method", format!("there is no method `{}`", c.done.method));
        return;
    };
    let strength = |tier: Tier| match tier {
        Tier::Exact => 4,
        Tier::Distribution => 3,
        Tier::Certified => 2,
        Tier::Approximate => 1,
        Tier::Unverified => 0,
    };
    // Noise that a training adds can make an approximate method a certified one; nothing makes one exact.
    let most = strength(row.tier).max(2 * i32::from(row.tier == Tier::Approximate));
    let read_them = tier == Tier::Exact && c.done.reads.contains(&Read::ForgetData);
    if strength(tier) > most || read_them {
        found.wrong("guarantee.tier", format!("`{}` is more than {} gives", tier.as_str(), c.done.method));
    }
    if !c.done.effect.counts(row.role) {
        found.wrong("done.effect", format!("`{}` is no forgetting", c.done.effect.as_str()));
    }
    let secret = matches!(tier, Tier::Distribution | Tier::Certified);
    if secret == c.done.seed.is_some() {
        found.wrong("done.seed", "a seed is told where the claim rests on it, or kept where it does not");
    }
}

/// What the tests came to follows from what they say, and the controls are other models.
fn tests(c: &Certificate, found: &mut Found) {
    if c.version == env!("CARGO_PKG_VERSION") && c.tests.says != words::tested(c.guarantee.tier, &c.tests) {
        found.wrong("tests.says", "it is not what the tests come to");
    }
    if let Some(judged) = &c.tests.verdict {
        if !follows(&judged.verdict) {
            let outcome = judged.verdict.outcome.as_str();
            found.wrong("tests.verdict.outcome", format!("`{outcome}` does not follow from its checks"));
        }
        if judged.original.model_sha256 != c.model.trained_sha256
            && judged.original.model_sha256 != c.model.before_sha256
        {
            found.wrong("tests.verdict.original", "the control that must fail is not the model before");
        }
        let mut taken: BTreeSet<&str> = BTreeSet::from([c.model.after_sha256.as_str(), &judged.original.model_sha256]);
        for reference in &judged.references {
            if !taken.insert(&reference.model_sha256) {
                let hash = &reference.model_sha256;
                found.wrong(
                    "tests.verdict.references",
                    format!("{hash} is the model itself, the model before, or a reference twice: a retrain is another"),
                );
            }
        }
    }
    if let Some(attacked) = &c.tests.audit {
        let any = |outcome: Outcome| attacked.verdict.checks.iter().any(|check| check.outcome == outcome);
        let outcome = attacked.verdict.outcome;
        if outcome == Outcome::Pass && any(Outcome::Fail) || outcome == Outcome::Fail && !any(Outcome::Fail) {
            found.wrong("tests.audit.outcome", format!("`{}` does not follow from its checks", outcome.as_str()));
        }
    }
}

/// Whether an outcome is what these checks come to.
fn follows(verdict: &Verdict) -> bool {
    let any = |outcome: Outcome| verdict.checks.iter().any(|check| check.outcome == outcome);
    let forgot = verdict.checks.iter().any(|c| c.aspect == Aspect::Forgetting && c.outcome == Outcome::Pass);
    match verdict.outcome {
        Outcome::Pass => !any(Outcome::Fail) && forgot,
        Outcome::Fail => any(Outcome::Fail),
        Outcome::Inconclusive => !any(Outcome::Fail),
        // Found without the checks.
        Outcome::Unchanged | Outcome::Destroyed => true,
    }
}

fn entries(text: &[u8]) -> Vec<Entry> {
    text.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// The slice ends and begins where the certificate says, and speaks of its requests and its model.
pub(super) fn slice(text: &[u8], c: &Certificate, slice: &Slice, found: &mut Found) {
    let entries = entries(text);
    let last = entries.last().map(Entry::head);
    if entries.len() != slice.entries {
        found.wrong(LEDGER, format!("it has {} entries, and the certificate says {}", entries.len(), slice.entries));
    }
    if last.as_ref().is_none_or(|last| (last.seq, &last.hash) != (slice.head.seq, &slice.head.hash)) {
        let (now, then) = (last.map_or("none".into(), |last| last.to_string()), Head::from(slice.head.clone()));
        found.wrong(LEDGER, format!("its last entry is {now}, and the certificate was written behind {then}"));
    }
    if let (Some(first), Some(after)) = (entries.first(), &slice.after)
        && (first.prev != after.hash || first.seq != after.seq + 1)
    {
        found.wrong(LEDGER, format!("its first entry does not follow {}", Head::from(after.clone())));
    }
    let told: BTreeSet<&str> = entries.iter().flat_map(texts).collect();
    match c.requests.iter().filter(|asked| told.contains(asked.pseudonym.as_str())).count() {
        0 => found.note("the entries do not speak of these requests: the run was made outside of the ledger"),
        some if some < c.requests.len() => {
            found.wrong("requests", format!("the ledger speaks of {some} of the {} requests", c.requests.len()));
        }
        _ => found.note("the ledger speaks of these requests"),
    }
    match (slice.published, entries.iter().any(|entry| publishes(entry, &c.model.after_sha256))) {
        (true, true) => found.note("the ledger tells that this model was published"),
        (false, false) => found.note("the ledger had not published this model"),
        _ => found
            .wrong("model.after_sha256", "what the ledger tells of published models is not what the certificate says"),
    }
}

/// A head that was kept elsewhere is in the slice, where the slice reaches that far.
pub(super) fn head(text: &[u8], slice: &Slice, kept: &Head, found: &mut Found) {
    let entries = entries(text);
    let (first, last) = (entries.first().map_or(u64::MAX, |entry| entry.seq), slice.head.seq);
    match entries.iter().find(|entry| entry.seq == kept.seq) {
        Some(entry) if entry.hash == kept.hash => found.note(format!("the head {} is in it", kept.seq)),
        Some(_) => found.wrong(LEDGER, format!("entry {} is another than the one whose head was kept", kept.seq)),
        None if kept.seq > last => {
            found.note(format!("the head of entry {} is younger than the pack, which ends at entry {last}", kept.seq));
        }
        None => {
            found.note(format!("the head of entry {} is older than the slice, which begins at entry {first}", kept.seq))
        }
    }
}

/// The slice is part of the ledger, which goes on from there and knows of the pack.
pub(super) fn whole_ledger(
    path: &Path,
    (text, hash): (&[u8], &str),
    slice: &Slice,
    keys: &[PublicKey],
    found: &mut Found,
) -> Result<()> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let verdict = crate::ledger::check(&bytes, keys, &Start::Known(slice.head.clone().into()));
    verdict.faults.iter().for_each(|fault| found.wrong("--ledger", format!("{}: {fault}", path.display())));
    let whole: BTreeSet<String> = entries(&bytes).into_iter().map(|entry| entry.hash).collect();
    let missing = entries(text).iter().filter(|entry| !whole.contains(&entry.hash)).count();
    if missing > 0 {
        found.wrong(LEDGER, format!("{missing} of its entries are not in {}", path.display()));
    }
    let known = entries(&bytes).iter().any(|entry| entry.kind == "pack.issued" && speaks_of(entry, hash));
    found.note(match known {
        true => format!("{} tells of this pack", path.display()),
        false => format!("{} tells of no pack with this certificate", path.display()),
    });
    Ok(())
}
