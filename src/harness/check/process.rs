//! A child process: how it is started, what it says, how it ends.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;

use super::worker::Line;
use super::{Column, Options, Selection, layered};
use crate::error::{Error, Result};

/// What drivers keep on disk must not stand in for what they compile now: Mesa's cache does not tell llvmpipe's vector
/// widths apart (docs/drivers/llvmpipe-shader-cache.md), and an outcome must not depend on what ran before.
const ENV: [(&str, &str); 2] = [("MESA_SHADER_CACHE_DISABLE", "true"), ("__GL_SHADER_DISK_CACHE", "0")];

/// Those of the variables of which the environment says nothing: a user's own settings stay.
pub(super) fn unset<const N: usize>(
    all: [(&'static str, &'static str); N],
) -> impl Iterator<Item = (&'static str, &'static str)> {
    all.into_iter().filter(|(name, _)| std::env::var_os(name).is_none())
}

/// A running child.
pub(super) struct Process {
    child: Child,
    pub(super) lines: Receiver<Line>,
    /// The end of what it said on stderr.
    talk: Option<JoinHandle<String>>,
}

impl Process {
    pub(super) fn start(column: &Column, options: &Options, names: &VecDeque<String>) -> Result<Process> {
        let Selection { kind, shapes, seed, .. } = &options.selection;
        let mut command = Command::new(&options.program);
        command.args(["check", kind.word(), "--worker", "--shapes", &shapes.to_string(), "--seed", &seed.to_string()]);
        command.args(["--adapter", &column.adapter.index.to_string(), "--backend", &column.adapter.backend]);
        command.args(["--precision", options.precision.word()]);
        command.envs(unset(ENV));
        if options.validation {
            command.arg("--validation").envs(layered::env());
        }
        command.envs(column.env.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Error::io("start", &options.program))?;
        let names: String = names.iter().flat_map(|n| [n, "\n"]).collect();
        if let Some(mut stdin) = child.stdin.take() {
            // A child that died at once reads nothing; its end says so.
            std::thread::spawn(move || stdin.write_all(names.as_bytes()).ok());
        }
        let (send, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            // What a driver prints there is no line of ours.
            let ours = |text: std::io::Result<String>| serde_json::from_str::<Line>(&text.ok()?).ok();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stdout).lines().filter_map(ours);
                // Nobody listens any more once the child was stopped.
                while lines.next().is_some_and(|line| send.send(line).is_ok()) {}
            });
        }
        let talk = child.stderr.take().map(|stderr| std::thread::spawn(move || last_words(stderr)));
        Ok(Process { child, lines, talk })
    }

    /// Waits for the end and tells how it came, with the last words of the child.
    pub(super) fn end(&mut self) -> String {
        let status = self.child.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
        let words = self.talk.take().and_then(|t| t.join().ok()).unwrap_or_default();
        if words.is_empty() { status } else { format!("{status}: {words}") }
    }

    /// Ends the child, if it still runs.
    pub(super) fn stop(&mut self) {
        // Both fail only where it has ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The last lines of a stream, as one.
pub(super) fn last_words(stream: impl Read) -> String {
    let mut last = VecDeque::new();
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        let noise = line.is_empty() || line.contains("XDG_RUNTIME_DIR") || line.starts_with("note: run with");
        if !noise {
            last.push_back(line);
        }
        if last.len() > 3 {
            last.pop_front();
        }
    }
    Vec::from(last).join(" | ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn last_words_are_few_and_hold_no_noise() {
        let text = b"a\nb\n\nc\nerror: XDG_RUNTIME_DIR is invalid\nd\n\xff\n";
        assert_eq!(super::last_words(&text[..]), "c | d | \u{fffd}");
    }
}
