//! The program from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program with these arguments, untouched by the environment's flags.
pub fn unlearn(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unlearn"));
    command.args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("UNLEARN_")) {
        command.env_remove(name);
    }
    // What a user has measured or compiled on this machine is not this test's.
    command.env("UNLEARN_NO_CACHE", "1");
    command
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs to the end and holds the exit code.
pub fn ends(arguments: &[&str], code: i32) -> Result<Output, String> {
    let output = unlearn(arguments).output().map_err(|e| format!("the binary does not start: {e}"))?;
    match output.status.code() == Some(code) {
        true => Ok(output),
        false => Err(format!("{arguments:?} ended with {}, expected {code}: {}", output.status, stderr(&output))),
    }
}

/// Exit code 2, one sentence on stderr that says all of `says`, nothing on stdout.
pub fn refused(arguments: &[&str], says: &[&str]) -> Result<(), String> {
    let output = ends(arguments, 2)?;
    let text = stderr(&output);
    let sentences: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    match sentences.as_slice() {
        [one] if says.iter().all(|s| one.contains(s)) && output.stdout.is_empty() && !text.contains("panicked") => {
            Ok(())
        }
        _ => Err(format!("{arguments:?}: expected one sentence with {says:?}, got: {text}")),
    }
}

/// A temporary folder and the paths in it as text.
pub struct Desk(tempfile::TempDir);

impl Desk {
    pub fn new() -> Desk {
        Desk(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a file, in a folder of its own if it names one, and returns its path.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::create_dir_all(self.path(name).parent().expect("a folder")).expect("a folder");
        std::fs::write(self.path(name), content).expect("the temporary folder takes files");
        self.text(name)
    }

    /// Names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        names(self.0.path())
    }
}

/// Names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    all.sort();
    all
}
