//! The parity fixtures of this repository.

use std::path::Path;

use unlearn::harness::parity::{Fixture, load};

/// Every fixture of `assets/parity`.
pub fn fixtures() -> Vec<Fixture> {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/parity")).expect("the parity fixtures")
}
