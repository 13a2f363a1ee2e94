//! The parity fixtures of this repository.

use std::path::Path;

use unlearn::harness::parity::{Fixture, load};

/// Every fixture of `assets/parity` and of its `layers`.
pub fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/parity");
    let both = [folder.clone(), folder.join("layers")];
    both.iter().flat_map(|folder| load(folder).expect("the parity fixtures")).collect()
}
