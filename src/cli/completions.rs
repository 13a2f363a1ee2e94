use clap_complete::{Shell, generate};

use super::output::{emit, emit_json};
use super::{Context, Run, command};
use crate::error::{Error, Result};

/// Print the completions of commands and options for a shell
///
/// Bash: `unlearn completions bash > ~/.local/share/bash-completion/completions/unlearn`. Zsh: a file `_unlearn` in a
/// folder of `fpath`. Fish: `~/.config/fish/completions/unlearn.fish`.
#[derive(clap::Args, Debug)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Run for Completions {
    fn run(self, cx: &Context) -> Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut command(), "unlearn", &mut script);
        let script = String::from_utf8(script).map_err(|e| Error::internal(format!("completions: {e}")))?;
        if cx.json {
            let (version, shell) = (env!("CARGO_PKG_VERSION"), self.shell.to_string());
            let document = serde_json::json!({ "schema": 1, "version": version, "shell": shell, "script": script });
            return emit_json(&document);
        }
        emit(&script)
    }
}
