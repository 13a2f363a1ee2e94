//! The evidence of a forgetting in one folder and one zip: a certificate that people read, the model, the settings, the
//! slice of the ledger, a signature, and what it takes to do it all again. No id, name or value of a record is in it.

mod anchors;
mod behind;
mod certificate;
mod check;
mod contents;
mod cross;
mod facts;
mod found;
mod page;
mod replay;
mod selection;
mod settings;
mod spoken;
mod tested;
mod words;
mod write;
mod written;

pub use anchors::Anchors;
pub use certificate::{
    Asked, Attacked, Certificate, Control, Data, Done, FileFact, HeadFact, Holder, Judged, Models, Promise, Recomputed,
    Records, Replay, SCHEMA, Signer, Slice, Step, Tests,
};
pub use check::{Checked, check};
pub use contents::Contents;
pub use found::Finding;
pub use page::render;
pub use replay::{Pair, ReplayJob, Replayed};
pub use write::{Issued, PackJob, issued};
pub use written::zip_of;
pub(in crate::run) use {write::note_weights, written::sweep};

/// The certificate as a document.
pub const CERTIFICATE: &str = "certificate.json";
/// The certificate as a page.
pub const PAGE: &str = "certificate.html";
/// Ed25519 over the hash of the document.
pub const SIGNATURE: &str = "signature.ed25519";
/// Key and seeds, without which nobody can tell whom the requests mean; in the folder and not in the zip.
pub const KEY: &str = "replay.key";
/// The slice of the ledger.
pub const LEDGER: &str = "ledger.jsonl";
/// The configuration of the training, paths from the folder of the data.
pub const CONFIG: &str = "config.toml";
/// The command that does it again.
pub const SCRIPT: &str = "replay.sh";
/// Weights of one network.
pub const MODEL: &str = "model.safetensors";

/// What is signed: the hash of the document under the name of its layout, so that no other signature fits.
fn signed(sha256: &str) -> Vec<u8> {
    format!("{SCHEMA}\n{sha256}").into_bytes()
}
