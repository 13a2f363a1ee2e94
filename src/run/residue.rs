//! What still holds something of the forgotten records once a run has forgotten them.

use std::path::{Path, PathBuf};

use super::config::Config;
use super::evidence::{Parent, Residue};
use super::folder::{Opened, RunFolder};
use super::info::ForgetInfo;
use crate::data::Normalize;
use crate::methods::{Role, Tier, role};

/// Everything known that holds something of the records: `request` is the file that was given.
pub(super) fn of(run: &Opened, parents: &[Parent], forget: &ForgetInfo, request: &Path) -> Vec<Residue> {
    let mut all: Vec<Residue> = parents.iter().flat_map(|parent| history(&parent.path)).collect();
    let [given, kept] = match forget.request.kind.as_str() {
        "span" | "mixed" => [
            "names the records, and may quote what was forgotten of them",
            "names the records, and may quote what was forgotten of them, for `eval` and `verify`",
        ],
        _ => ["names the records", "names the records, for `eval` and `verify`"],
    };
    all.push(Residue::new("request file", Some(&absolute(request)), given, false));
    all.push(Residue::new("request.jsonl of this run", None, kept, false));
    if forget.tier != Tier::Exact {
        all.push(Residue::new(
            "weights of this run",
            None,
            match forget.tier {
                Tier::Distribution => "a draw of a training without the records, except to whoever knows the seeds",
                _ => "came from weights that were trained on the records",
            },
            false,
        ));
        if forget.tier != Tier::Distribution {
            all.extend(fitted(run));
        }
        if run.model.keeps_statistics() {
            let holds = "means and variances of batch_norm that followed the records in training";
            all.push(Residue::new("running statistics", None, holds, false));
        }
    }
    all.extend(sources(&run.config));
    if let Some(imported) = &run.info.imported {
        let holds = "the weights as they were imported; whether they saw the records is not known";
        all.push(Residue::new("imported model", Some(&imported.path), holds, false));
    }
    all
}

/// A run that was trained on the records, and what lies in its folder.
fn history(parent: &Path) -> Vec<Residue> {
    let folder = RunFolder::new(parent);
    let retrain = folder.read_info().ok().and_then(|info| Some(role(&info.forget?.method) == Some(Role::Reference)));
    let holds = match retrain {
        Some(true) => "weights retrained for an earlier request, on these records",
        _ => "weights that were trained on the records",
    };
    let mut all = vec![Residue::new("parent run", Some(parent), holds, true)];
    if folder.checkpoint().exists() {
        let holds = "weights and optimiser state while it was trained on the records";
        all.push(Residue::new("checkpoint", Some(&folder.checkpoint()), holds, true));
    }
    if folder.trace().exists() {
        let holds = "iterates of the training on the records, with the batches they were in";
        all.push(Residue::new("trace", Some(&folder.trace()), holds, true));
    }
    if folder.kept().exists() {
        let holds =
            "weights and optimiser state of its training, later ones with the records in them, or what steps added";
        all.push(Residue::new("kept checkpoints", Some(&folder.kept()), holds, true));
    }
    let members = folder.path.join("members");
    if members.exists() {
        let holds = "weights and checkpoints of its members, of those that had the records too";
        all.push(Residue::new("members", Some(&members), holds, true));
    }
    let audits = super::audit::files(&folder).0;
    if !audits.is_empty() {
        let holds = "what models of an audit said of the records, most of them trained on some";
        all.push(Residue::new("audit", Some(&folder.path.join("audit")), holds, true));
    }
    let references = folder.references();
    if references.exists() {
        let holds = "retrained without the records; their request files name them";
        all.push(Residue::new("references", Some(&references), holds, true));
    }
    all
}

/// What was fitted on all training records and goes on to be used.
fn fitted(run: &Opened) -> Option<Residue> {
    let normalization = &run.info.data.fitted.normalization;
    // Unit with one pair (0, full scale) is the format's own.
    let own = normalization.offset.iter().any(|v| *v != 0.0) || normalization.offset.len() > 1;
    let numbers = match normalization.kind {
        Normalize::Standard => true,
        Normalize::Unit => own,
        Normalize::Row | Normalize::None | Normalize::Given => false,
    };
    let holds = match (run.config.data.loader.as_str(), numbers) {
        ("csv" | "parquet", _) => "categories, fillings of gaps and normalisation were fitted with the records",
        (_, true) => "the normalisation's numbers were found with the records",
        (_, false) => return None,
    };
    Some(Residue::new("preprocessing", None, holds, false))
}

/// The data files, and the base model.
fn sources(config: &Config) -> Vec<Residue> {
    let mut all: Vec<Residue> =
        config.data.files().map(|path| Residue::new("data", Some(path), "the records themselves", false)).collect();
    if let Some(base) = &config.init {
        let holds = "weights that training began with; whether they saw the records is not known";
        all.push(Residue::new("base model", Some(base), holds, false));
    }
    all
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
