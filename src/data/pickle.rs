//! A closed reader of pickles of protocols 2 to 5: NumPy arrays, SciPy CSR matrices, dictionaries of lists, and
//! PyTorch's dictionaries of tensors.
//!
//! A pickle is a program for a small stack machine, and Python's reader calls whatever the program names. This one
//! calls nothing: the few globals on its list stand for values that it builds itself, every other name or opcode is
//! refused. Values lie in one arena and refer to each other by place, so that neither deep nesting nor sharing costs
//! more than the file is long.

mod calls;
mod machine;
mod tensors;
mod views;

use std::path::Path;

use super::limit::Limit;
use super::source::Bytes;
use crate::error::{Error, Result};

use machine::Machine;
pub(crate) use tensors::{Element, StoredTensor};
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
    /// A dictionary that keeps its order.
    OrderedDict,
    /// A view of a storage of PyTorch's.
    RebuildTensor,
    /// A tensor that is trained: the tensor itself.
    RebuildParameter,
    /// A shape: the tuple itself.
    Size,
    /// Where a tensor lay, which is of no account here.
    Device,
    /// Numbers in a file of their own, by their type.
    Storage(Element),
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
    ("collections", "OrderedDict", Global::OrderedDict),
    ("torch._utils", "_rebuild_tensor_v2", Global::RebuildTensor),
    ("torch._utils", "_rebuild_parameter", Global::RebuildParameter),
    ("torch", "Size", Global::Size),
    ("torch", "device", Global::Device),
    ("torch", "DoubleStorage", Global::Storage(Element::F64)),
    ("torch", "FloatStorage", Global::Storage(Element::F32)),
    ("torch", "HalfStorage", Global::Storage(Element::F16)),
    ("torch", "BFloat16Storage", Global::Storage(Element::BF16)),
    ("torch", "LongStorage", Global::Storage(Element::I64)),
    ("torch", "IntStorage", Global::Storage(Element::I32)),
    ("torch", "ShortStorage", Global::Storage(Element::I16)),
    ("torch", "CharStorage", Global::Storage(Element::I8)),
    ("torch", "ByteStorage", Global::Storage(Element::U8)),
    ("torch", "BoolStorage", Global::Storage(Element::Bool)),
];

/// Place of a value in the arena.
type Place = u32;

#[derive(Debug)]
enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A float: in checkpoints, settings of an optimiser; of no account here.
    Float,
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
    /// What lies outside of the pickle, by its tuple (`storage`, type, name, device, elements).
    Persistent(Place),
    /// A view, by its tuple (storage, offset, shape, strides, …).
    Tensor(Place),
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
        Pickle::parse(&shown, Machine::new(&bytes), "a pickle of arrays, sparse matrices or lists")
    }

    /// The value in the pickle of a PyTorch file; `origin` begins the messages.
    ///
    /// # Errors
    /// As [`Pickle::read`].
    pub fn of_tensors(origin: &str, bytes: &[u8]) -> Result<Pickle> {
        let what = "a state dict (save one by torch.save(model.state_dict(), …))";
        Pickle::parse(origin, Machine::of_tensors(bytes), what)
    }

    fn parse(origin: &str, mut machine: Machine, what: &str) -> Result<Pickle> {
        let length = machine.bytes.len();
        if length > MOST_BYTES {
            return Err(Error::input(format!("{origin}: a pickle of {length} bytes; at most {MOST_BYTES} are read")));
        }
        let root = machine
            .run()
            .map_err(|why| Error::input(format!("{origin}: not {what}: at offset {}, {why}", machine.start)))?;
        Ok(Pickle { path: origin.to_owned(), values: machine.values, root })
    }
}

impl Global {
    /// Whether it is of PyTorch's files alone.
    fn is_of_tensors(self) -> bool {
        use Global::{Device, OrderedDict, RebuildParameter, RebuildTensor, Size, Storage};
        matches!(self, OrderedDict | RebuildTensor | RebuildParameter | Size | Device | Storage(_))
    }
}
