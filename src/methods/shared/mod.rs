//! What methods share: accounts, settings and their ranges, recipes, stopping rules, scopes. Methods take it from
//! [`super::prelude`].

pub mod account;
pub mod climbing;
pub mod descent;
pub mod guarantee;
pub mod harm;
pub mod layers;
pub mod lessons;
pub mod past;
pub mod range;
pub mod ratios;
pub mod scope;
pub mod settings;
pub mod sgd;
pub mod softmax;
pub mod steps;
pub mod stop;
pub mod until;
