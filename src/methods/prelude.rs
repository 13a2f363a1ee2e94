//! What a method may ask for: the whole surface on one page. A method begins with `use crate::methods::prelude::*;`, or
//! with `use unlearn::methods::prelude::*;` outside this crate.
//!
//! # A method
//!
//! A method is a struct of settings, a row that declares them, and one function:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use unlearn::methods::prelude::*;
//!
//! pub static ROW: MethodRow = MethodRow {
//!     name: "shrink",
//!     summary: "multiplies every parameter by a factor",
//!     citation: "nobody; an example",
//!     tier: Tier::Unverified,
//!     role: Role::Method,
//!     takes: CLASSIFIED,
//!     settings: &[&[real("factor", "0.9", Range::UNIT, "What every parameter is multiplied by.")]],
//!     build: |table| settings::build::<Shrink>(&ROW, table),
//! };
//!
//! #[derive(Serialize, Deserialize)]
//! struct Shrink {
//!     factor: f64,
//! }
//!
//! impl Method for Shrink {
//!     fn forget(&self, session: &mut Session, _view: &View) -> Result<Account> {
//!         let origin = Origin::of(session)?;
//!         let mut account = Account::reading(&[]);
//!         timed(&mut account.method_s, || {
//!             let theta: Vec<f32> = session.read_theta()?.iter().map(|v| v * self.factor as f32).collect();
//!             session.write_theta(&theta)
//!         })?;
//!         account.took(1);
//!         account.close(session, &origin)
//!     }
//! }
//!
//! let method = (ROW.build)("factor = 0.5".parse().unwrap()).unwrap();
//! assert_eq!(method.settings()["factor"], 0.5);
//! assert!((ROW.build)("factor = 2".parse().unwrap()).is_err());
//! ```
//!
//! Within the crate the row goes into [`METHODS`](crate::methods::METHODS), and then every command, the tests over the
//! registry and the reference pages know the method. A row's settings may be shared: [`Sgd::settings`] for methods that
//! train some epochs on, [`StopRule::SETTINGS`] for those that stop when enough is forgotten, with `#[serde(flatten)]`
//! in the struct.
//!
//! # What it is given
//!
//! * [`View`]: the records to retain and to forget as positions in the training split, the recipe, the seed, on a graph
//!   the deletion and the nodes that it reaches, and where the parameters come from. Draws go by `view.seed` alone,
//!   each with a stream number of its own ([`View::drawn`]), so that a run repeats to the bit.
//! * [`Session`]: the model's parameters `theta` and a scratch vector `grad` of the same layout, the training records
//!   (and the validation split, as [`Part::Validation`]), and the engine. There is no test split in a session.
//!
//! # What it may do
//!
//! | to | call |
//! | --- | --- |
//! | read, replace the parameters | [`Session::read_theta`], [`Session::write_theta`], `session.model.init(seed)` |
//! | keep a vector of the parameters' layout, a number | [`Session::vector`], [`Session::scalar`] |
//! | run kernels | [`Session::run`]; [`Session::recording`] with [`Session::compile`]; `crate::kernels` |
//! | score records | [`statistics::score`], [`statistics::logits`] |
//! | sum gradients into `session.grad` | [`statistics::gradient`] |
//! | measure importance | [`Importance::measure`], [`Importance::of_retained`] |
//! | multiply by a curvature matrix | [`statistics::gauss_newton`], [`statistics::hessian`] |
//! | solve with it | [`statistics::solve`] |
//! | train on | [`fit_to_end`]; [`Fit::restrict`], [`Fit::penalize`], [`train_to_end`], [`Observer`] |
//! | stop at a goal, or before harm | [`StopRule::goal`], [`Goal::reached`]; [`Harm`] |
//!
//! [`Records::train`] are records as they are after the request, [`Records::before`] as they were: ask for forgotten
//! records with the latter, since a graph no longer has them.
//!
//! # What it owes
//!
//! An [`Account`]: what it read besides the model ([`Read`]), the seconds of [`timed`] work, those that could be kept
//! for the next request apart, the steps it took, and notes. It never scores itself: `methods` may not import `eval`.

pub use crate::data::TargetKind;
pub use crate::error::{Error, Result};
pub use crate::methods::shared::account::{Account, Details, Origin, StoppedBy, Student, timed};
pub use crate::methods::shared::climbing::Climbing;
pub use crate::methods::shared::guarantee::Guarantee;
pub use crate::methods::shared::harm::Harm;
pub use crate::methods::shared::lessons::{
    Plan, Task, Turns, answers, in_proportion, learn, original, reads_of, whole_recipe,
};
pub use crate::methods::shared::range::Range;
pub use crate::methods::shared::scope::{SCOPES, Scope};
pub use crate::methods::shared::settings::{
    self, ABSENT, Reported, Setting, bytes, choice, count, epochs, estimator, flag, real, texts,
};
pub use crate::methods::shared::sgd::Sgd;
pub use crate::methods::shared::stop::{Goal, Stop, StopRule};
pub use crate::methods::shared::until::Until;
pub use crate::methods::{
    ALONE, CLASSIFIED, GraphView, Method, MethodRow, Needs, Past, Read, RecordKind, Role, Tier, View,
};
pub(crate) use crate::methods::{needs_classes, needs_likelihoods, needs_probabilities};
pub use crate::records::{Lesson, Part, Preferred, Records, Session, Towards};
pub use crate::statistics::{self, Estimator, Importance, Score};
pub use crate::train::{
    EpochReport, Fit, Flow, Noisy, Observer, Schedule, StepReport, Term, TrainConfig, fit_to_end, train_to_end,
};
