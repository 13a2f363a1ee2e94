//! From a request to a published model: a project is a folder with the ledger, its keys, the store of requests, the
//! bodies of those that are open, a folder for each batch, and a small file that names the run that serves.
//!
//! ```text
//! project.toml   the run that it began with, and whether plans need approval
//! ledger.jsonl   the chain: what happened; pseudonyms alone
//! keys/          the key that signs it, the key of the pseudonyms
//! requests.db    where each request stands, made from the chain
//! inbox/         what open requests say, ids and all; goes when they end
//! batches/0001/  plan.json, outcome.json, the run, and its evidence as folder and zip
//! current        path of the run that serves
//! rates.jsonl    what methods were measured to cost here
//! ```

mod add;
mod candidates;
mod cost;
mod desk;
mod document;
mod ending;
mod evidence;
mod gate;
mod how;
mod inbox;
mod letter;
mod measure;
mod plan;
mod project;
mod rates;
mod sight;
mod steps;
mod touched;
mod turn;
mod waiting;
mod watch;
mod work;

pub use add::{Added, add, read_delivery};
pub use cost::Predicted;
pub use document::{Asked, Candidate, Counted, Gate, Outcome, PLAN, Plan, Touched};
pub use evidence::{Evidence, Finished};
pub use how::How;
pub use letter::explain;
pub use measure::measure;
pub use plan::{Wish, plan};
pub use project::{Project, View};
pub use steps::{approve, destroy_key, extend, refuse};
pub use turn::{Turn, turn};
pub use watch::{Taken, sweep_in};
pub use work::{run, run_ready};
