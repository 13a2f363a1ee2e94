use std::path::{Path, PathBuf};

use clap::Command;

use super::output::{emit, emit_json};
use super::{COMMANDS, Context, Run, command};
use crate::base::{did_you_mean, write_atomic};
use crate::error::{Error, Result};

/// Print the manual page of the program or of one command
///
/// `unlearn man > unlearn.1`, or `unlearn man train | man -l -`.
#[derive(clap::Args, Debug)]
pub struct Man {
    /// The command; the program itself if absent
    command: Option<String>,
    /// Write every page to this folder, `unlearn.1`, `unlearn-train.1` and so on; made if absent
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

/// What the page of the program ends with; a command's page points to it.
const EXIT_CODES: &str = "Exit codes: 0 it is done; 1 an error; 2 bad usage or input, or more than this machine has; \
    3 the evidence decides nothing; 4 a check failed; 5 slower than the baseline allows; 6 the adapter lacks a \
    feature; 130 interrupted, with the state saved. With --json, an error is a document on stdout too: its key \
    `error` has `code`, `message` and `exit_code`.";

impl Run for Man {
    fn run(self, cx: &Context) -> Result<()> {
        let mut root = command().after_long_help(EXIT_CODES);
        root.build();
        if let Some(folder) = &self.out {
            return written(&root, folder, cx);
        }
        let page = match &self.command {
            None => roff(&root)?,
            Some(name) => match root.find_subcommand(name) {
                Some(sub) => roff(sub)?,
                None => {
                    let near = did_you_mean(name, COMMANDS.iter().map(|row| row.name));
                    return Err(Error::input(format!("there is no command `{name}`{near}; `unlearn --help` has all")));
                }
            },
        };
        if cx.json {
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({ "schema": 1, "version": version, "page": page }));
        }
        emit(&page)
    }
}

/// A page for the program and one for each command.
fn written(root: &Command, folder: &Path, cx: &Context) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let mut files = Vec::new();
    for page in [root].into_iter().chain(COMMANDS.iter().filter_map(|row| root.find_subcommand(row.name))) {
        let path = folder.join(format!("{}.1", page.get_display_name().unwrap_or(page.get_name())));
        write_atomic(&path, roff(page)?.as_bytes())?;
        files.push(path);
    }
    if cx.json {
        return emit_json(&serde_json::json!({ "schema": 1, "version": env!("CARGO_PKG_VERSION"), "files": files }));
    }
    emit(&files.iter().map(|file| format!("{}\n", file.display())).collect::<String>())
}

fn roff(page: &Command) -> Result<String> {
    let mut text = Vec::new();
    let unwritable = |e: std::io::Error| Error::internal(format!("manual page: {e}"));
    let man = clap_mangen::Man::new(page.clone()).source(concat!("unlearn ", env!("CARGO_PKG_VERSION")));
    man.render(&mut text).map_err(unwritable)?;
    String::from_utf8(text).map_err(|e| Error::internal(format!("manual page: {e}")))
}
