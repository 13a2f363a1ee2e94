//! `unlearn`: trains convolutional, dense and graph networks with hand-written WGSL kernels and makes a trained
//! network forget chosen records, on any GPU that wgpu drives. ARCHITECTURE.md is the map.
//!
//! Work is recorded first and run later, on a GPU or on the kernels' CPU twins:
//!
//! ```
//! use unlearn::engine::{Engine, Recording};
//! use unlearn::kernels::map::{self, Binary};
//!
//! let mut engine = Engine::reference(); // or Engine::gpu(Default::default())?
//! let (a, b) = (engine.alloc::<f32>("a", 3)?, engine.alloc::<f32>("b", 3)?);
//! engine.write(a, &[1.0, 2.0, 3.0])?;
//! engine.write(b, &[10.0, 20.0, 30.0])?;
//!
//! let mut rec = Recording::new(engine.target());
//! let y = rec.temp::<f32>("y", 3);
//! map::binary(&mut rec, Binary::Add, a, b, y);
//! let sum = rec.readback(y);
//!
//! let program = engine.compile(rec)?;
//! assert_eq!(engine.run(&program, &[])?[sum].f32(), [11.0, 22.0, 33.0]);
//! # Ok::<(), unlearn::Error>(())
//! ```

pub mod base;
#[cfg(feature = "cli")]
pub mod cli;
pub mod data;
pub mod engine;
pub mod error;
pub mod eval;
#[cfg(feature = "harness")]
pub mod harness;
pub mod kernels;
#[cfg(feature = "ledger")]
pub mod ledger;
pub mod methods;
pub mod nn;
pub mod records;
pub mod run;
pub mod statistics;
pub mod train;

pub use error::{Error, Result};
/// Vectors of sizes and grids; the version that this crate's interfaces take.
pub use glam;

/// The README, whose example of the library is compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
