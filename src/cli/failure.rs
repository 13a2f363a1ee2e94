//! What a program reads of a command that failed: with `--json`, one document in the place of the result.

use std::ffi::OsString;

use clap::error::ErrorKind;
use serde::Serialize;

use super::output::{emit_json, emitted};
use crate::error::Error;

/// The document of a command that failed, on stdout in the place of the one that it would have printed.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Failure {
    /// Version of this document's form.
    schema: u32,
    /// Version of the program.
    version: &'static str,
    /// What went wrong.
    error: Fault,
}

/// What went wrong.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Fault {
    /// The kind of error in a word: `usage` (the arguments), `input` (a file, key, id or shape), `io`, `too_large`,
    /// `unsupported`, `device`, `misuse`, `check_failed`, `regression`, `inconclusive`, `interrupted`, `internal`.
    code: &'static str,
    /// The sentence that stderr has.
    message: String,
    /// Exit code of the process.
    exit_code: u8,
}

impl Failure {
    fn new(code: &'static str, message: String, exit_code: u8) -> Failure {
        Failure { schema: 1, version: env!("CARGO_PKG_VERSION"), error: Fault { code, message, exit_code } }
    }

    /// Of a command that ran.
    pub fn of(error: &Error) -> Failure {
        Failure::new(error.code(), error.to_string(), error.exit_code())
    }

    /// Of arguments that are no command: clap's sentence and its tips, without the usage that follows.
    pub fn of_usage(usage: &clap::Error) -> Failure {
        let text = usage.render().to_string();
        let said = match usage.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is needed; `unlearn --help` lists them",
            _ => text.split("\n\nUsage:").next().unwrap_or_default().trim_start_matches("error: "),
        };
        let said = said.split("\n\nFor more information").next().unwrap_or_default();
        Failure::new("usage", said.split_whitespace().collect::<Vec<_>>().join(" "), usage.exit_code() as u8)
    }
}

/// Prints the document if one was asked for, and stdout does not have the command's own already.
pub fn tell(json: bool, failure: &Failure) {
    if json && !emitted() {
        // Where stdout is closed there is nobody left to tell; the exit code stays.
        emit_json(failure).ok();
    }
}

/// Whether arguments that clap refused ask for a document.
pub fn asked_for(arguments: impl Iterator<Item = OsString>) -> bool {
    let falsey = ["", "0", "n", "no", "f", "false", "off"];
    let set = std::env::var("UNLEARN_JSON").is_ok_and(|v| !falsey.contains(&v.to_ascii_lowercase().as_str()));
    set || arguments.take_while(|word| word != "--").any(|word| word == "--json")
}
