//! What methods share: accounts, settings, recipes, stopping rules, scopes.

pub mod account;
pub mod scope;
pub mod settings;
pub mod sgd;
pub mod stop;
