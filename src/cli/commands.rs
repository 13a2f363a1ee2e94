//! The commands as a list and as a page: what `--help` says, without the options that all share said once a command.

use clap::Command;

use super::{COMMANDS, Table, command};
use crate::error::Result;

/// Heading of the options that every command takes.
const COMMON: &str = "Common options";

pub(super) fn table() -> Result<Table> {
    let mut table = Table::new(&["command", "does"]);
    let root = command();
    for row in COMMANDS {
        let about = root.find_subcommand(row.name).and_then(Command::get_about);
        table.row([row.name.to_owned(), about.map(ToString::to_string).unwrap_or_default()]);
    }
    Ok(table)
}

/// The help of each command, and once the common options.
pub(super) fn details() -> Result<String> {
    let mut root = command();
    root.build();
    let mut text = String::new();
    for row in COMMANDS {
        let Some(sub) = root.find_subcommand(row.name) else { continue };
        // The first line of a longer text is in the table.
        let long = sub.get_long_about().map(ToString::to_string).unwrap_or_default();
        let long = long.split_once("\n\n").map(|(_, rest)| format!("{rest}\n\n")).unwrap_or_default();
        text += &format!("## `{}`\n\n{long}{}", row.name, help(sub));
        for inner in sub.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let about = inner.get_long_about().or(inner.get_about()).map(ToString::to_string).unwrap_or_default();
            text += &format!("### `{} {}`\n\n{about}\n\n{}", row.name, inner.get_name(), help(inner));
        }
    }
    let help = root.render_help().to_string();
    let common = help.split_once(&format!("{COMMON}:\n")).map_or("", |(_, rest)| rest).trim_end();
    Ok(format!("{text}## {COMMON}\n\n```text\n{common}\n```\n"))
}

fn help(sub: &Command) -> String {
    let help = own_options(sub).about("").disable_help_flag(true).render_help().to_string();
    format!("```text\n{}\n```\n\n", help.trim())
}

/// A command that shows no common option, and no help flag.
fn own_options(sub: &Command) -> Command {
    sub.clone().mut_args(|arg| {
        let hidden = arg.get_help_heading() == Some(COMMON) || arg.get_id() == "help";
        arg.hide(hidden)
    })
}
