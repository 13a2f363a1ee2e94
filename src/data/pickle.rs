//! A closed reader of pickles of protocols 2 to 5: NumPy arrays, SciPy CSR matrices and dictionaries of lists.
//!
//! A pickle is a program for a small stack machine, and Python's reader calls whatever the program names. This one
//! calls nothing: the few globals on its list stand for values that it builds itself, every other name or opcode is
//! refused. Values lie in one arena and refer to each other by place, so that neither deep nesting nor sharing costs
//! more than the file is long.

mod calls;
mod machine;
mod views;

use std::path::Path;

use super::limit::Limit;
use super::source::Bytes;
use crate::error::{Error, Result};

use machine::Machine;
pub(crate) use views::Array;

/// A longer file is refused: its values would take some forty times as much memory.
const MOST_BYTES: usize = 1 << 28;

/// The names that a pickle may use.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Global {
    Reconstruct,
    NdArray,
    Dtype,
    CsrMatrix,
    DefaultDict,
    List,
    /// Bytes that protocol 2 writes as text.
    Encode,
    /// An array whose bytes stand by themselves, of protocol 5.
    FromBuffer,
    /// A single number of NumPy's.
    Scalar,
}

/// Spellings of Python 2 and 3, NumPy 1 and 2, SciPy before and after 1.8.
const GLOBALS: &[(&str, &str, Global)] = &[
    ("numpy.core.multiarray", "_reconstruct", Global::Reconstruct),
    ("numpy._core.multiarray", "_reconstruct", Global::Reconstruct),
    ("numpy.core.numeric", "_frombuffer", Global::FromBuffer),
    ("numpy._core.numeric", "_frombuffer", Global::FromBuffer),
    ("numpy.core.multiarray", "scalar", Global::Scalar),
    ("numpy._core.multiarray", "scalar", Global::Scalar),
    ("_codecs", "encode", Global::Encode),
    ("numpy", "ndarray", Global::NdArray),
    ("numpy", "dtype", Global::Dtype),
    ("scipy.sparse.csr", "csr_matrix", Global::CsrMatrix),
    ("scipy.sparse._csr", "csr_matrix", Global::CsrMatrix),
    ("scipy.sparse._csr", "csr_array", Global::CsrMatrix),
    ("collections", "defaultdict", Global::DefaultDict),
    ("__builtin__", "list", Global::List),
    ("builtins", "list", Global::List),
];

/// Place of a value in the arena.
type Place = u32;

#[derive(Debug)]
enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A string, of bytes or text.
    Text(Vec<u8>),
    Tuple(Vec<Place>),
    List(Vec<Place>),
    Dict(Vec<(Place, Place)>),
    Global(Global),
    /// Element code (`i4`) and byte order, once built.
    Dtype {
        code: Place,
        order: Option<Place>,
    },
    /// The state (version, shape, dtype, Fortran order, bytes), once built, or what a buffer was taken for (bytes,
    /// dtype, shape, order).
    Array(Option<Place>),
    /// The dictionary of attributes, once built.
    Matrix(Option<Place>),
}

/// A file's value.
#[derive(Debug)]
pub(crate) struct Pickle {
    path: String,
    values: Vec<Value>,
    root: Place,
}

impl Pickle {
    /// # Errors
    /// [`Error::Input`] naming the file, and the offset of an opcode or a global that is not on the list.
    pub fn read(path: &Path, limit: &Limit) -> Result<Pickle> {
        let shown = path.display().to_string();
        let bytes = Bytes::open(path, limit)?.rest()?;
        if bytes.len() > MOST_BYTES {
            return Err(Error::input(format!(
                "{shown}: a pickle of {} bytes; at most {MOST_BYTES} are read",
                bytes.len()
            )));
        }
        let mut machine = Machine::new(&bytes);
        let root = machine.run().map_err(|why| {
            Error::input(format!(
                "{shown}: not a pickle of arrays, sparse matrices or lists: at offset {}, {why}",
                machine.start
            ))
        })?;
        Ok(Pickle { path: shown, values: machine.values, root })
    }
}
