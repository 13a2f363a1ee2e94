//! The command line: one file per command, one row in [`COMMANDS`].

mod adapters;
mod audit;
mod bench;
mod check;
mod commands;
mod compare;
mod completions;
mod context;
mod data;
mod doctor;
mod eval;
mod experiment;
mod export;
mod failure;
mod follow;
mod forget;
mod gc;
mod generate;
mod gradients;
mod guess;
mod import;
mod jobs;
mod ledger;
mod lineage;
mod list;
mod man;
mod markdown;
mod marks;
mod output;
mod pack;
mod predict;
mod project;
mod prove;
mod purge;
mod references;
mod registries;
mod replay;
mod report;
mod requests;
mod schema;
mod search;
mod shaders;
mod template;
mod train;
mod tune;
mod verify;

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

pub use context::Context;
pub use list::{REGISTRIES, Registry};
pub use output::Table;

use crate::error::Result;
use failure::Failure;

/// A command: its arguments, and what it does with them. The doc comment of the argument struct is its help.
pub trait Run: Args {
    /// # Errors
    /// [`Error::exit_code`](crate::Error::exit_code) becomes the exit code of the process.
    fn run(self, cx: &Context) -> Result<()>;

    /// Starts the log; a command that reads it has one of its own.
    fn start_log(&self, cx: &Context) {
        cx.start_log();
    }
}

/// One row of [`COMMANDS`].
pub struct CommandRow {
    /// The word after `unlearn`.
    pub name: &'static str,
    arguments: fn(Command) -> Command,
    run: fn(&ArgMatches, &Context) -> Result<Result<()>, clap::Error>,
}

const fn row<C: Run>(name: &'static str) -> CommandRow {
    CommandRow { name, arguments: C::augment_args, run: run::<C> }
}

fn run<C: Run>(matches: &ArgMatches, cx: &Context) -> Result<Result<()>, clap::Error> {
    let command = C::from_arg_matches(matches)?;
    command.start_log(cx);
    Ok(command.run(cx))
}

/// The commands, in the order of the help text.
pub static COMMANDS: &[CommandRow] = &[
    row::<adapters::Adapters>("adapters"),
    row::<experiment::Demo>("demo"),
    row::<experiment::RunExperiment>("run"),
    row::<compare::Compare>("compare"),
    row::<data::Data>("data"),
    row::<train::Train>("train"),
    row::<import::Import>("import"),
    row::<guess::Guess>("guess"),
    row::<forget::Forget>("forget"),
    row::<follow::Follow>("follow"),
    row::<references::References>("references"),
    row::<jobs::Jobs>("jobs"),
    row::<search::Search>("search"),
    row::<verify::Verify>("verify"),
    row::<audit::AuditRun>("audit"),
    row::<prove::Prove>("prove"),
    row::<pack::Pack>("pack"),
    row::<replay::ReplayPack>("replay"),
    row::<lineage::ShowLineage>("lineage"),
    row::<eval::Eval>("eval"),
    row::<predict::Predict>("predict"),
    row::<generate::Generate>("generate"),
    row::<export::Export>("export"),
    row::<gradients::Gradients>("gradients"),
    row::<requests::Requests>("requests"),
    row::<ledger::Ledger>("ledger"),
    row::<report::Report>("report"),
    row::<purge::PurgeRun>("purge"),
    row::<gc::Gc>("gc"),
    row::<check::Check>("check"),
    row::<doctor::Doctor>("doctor"),
    row::<bench::Bench>("bench"),
    row::<tune::Tune>("tune"),
    row::<shaders::Shaders>("shaders"),
    row::<list::List>("list"),
    row::<schema::Schema>("schema"),
    row::<template::Template>("template"),
    row::<completions::Completions>("completions"),
    row::<man::Man>("man"),
];

/// Parses the arguments of the process, runs the command and returns its exit code.
pub fn main() -> ExitCode {
    let (json, ended) = match command().try_get_matches() {
        Ok(matches) => (wants_document(&matches), dispatch(&matches)),
        Err(usage) => (failure::asked_for(std::env::args_os()), Err(usage)),
    };
    match ended {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            output::talk(&format!("error: {error}"));
            failure::tell(json, &Failure::of(&error));
            ExitCode::from(error.exit_code())
        }
        Err(usage) => {
            // Fails only where stdout or stderr is closed; there is nobody left to tell.
            usage.print().ok();
            failure::tell(json && usage.use_stderr(), &Failure::of_usage(&usage));
            ExitCode::from(usage.exit_code() as u8)
        }
    }
}

fn dispatch(matches: &ArgMatches) -> Result<Result<()>, clap::Error> {
    let Some((name, sub)) = matches.subcommand() else {
        return Err(command().error(clap::error::ErrorKind::MissingSubcommand, "a command is needed"));
    };
    let row = COMMANDS.iter().find(|c| c.name == name);
    let row = row.ok_or_else(|| command().error(clap::error::ErrorKind::InvalidSubcommand, name))?;
    // Common options may stand behind the last word of a command that has words of its own.
    let last = leaf(sub);
    let mut cx = Context::from_arg_matches(last)?;
    cx.json = matches.get_flag("json") || matches!(last.try_get_one::<bool>("json"), Ok(Some(true)));
    (row.run)(sub, &cx)
}

fn leaf(mut matches: &ArgMatches) -> &ArgMatches {
    while let Some((_, sub)) = matches.subcommand() {
        matches = sub;
    }
    matches
}

/// Whether a document on stdout was asked for, before or after the command; a command's own `--json FILE` is none.
fn wants_document(matches: &ArgMatches) -> bool {
    let own = |(_, sub): (&str, &ArgMatches)| match leaf(sub).try_get_one::<bool>("json") {
        Ok(flag) => flag == Some(&true),
        Err(_) => {
            let given = sub.value_source("json") == Some(clap::parser::ValueSource::CommandLine);
            given && sub.get_raw("json").is_none_or(|mut values| values.next().is_none())
        }
    };
    matches.get_flag("json") || matches.subcommand().is_some_and(own)
}

/// The whole grammar.
fn command() -> Command {
    let about = "Trains CNN, DNN and GNN models with hand-written WGSL kernels and makes them forget, on any GPU.";
    let mut root = Command::new("unlearn").subcommand_required(true).arg_required_else_help(true);
    root = Context::augment_args(root).about(about).long_about(None).version(env!("CARGO_PKG_VERSION"));
    root = root.arg(json_flag().env("UNLEARN_JSON"));
    for row in COMMANDS {
        let mut sub = (row.arguments)(Command::new(row.name));
        // A command that can also write its document to a file declares its own --json [FILE].
        if !sub.get_arguments().any(|a| a.get_id() == "json") {
            let inner = sub.has_subcommands();
            sub = sub.arg(json_flag().global(inner));
        }
        root = root.subcommand(sub);
    }
    root
}

fn json_flag() -> Arg {
    let help = "Print one versioned JSON document on stdout";
    let parser = clap::builder::FalseyValueParser::new();
    Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .value_parser(parser)
        .help(help)
        .help_heading("Common options")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_grammar_is_consistent() {
        super::command().debug_assert();
    }
}
