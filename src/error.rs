//! The one error type. Every message is a sentence: what, where, what was expected, what to do.

use std::path::{Path, PathBuf};

/// What went wrong, grouped by what the caller can do about it; [`Error::exit_code`] is the contract with scripts.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's input (file, key, flag, id, shape) is wrong, or asks for more than this machine has (memory, an
    /// adapter); nothing was written. Exit code 2.
    #[error("{0}")]
    Input(String),
    /// A file could not be opened, read, written or renamed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    /// The adapter lacks a feature that the request needs. Exit code 6.
    #[error("{0}")]
    Unsupported(String),
    /// The GPU or its driver failed while working (device lost, validation, NaN found).
    #[error("{0}")]
    Device(String),
    /// A check ran and did not hold. Exit code 4.
    #[error("{0}")]
    CheckFailed(String),
    /// A benchmark became slower than its baseline allows. Exit code 5.
    #[error("{0}")]
    Regression(String),
    /// The evidence cannot decide (a control did not behave). Exit code 3.
    #[error("{0}")]
    Inconclusive(String),
    /// The user interrupted; the state was saved. Exit code 130.
    #[error("{0}")]
    Interrupted(String),
    /// A fault of ours: an invariant between two of our own parts does not hold.
    #[error("internal error: {0} (please report this)")]
    Internal(String),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn input(message: impl Into<String>) -> Self {
        Error::Input(message.into())
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Error::Internal(message.into())
    }

    /// For `.map_err(Error::io("read", path))`.
    pub fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |source| Error::Io { action, path: path.to_owned(), source }
    }

    /// The process exit code of the command-line contract.
    pub fn exit_code(&self) -> u8 {
        use std::io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory, NotFound, PermissionDenied};
        match self {
            Error::Input(_) => 2,
            // A path the user gave that is absent or closed to us is bad input; a full disk is not.
            Error::Io { source, .. } => match source.kind() {
                NotFound | PermissionDenied | NotADirectory | IsADirectory | AlreadyExists => 2,
                _ => 1,
            },
            Error::Inconclusive(_) => 3,
            Error::CheckFailed(_) => 4,
            Error::Regression(_) => 5,
            Error::Unsupported(_) => 6,
            Error::Interrupted(_) => 130,
            Error::Device(_) | Error::Internal(_) => 1,
        }
    }
}
