//! What every room may use: files that are whole or not there, hashes, near names, counter-based random numbers.

mod files;
mod near;
pub mod philox;
mod single;
pub mod splitmix;

pub use files::{folder_of, sha256, stream, sweep, try_writing, write_atomic};
pub use near::did_you_mean;
pub use single::single;
