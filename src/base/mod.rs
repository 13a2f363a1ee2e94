//! What every room may use: files that are whole or not there, hashes, the time, near names, counter-based random
//! numbers.

mod cache;
mod clock;
mod digest;
mod files;
mod gaussian;
mod histogram;
mod near;
pub mod ngrams;
pub mod philox;
mod quantile;
mod shell;
mod single;
pub mod splitmix;
mod workers;

pub use cache::cache_folder;
pub use clock::{seconds_of, utc_now};
pub use digest::{Digest, hex, sha256, unhex};
pub use files::{folder_of, stream, sweep, sweep_folder, sync_folder, try_writing, write_atomic};
pub use gaussian::{erf, gaussian_delta, gaussian_epsilon, gaussian_shift, normal_cdf};
pub use histogram::Histogram;
pub use near::{did_you_mean, likeness};
pub use quantile::quantile;
pub use shell::quoted;
pub use single::single;
pub use workers::at_once;
