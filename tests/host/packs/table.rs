//! One table: each way of changing a pack, and the words that must be said of it.

use unlearn::eval::Outcome;
use unlearn::methods::Tier;
use unlearn::run::pack::Certificate;

use super::made::{Files, certificate, resign};
use super::tamper::Stage;

/// What is done to the files by somebody without the key.
pub type Edit = fn(&mut Files, &Stage);

fn text(files: &mut Files, name: &str, from: &str, to: &str) {
    let old = String::from_utf8(files[name].clone()).unwrap();
    let new = old.replacen(from, to, 1);
    assert_ne!(old, new, "{name} has no {from}");
    files.insert(name.into(), new.into_bytes());
}

fn lines(files: &mut Files, name: &str, order: impl Fn(Vec<String>) -> Vec<String>) {
    let old = String::from_utf8(files[name].clone()).unwrap();
    let new = order(old.lines().map(str::to_owned).collect());
    files.insert(name.into(), new.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes());
}

fn document(files: &mut Files, change: impl FnOnce(&mut Certificate)) {
    let mut c = certificate(files);
    change(&mut c);
    files.insert("certificate.json".into(), c.text().unwrap().into_bytes());
}

fn from(files: &mut Files, other: &Files, name: &str) {
    files.insert(name.into(), other[name].clone());
}

