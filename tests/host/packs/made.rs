//! A small project: a run that forgot, judged against retrains, a ledger that tells of it, and its pack.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use unlearn::engine::Engine;
use unlearn::ledger::{Chain, Entry, Keys, read};
use unlearn::run::evidence::Marks;
use unlearn::run::folder::RunFolder;
use unlearn::run::pack::{self, Certificate, FileFact, Issued, PackJob};
use unlearn::run::retrains::{Retrains, Work};
use unlearn::run::verify::VerifyJob;

use crate::evidence::bench::Bench;

/// The files of a pack by their paths in it.
pub type Files = BTreeMap<String, Vec<u8>>;

pub struct Project {
    pub bench: Bench,
    pub keys: Keys,
}

impl Project {
    /// A project over this bench, whose ledger tells of two requests.
    pub fn new(bench: Bench) -> Project {
        let keys = Keys::create(&bench.path("project/keys")).unwrap();
        let project = Project { bench, keys };
        let mut chain = Chain::create(&project.ledger(), &project.keys, json!({"project": "test"})).unwrap();
        for (name, day) in [("r1", 3), ("r2", 4)] {
            let request = project.keys.request(name).unwrap();
            let times = json!({
                "request": request, "received_at": format!("2026-11-0{day}T09:00:00Z"),
                "due_at": format!("2026-12-0{day}T09:00:00Z"),
            });
            chain.append("request.received", times).unwrap();
        }
        project
    }

    pub fn ledger(&self) -> PathBuf {
        self.bench.path("project/ledger.jsonl")
    }

    pub fn entries(&self) -> Vec<Entry> {
        read(&self.ledger()).unwrap().entries
    }

    pub fn append(&self, kind: &str, body: serde_json::Value) {
        Chain::open(&self.ledger(), &self.keys).unwrap().append(kind, body).unwrap();
    }

    /// Packs a run, which the ledger then tells of.
    pub fn pack(&self, run: &str, out: &str) -> Issued {
        let info = RunFolder::new(&self.bench.path(run)).read_info().unwrap();
        self.append("model.published", json!({"model_sha256": info.model_sha256}));
        self.pack_again(run, out).unwrap()
    }

    pub fn pack_again(&self, run: &str, out: &str) -> unlearn::Result<Issued> {
        let (run, out, ledger) = (self.bench.path(run), self.bench.path(out), self.entries());
        let issued = PackJob { run: &run, out: &out, keys: &self.keys, ledger: &ledger }.write()?;
        let (kind, body) = pack::issued(&issued);
        self.append(kind, body);
        Ok(issued)
    }
}

/// Retrains of a run's request, and the verdict beside it.
pub fn judge(bench: &Bench, run: &str) {
    let work = Work {
        engine: &|_| Ok(Engine::reference()),
        jobs: Some(1),
        memory: None,
        marks: &Marks::default(),
        one_by_one: true,
        watch: &|_| (),
        told: &|_| (),
    };
    Retrains::of(&bench.path(run), None, 5).unwrap().make(&work).unwrap();
    let run = bench.path(run);
    VerifyJob { run: &run, references: &[], original: None }.verify(&mut || Ok(Engine::reference())).unwrap();
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Files {
    fn walk(root: &Path, folder: &Path, all: &mut Files) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => walk(root, &entry.path(), all),
                false => {
                    let name = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    all.insert(name, fs::read(entry.path()).unwrap());
                }
            }
        }
    }
    let mut all = Files::new();
    walk(folder, folder, &mut all);
    all
}

pub fn put(folder: &Path, files: &Files) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

pub fn certificate(files: &Files) -> Certificate {
    serde_json::from_slice(&files["certificate.json"]).unwrap()
}

/// Signs what was changed, as whoever has the key could: hashes, page and signature fit again.
pub fn resign(files: &mut Files, keys: &Keys, change: impl FnOnce(&mut Certificate)) {
    let mut c = certificate(files);
    let fact = |bytes: &[u8]| FileFact { sha256: unlearn::base::sha256(bytes), bytes: bytes.len() as u64 };
    c.files.retain(|name, _| files.contains_key(name));
    c.files.iter_mut().for_each(|(name, then)| *then = fact(&files[name]));
    change(&mut c);
    let page = pack::render(&c).into_bytes();
    c.files.insert("certificate.html".into(), fact(&page));
    let text = c.text().unwrap().into_bytes();
    let signed = format!("{}\n{}", pack::SCHEMA, unlearn::base::sha256(&text));
    files.insert("certificate.html".into(), page);
    files.insert("signature.ed25519".into(), (keys.sign(signed.as_bytes()) + "\n").into_bytes());
    files.insert("certificate.json".into(), text);
}
