//! What somebody knows of a pack from elsewhere. Without any of it a pack shows that nobody but the holder of some key
//! changed it; whose key that is, and whether it wrote another history, only what was kept elsewhere can tell.

use std::path::PathBuf;

use crate::ledger::{Head, PublicKey};

/// What a pack is held against.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    /// The key that must have signed.
    pub key: Option<PublicKey>,
    /// Heads of the ledger that were kept: each that the slice reaches must be in it.
    pub heads: Vec<Head>,
    /// The ledger itself, or a copy: the slice must be part of it.
    pub ledger: Option<PathBuf>,
}
