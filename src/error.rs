//! The one error type. Every message is a sentence: what, where, what was expected, what to do.

use std::fmt;
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
    Io {
        /// What was tried, an infinitive: `open`, `read`, `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A buffer passes a limit of the adapter or the memory budget; nothing was allocated. A smaller batch may fit.
    /// Exit code 2.
    #[error("{what} needs {needed} bytes{}; {limit} is {available}; use a smaller batch", beyond(*held))]
    TooLarge {
        /// The buffer, or the binding of a kernel.
        what: String,
        /// Bytes it would take.
        needed: u64,
        /// Bytes that are held already and count towards the limit.
        held: u64,
        /// The limit's name in WebGPU and the adapter's, or the memory budget.
        limit: String,
        /// Bytes that the limit allows.
        available: u64,
    },
    /// A record function or the engine was called with arguments that do not fit together: sizes of buffers, above all.
    #[error(transparent)]
    Misuse(Box<Misuse>),
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

/// A result whose error is [`Error`] where none is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A call whose arguments do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{function}{}: {mistake}", within(scope))]
pub struct Misuse {
    /// `<family>.<function>` of a record function, the name of a dispatched kernel, or `Engine::write` and the like.
    pub function: &'static str,
    /// The scope it was recorded under, `conv1/forward`; may be empty.
    pub scope: String,
    /// What does not fit.
    pub mistake: Mistake,
}

/// What does not fit in a [`Misuse`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// A buffer has another size than the shapes beside it ask for.
    #[error("`{buffer}` needs {expected}, got {found}")]
    Shape {
        /// The buffer, as the function's signature names it.
        buffer: String,
        /// What the shapes beside it ask for.
        expected: Extent,
        /// What it has.
        found: Extent,
    },
    /// Elements that are not in the buffer, or columns that are not in the matrix.
    #[error("a range {start}..{end} of {len}")]
    Range {
        /// First element asked for.
        start: usize,
        /// One behind the last.
        end: usize,
        /// Elements that there are.
        len: usize,
    },
    /// Another argument is outside what the function takes.
    #[error("{0}")]
    Other(String),
}

/// Sizes along the dimensions of a tensor, the slowest first; one dimension where no more is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The slowest first.
    pub dims: Vec<usize>,
    /// More elements would do as well.
    pub at_least: bool,
}

impl Extent {
    /// These dimensions and no others.
    pub fn exactly(dims: &[usize]) -> Extent {
        Extent { dims: dims.to_vec(), at_least: false }
    }

    /// These dimensions, or more elements.
    pub fn at_least(dims: &[usize]) -> Extent {
        Extent { dims: dims.to_vec(), at_least: true }
    }

    /// Number of elements; `None` where it passes `usize`.
    pub fn elements(&self) -> Option<usize> {
        self.dims.iter().try_fold(1, |n: usize, d| n.checked_mul(*d))
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let least = if self.at_least { "at least " } else { "" };
        match (self.elements(), self.dims.len()) {
            (Some(n), 1) => write!(f, "{least}{n} elements"),
            (Some(n), _) => write!(f, "{least}{:?} = {n} elements", self.dims),
            (None, _) => write!(f, "{least}{:?}, more elements than can be counted", self.dims),
        }
    }
}

fn within(scope: &str) -> String {
    if scope.is_empty() { String::new() } else { format!(" ({scope})") }
}

fn beyond(held: u64) -> String {
    if held == 0 { String::new() } else { format!(" beyond the {held} held") }
}

impl Error {
    /// Something wrong with what the user gave: [`Error::Input`].
    pub fn input(message: impl Into<String>) -> Self {
        Error::Input(message.into())
    }

    /// A mistake of whoever calls `function`, outside of recordings.
    pub fn misuse(function: &'static str, mistake: Mistake) -> Self {
        Error::Misuse(Box::new(Misuse { function, scope: String::new(), mistake }))
    }

    /// A broken promise of this crate's own: [`Error::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Error::Internal(message.into())
    }

    /// For `.map_err(Error::io("read", path))`.
    pub fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |source| Error::Io { action, path: path.to_owned(), source }
    }

    /// The kind of error in a word, for programs: what the document of a failed command has as `code`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Input(_) => "input",
            Error::Io { .. } => "io",
            Error::TooLarge { .. } => "too_large",
            Error::Misuse(_) => "misuse",
            Error::Unsupported(_) => "unsupported",
            Error::Device(_) => "device",
            Error::CheckFailed(_) => "check_failed",
            Error::Regression(_) => "regression",
            Error::Inconclusive(_) => "inconclusive",
            Error::Interrupted(_) => "interrupted",
            Error::Internal(_) => "internal",
        }
    }

    /// The process exit code of the command-line contract.
    pub fn exit_code(&self) -> u8 {
        use std::io::ErrorKind as Kind;
        match self {
            Error::Input(_) | Error::TooLarge { .. } => 2,
            // A path the user gave that is absent, closed to us, no name or no text is bad input; a full disk is not.
            Error::Io { source, .. } => match source.kind() {
                Kind::NotFound | Kind::PermissionDenied | Kind::NotADirectory | Kind::IsADirectory => 2,
                Kind::AlreadyExists | Kind::InvalidData | Kind::InvalidFilename => 2,
                _ => 1,
            },
            Error::Inconclusive(_) => 3,
            Error::CheckFailed(_) => 4,
            Error::Regression(_) => 5,
            Error::Unsupported(_) => 6,
            Error::Interrupted(_) => 130,
            Error::Device(_) | Error::Internal(_) | Error::Misuse(_) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misuse_names_function_scope_buffer_and_both_shapes() {
        let found = Extent::exactly(&[149]);
        let mistake = Mistake::Shape { buffer: "w".into(), expected: Extent::exactly(&[6, 1, 5, 5]), found };
        let misuse = Misuse { function: "conv.conv2d", scope: "conv1/forward".into(), mistake };
        let said = Error::Misuse(Box::new(misuse)).to_string();
        assert_eq!(said, "conv.conv2d (conv1/forward): `w` needs [6, 1, 5, 5] = 150 elements, got 149 elements");
        let huge = Extent::at_least(&[usize::MAX, 2]);
        assert_eq!(huge.to_string(), format!("at least [{}, 2], more elements than can be counted", usize::MAX));
    }
}
