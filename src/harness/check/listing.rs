//! Which adapters a driver shows, asked in a child process with a time limit: a driver that crashes or hangs while it
//! is listed costs its own column.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use serde::Deserialize;

use super::Status;
use super::process::last_words;
use crate::engine::AdapterReport;
use crate::error::{Error, Result};

/// The adapters, or how the process that should list them ended.
pub type Listed = Result<Vec<AdapterReport>, (Status, String)>;

#[derive(Deserialize)]
struct Listing {
    adapters: Vec<AdapterReport>,
}

/// The adapters that `program adapters` lists in an environment within a time.
///
/// # Errors
/// The program cannot be started.
pub fn list(program: &Path, env: &[(String, String)], limit: Duration) -> Result<Listed> {
    let mut command = Command::new(program);
    command.args(["adapters", "--json"]).envs(env.iter().map(|(k, v)| (k, v))).env_remove("UNLEARN_BACKEND");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::io("start", program))?;
    let talk = child.stderr.take().map(|stderr| std::thread::spawn(move || last_words(stderr)));
    let (send, text) = mpsc::channel();
    if let Some(mut stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            // Nobody listens any more once the child was stopped.
            stdout.read_to_end(&mut text).is_ok_and(|_| send.send(text).is_ok())
        });
    }
    let text = match text.recv_timeout(limit) {
        Ok(text) => text,
        Err(RecvTimeoutError::Disconnected) => Vec::new(),
        Err(RecvTimeoutError::Timeout) => {
            // Both fail only where it has ended by itself.
            child.kill().ok();
            child.wait().ok();
            let why = format!("listing its adapters did not end within {} s", limit.as_secs_f64());
            return Ok(Err((Status::Timeout, why)));
        }
    };
    let status = child.wait().map_err(Error::io("wait for", program))?;
    if !status.success() {
        let words = talk.and_then(|t| t.join().ok()).filter(|w| !w.is_empty()).map(|w| format!(": {w}"));
        let why = format!("listing its adapters ended with {status}{}", words.unwrap_or_default());
        return Ok(Err((Status::Crash, why)));
    }
    let listing: Listing = serde_json::from_slice(&text)
        .map_err(|e| Error::internal(format!("the list of adapters is not as expected: {e}")))?;
    Ok(Ok(listing.adapters))
}
