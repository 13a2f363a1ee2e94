//! Index sets: some records of one part of the data.

mod reader;

pub use reader::Reader;

/// Which part of the data records are of. There is no test part here: what trains or unlearns never sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Training records; of a graph, after the request.
    Train,
    /// Training records as they were before the request: on a graph, what was deleted is still there; texts that lose a
    /// part are whole, and that part alone is predicted. The same as `Train` where records go or stay whole.
    Before,
    /// Texts as of [`Part::Before`], each with the one that is preferred to it behind it: [`super::Session::pair`]. A
    /// batch has two texts for each of its indices.
    Pairs,
    /// Validation records.
    Validation,
    /// What a [`Reader`] holds, test records among them; nothing else can name this part.
    Read(Read),
}

impl Part {
    /// For messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Train => "Train",
            Part::Before => "Before",
            Part::Pairs => "Pairs",
            Part::Validation => "Validation",
            Part::Read(_) => "Read",
        }
    }

    /// True where a graph still has what a request deletes.
    pub(crate) fn is_before(self) -> bool {
        match self {
            Part::Before | Part::Pairs => true,
            Part::Read(read) => read.before,
            Part::Train | Part::Validation => false,
        }
    }
}

/// The part of a [`Reader`]'s records. Its field is private, so that nothing but this file and the reader's makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Read {
    before: bool,
}

impl Read {
    /// The same records after the request.
    pub(crate) fn after(self) -> Read {
        Read { before: false }
    }
}

/// Some records of one part.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    /// Where the indices count.
    pub part: Part,
    /// Indices within the part; repetitions are allowed.
    pub indices: &'a [u32],
}

impl<'a> Records<'a> {
    /// Training records, of a graph as it is after the request.
    pub fn train(indices: &'a [u32]) -> Records<'a> {
        Records { part: Part::Train, indices }
    }

    /// Training records, of a graph as it was before the request.
    pub fn before(indices: &'a [u32]) -> Records<'a> {
        Records { part: Part::Before, indices }
    }

    /// Validation records.
    pub fn validation(indices: &'a [u32]) -> Records<'a> {
        Records { part: Part::Validation, indices }
    }
}