pub const BY_STRANGERS: &[(&str, Edit, &str)] = &[
    (
        "one byte of the model",
        |f, _| *f.get_mut("model.safetensors").unwrap().last_mut().unwrap() ^= 1,
        "model.safetensors",
    ),
    ("a model that is cut", |f, _| f.get_mut("model.safetensors").unwrap().truncate(99), "model.safetensors"),
    ("a byte behind the model", |f, _| f.get_mut("model.safetensors").unwrap().push(0), "model.safetensors"),
    ("another model", |f, s| from(f, &s.other, "model.safetensors"), "model.safetensors"),
    ("no model", |f, _| drop(f.remove("model.safetensors")), "model.safetensors: the file is gone"),
    (
        "a file more",
        |f, _| drop(f.insert("notes.txt".into(), b"x".to_vec())),
        "notes.txt: the certificate does not list",
    ),
    ("a second model", |f, _| drop(f.insert("members/000/model.safetensors".into(), vec![1])), "members/000/model"),
    (
        "a file renamed",
        |f, _| {
            let x = f.remove("config.toml").unwrap();
            f.insert("Config.toml".into(), x);
        },
        "Config.toml",
    ),
    ("a setting", |f, _| text(f, "config.toml", "epochs = 6", "epochs = 7"), "config.toml"),
    ("no settings", |f, _| drop(f.remove("config.toml")), "config.toml: the file is gone"),
    (
        "a figure of the verdict",
        |f, _| document(f, |c| c.tests.verdict.as_mut().unwrap().verdict.checks[0].value = Some(0.5)),
        "did not sign",
    ),
    (
        "the outcome of the verdict",
        |f, _| document(f, |c| c.tests.verdict.as_mut().unwrap().verdict.outcome = Outcome::Pass),
        "did not sign",
    ),
    ("a higher tier", |f, _| document(f, |c| c.guarantee.tier = Tier::Exact), "is more than finetune gives"),
    (
        "another request",
        |f, s| document(f, |c| c.requests[0].pseudonym = certificate(&s.other).requests[0].pseudonym.clone()),
        "did not sign",
    ),
    ("a request less", |f, _| document(f, |c| drop(c.requests.pop())), "records.removed"),
    ("fewer records", |f, _| document(f, |c| c.records.removed = 1), "records.removed"),
    ("a date", |f, _| document(f, |c| c.requests[0].due_at = Some("2027-12-03T09:00:00Z".into())), "did not sign"),
    (
        "a reference for the original",
        |f, _| {
            document(f, |c| {
                let judged = c.tests.verdict.as_mut().unwrap();
                judged.references[0] = judged.original.clone();
            })
        },
        "tests.verdict.references",
    ),
    (
        "a reference twice",
        |f, _| {
            document(f, |c| {
                let judged = c.tests.verdict.as_mut().unwrap();
                judged.references[0] = judged.references[1].clone();
            })
        },
        "tests.verdict.references",
    ),
    (
        "another original",
        |f, _| document(f, |c| c.tests.verdict.as_mut().unwrap().original.model_sha256 = "0".repeat(64)),
        "the control that must fail",
    ),
    (
        "a holder left out",
        |f, _| document(f, |c| drop(c.holders.remove(0))),
        "certificate.html: it says something else",
    ),
    ("a limit left out", |f, _| document(f, |c| drop(c.limits.pop())), "certificate.html: it says something else"),
    ("data before", |f, _| document(f, |c| c.data.before_sha256 = "0".repeat(64)), "did not sign"),
    ("spaces in the certificate", |f, _| text(f, "certificate.json", "\": ", "\":  "), "did not sign"),
    ("half a certificate", |f, _| f.get_mut("certificate.json").unwrap().truncate(700), "not JSON"),
    ("a key more", |f, _| text(f, "certificate.json", "{\n", "{\n  \"more\": 1,\n"), "unknown field `more`"),
    (
        "a later layout",
        |f, _| text(f, "certificate.json", "certificate/1", "certificate/2"),
        "the version that wrote it",
    ),
    ("the certificate of another pack", |f, s| from(f, &s.other, "certificate.json"), "did not sign"),
    ("the signature of another pack", |f, s| from(f, &s.other, "signature.ed25519"), "did not sign"),
    (
        "certificate and signature of another pack",
        |f, s| {
            from(f, &s.other, "certificate.json");
            from(f, &s.other, "signature.ed25519");
        },
        "model.safetensors",
    ),
    ("no signature", |f, _| drop(f.remove("signature.ed25519")), "nobody stands for"),
    ("half a signature", |f, _| f.get_mut("signature.ed25519").unwrap().truncate(64), "it is no signature"),
    (
        "a signature by another key",
        |f, s| {
            let (mut other, old) = (f.clone(), f["certificate.json"].clone());
            resign(&mut other, &s.stranger, |_| ());
            assert_eq!(other["certificate.json"], old);
            from(f, &other, "signature.ed25519");
        },
        "another key signed",
    ),
    (
        "another key that signs all of it",
        |f, s| {
            let (key, stranger) = (s.stranger.public(), &s.stranger);
            resign(f, stranger, |c| {
                c.signer.public_key = key.hex();
                c.signer.fingerprint = key.fingerprint();
            });
        },
        "is not signed by a trusted key",
    ),
    ("a fingerprint", |f, _| document(f, |c| c.signer.fingerprint = "0".repeat(64)), "signer.fingerprint"),
    ("a word of the page", |f, _| text(f, "certificate.html", "approximate", "exact"), "certificate.html"),
    ("the page of another pack", |f, s| from(f, &s.other, "certificate.html"), "certificate.html"),
    ("no page", |f, _| drop(f.remove("certificate.html")), "certificate.html: the file is gone"),
    ("the script", |f, _| text(f, "replay.sh", "exec", "rm -rf . ; exec"), "replay.sh: it says something else"),
    ("an id of the selection", |f, _| text(f, "selection.jsonl", "\"ids\":[\"", "\"ids\":[\"0"), "selection.jsonl"),
    ("the selection of another pack", |f, s| from(f, &s.other, "selection.jsonl"), "selection.jsonl: it lists"),
    ("the key of another pack", |f, s| from(f, &s.other, "replay.key"), "replay.key: it is not the key"),
    (
        "a line of the ledger removed",
        |f, _| {
            lines(f, "ledger.jsonl", |mut l| {
                l.remove(1);
                l
            })
        },
        "a line was removed",
    ),
    (
        "lines of the ledger swapped",
        |f, _| {
            lines(f, "ledger.jsonl", |mut l| {
                l.swap(1, 2);
                l
            })
        },
        "swapped or added",
    ),
    (
        "a line of the ledger twice",
        |f, _| {
            lines(f, "ledger.jsonl", |mut l| {
                l.insert(1, l[0].clone());
                l
            })
        },
        "a file of this name has",
    ),
    ("a line of the ledger edited", |f, _| text(f, "ledger.jsonl", "2026-11-03", "2026-11-01"), "was edited"),
    (
        "the first line of the ledger",
        |f, _| {
            lines(f, "ledger.jsonl", |mut l| {
                l.remove(0);
                l
            })
        },
        "does not follow",
    ),
    (
        "an older head of the ledger",
        |f, _| {
            lines(f, "ledger.jsonl", |mut l| {
                l.pop();
                l
            })
        },
        "the certificate was written behind",
    ),
    ("no ledger", |f, _| drop(f.remove("ledger.jsonl")), "ledger.jsonl: the file is gone"),
    ("an empty ledger", |f, _| drop(f.insert("ledger.jsonl".into(), vec![])), "there is no entry"),
];

