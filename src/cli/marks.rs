//! `--actor` and `--note`: what commands that make a run keep with it.

use crate::run::evidence::Marks;

/// Who does it, and why.
#[derive(clap::Args, Debug, Default)]
pub struct MarkArgs {
    /// Who does this; kept in the result
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Why, or under which ticket; kept in the result
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl MarkArgs {
    /// As the run keeps them.
    pub fn marks(&self) -> Marks {
        Marks { actor: self.actor.clone(), note: self.note.clone() }
    }

    /// The arguments again, for a command that the user is told to type.
    pub fn words(&self) -> Vec<String> {
        let pair = |flag: &str, value: &Option<String>| value.clone().map(|value| [flag.to_owned(), value]);
        [pair("--actor", &self.actor), pair("--note", &self.note)].into_iter().flatten().flatten().collect()
    }
}
