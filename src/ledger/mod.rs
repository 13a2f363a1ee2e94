//! What happened, so that it can be shown years later: a chain of signed entries in a file that only grows, the keys
//! that sign it and hide whom it is about, and the state of requests that follows from it. Knows no model and no data.

pub mod canonical;
mod chain;
mod check;
mod entry;
pub mod keys;
mod mac;
pub mod state;
mod store;

pub use chain::{Chain, LEDGER, OPENED, Read, read};
pub use check::{Start, Verdict, check};
pub use entry::{Entry, Head};
pub use keys::{Keys, PublicKey};
pub use mac::mac;
pub use state::State;
pub use store::{Published, STORE, Standing, Step, Store};