/// What is done by somebody who has the key, and signs it.
pub type Inside = fn(&mut Files, &Stage);

pub const BY_INSIDERS: &[(&str, Inside, &str)] = &[
    (
        "a pass with a check that fails",
        |f, s| {
            resign(f, &s.project.keys, |c| {
                let verdict = &mut c.tests.verdict.as_mut().unwrap().verdict;
                verdict.outcome = Outcome::Pass;
                verdict.checks[0].outcome = Outcome::Fail;
                c.tests.says = "comparison with retrained models: passed, with both controls as they must be".into();
            })
        },
        "does not follow from its checks",
    ),
    ("a pass in words", |f, s| resign(f, &s.project.keys, |c| c.tests.says = "all is well".into()), "tests.says"),
    ("exact in its own words", |f, s| resign(f, &s.project.keys, |c| c.guarantee.tier = Tier::Exact), "guarantee"),
    (
        "another model under the old hash",
        |f, s| {
            from(f, &s.other, "model.safetensors");
            resign(f, &s.project.keys, |_| ());
        },
        "model.after_sha256",
    ),
    (
        "another model under its own hash",
        |f, s| {
            from(f, &s.other, "model.safetensors");
            let mut bytes = f["model.safetensors"].clone();
            *bytes.last_mut().unwrap() ^= 1;
            let hash = unlearn::base::sha256(&bytes);
            f.insert("model.safetensors".into(), bytes);
            resign(f, &s.project.keys, |c| {
                c.model.after_sha256 = hash.clone();
                c.replay.steps.last_mut().unwrap().model_sha256 = hash;
            });
        },
        "what the ledger tells of published models",
    ),
    (
        "the request of another",
        |f, s| {
            resign(f, &s.project.keys, |c| {
                let own = c.requests[0].clone();
                c.requests.push(unlearn::run::pack::Asked { pseudonym: "0".repeat(64), records: 0, ids: 0, ..own });
            })
        },
        "the ledger speaks of 1 of the 2 requests",
    ),
    ("two networks where there is one", |f, s| resign(f, &s.project.keys, |c| c.done.networks = 2), "done.networks"),
    ("a seed that is kept", |f, s| resign(f, &s.project.keys, |c| c.done.seed = None), "done.seed"),
    ("steps of fewer lines", |f, s| resign(f, &s.project.keys, |c| c.replay.steps[0].lines = 0), "replay.steps"),
    (
        "a method that there is not",
        |f, s| resign(f, &s.project.keys, |c| c.done.method = "magic".into()),
        "done.method",
    ),
    (
        "a ledger of which the certificate does not speak",
        |f, s| resign(f, &s.project.keys, |c| c.ledger = None),
        "speaks of no ledger",
    ),
    (
        "a slice of more entries",
        |f, s| resign(f, &s.project.keys, |c| c.ledger.as_mut().unwrap().entries = 9),
        "the certificate says 9",
    ),
];
