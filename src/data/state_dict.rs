//! The tensors of a model's file: safetensors, or the zip that `torch.save` writes. Nothing in a file is run.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};

use super::DataConfig;
use super::limit::Limit;
use super::npz::Archive;
use super::numbers;
use super::pickle::{Element, Pickle, StoredTensor};
use crate::error::{Error, Result};

/// A tensor of a model's file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// As the file has it.
    pub name: String,
    /// In PyTorch's order.
    pub shape: Vec<usize>,
    /// Type of its numbers, as `F32`.
    pub kind: String,
    /// Rounded to 32 bits; of whole numbers those of 64 bits alone, which counters are.
    pub values: Option<Vec<f32>>,
}

/// What a model's file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct StateDict {
    /// In the order of the file; sorted where that is one of safetensors, which has none.
    pub tensors: Vec<Tensor>,
    /// Names of what is no tensor.
    pub others: Vec<String>,
    /// The key of a checkpoint that the tensors were found under.
    pub key: Option<String>,
    /// `safetensors` or `pytorch`.
    pub format: &'static str,
}

/// Tensors of a file may share storages, tied weights do; more than this many times the file's length is refused.
const SHARED: u64 = 4;

impl StateDict {
    /// Reads a file, by what it begins with. `key` is the one of a checkpoint that has the state dict, where it has
    /// several.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file and what is wrong with it, before any of it is unpacked; a file of PyTorch's
    /// that asks for anything but tensors.
    pub fn read(path: &Path, key: Option<&str>) -> Result<StateDict> {
        let limit = Limit::of(&DataConfig::default())?;
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let mut start = Vec::new();
        file.by_ref().take(4).read_to_end(&mut start).map_err(Error::io("read", path))?;
        match start.first_chunk::<4>() {
            Some(b"PK\x03\x04") => torch(path, key, &limit, length),
            Some([0x80, 2..=5, ..]) => Err(Error::input(format!(
                "{}: a pickle without its zip, as PyTorch wrote before version 1.6; load it there and torch.save it \
                 again",
                path.display()
            ))),
            _ => {
                limit.take(2 * length, path.display(), "its tensors")?;
                safe(path, key)
            }
        }
    }
}

/// What `torch.save` wrote.
fn torch(path: &Path, key: Option<&str>, limit: &Limit, length: u64) -> Result<StateDict> {
    let archive = Archive::open_as(path, limit, "a file of torch.save", "a zip with data.pkl")?;
    let fail = |what: String| Error::input(format!("{}: {what}", path.display()));
    let root = archive.files().find_map(|name| name.strip_suffix("data.pkl").filter(|stem| stem.ends_with('/')));
    let root = root.ok_or_else(|| fail("no file of torch.save: there is no data.pkl in it".into()))?.to_owned();
    if archive.files().any(|name| name.strip_prefix(&root) == Some("constants.pkl")) {
        return Err(fail("a TorchScript program; save its tensors alone by torch.save(model.state_dict(), …)".into()));
    }
    let order = format!("{root}byteorder");
    let big = archive.files().any(|name| name == order) && archive.stored(&order, None)? == b"big";
    let text = archive.stored(&format!("{root}data.pkl"), None)?;
    let (found, key) = Pickle::of_tensors(&path.display().to_string(), &text)?.state_dict(key)?;
    let bad = |tensor: &StoredTensor, why: &str| fail(format!("tensor `{}` {why}", tensor.name));
    let mut total = 0u64;
    // All of them before any is read.
    for tensor in &found.all {
        let count = tensor.count().map_err(|why| bad(tensor, &why))?;
        total = total.saturating_add((count * tensor.element.size()) as u64);
        let (file, length) = storage(&root, tensor).map_err(|why| bad(tensor, &why))?;
        archive.check_stored(&file, length).map_err(|e| bad(tensor, &format!("cannot be read: {e}")))?;
    }
    if total > length.saturating_mul(SHARED) {
        return Err(fail(format!(
            "its tensors have {total} bytes, and the file {length}: storages are shared too often"
        )));
    }
    let mut tensors = Vec::with_capacity(found.all.len());
    for tensor in &found.all {
        let values = match tensor.element.is_read() {
            true => {
                Some(values(&archive, &root, tensor, big).map_err(|e| bad(tensor, &format!("cannot be read: {e}")))?)
            }
            false => None,
        };
        let (name, shape, kind) = (tensor.name.clone(), tensor.shape.clone(), format!("{:?}", tensor.element));
        tensors.push(Tensor { name, shape, kind, values });
    }
    Ok(StateDict { tensors, others: found.others, key, format: "pytorch" })
}

/// The file of a storage, and its bytes.
fn storage(root: &str, tensor: &StoredTensor) -> Result<(String, u64), String> {
    let name = &tensor.storage;
    if name.is_empty() || name.contains(['/', '\\']) {
        return Err(format!("has a storage `{}`, which is no name", name.escape_debug()));
    }
    let length = tensor.stored.checked_mul(tensor.element.size() as u64);
    Ok((format!("{root}data/{name}"), length.unwrap_or(u64::MAX)))
}

/// The numbers of a view, in C order.
fn values(archive: &Archive, root: &str, tensor: &StoredTensor, big: bool) -> Result<Vec<f32>> {
    let (file, length) = storage(root, tensor).map_err(Error::Input)?;
    let bytes = archive.stored(&file, Some(length))?;
    let stored = tensor.element.floats(&bytes, big);
    archive.limit.give_back(bytes.len() as u64);
    let count = tensor.shape.iter().product();
    archive.limit.take_values(count, &file)?;
    let mut values = Vec::with_capacity(count);
    let (mut place, mut at) = (vec![0; tensor.shape.len()], tensor.offset);
    while values.len() < count {
        values.push(stored[at as usize]);
        for axis in (0..place.len()).rev() {
            (place[axis], at) = (place[axis] + 1, at + tensor.strides[axis]);
            if place[axis] < tensor.shape[axis] {
                break;
            }
            (place[axis], at) = (0, at - tensor.strides[axis] * tensor.shape[axis] as u64);
        }
    }
    Ok(values)
}

impl Element {
    fn is_read(self) -> bool {
        matches!(self, Element::F64 | Element::F32 | Element::F16 | Element::BF16 | Element::I64)
    }

    /// Numbers of this type, rounded to 32 bits; none for types that are not read.
    fn floats(self, bytes: &[u8], big: bool) -> Vec<f32> {
        let kind = match self {
            Element::BF16 => {
                let brain = |&bytes: &[u8; 2]| {
                    let half = if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
                    f32::from_bits(u32::from(half) << 16)
                };
                return bytes.as_chunks().0.iter().map(brain).collect();
            }
            Element::F64 | Element::F32 | Element::F16 => ('f', self.size()),
            Element::I64 => ('i', self.size()),
            _ => return Vec::new(),
        };
        numbers::each(kind, big, bytes).into_iter().flatten().map(|value| value as f32).collect()
    }
}

/// A file of safetensors, whose header the crate holds to the bytes behind it.
fn safe(path: &Path, key: Option<&str>) -> Result<StateDict> {
    if let Some(key) = key {
        return Err(Error::input(format!("--key {key}: {} is one state dict and has no keys", path.display())));
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| {
        Error::input(format!("{}: neither a whole safetensors file ({e}) nor one of torch.save", path.display()))
    })?;
    let element = |dtype| match dtype {
        Dtype::F64 => Some(Element::F64),
        Dtype::F32 => Some(Element::F32),
        Dtype::F16 => Some(Element::F16),
        Dtype::BF16 => Some(Element::BF16),
        Dtype::I64 => Some(Element::I64),
        _ => None,
    };
    let mut tensors: Vec<Tensor> = file
        .iter()
        .map(|(name, tensor)| Tensor {
            name: name.to_owned(),
            shape: tensor.shape().to_vec(),
            kind: format!("{:?}", tensor.dtype()),
            values: element(tensor.dtype()).map(|element| element.floats(tensor.data(), false)),
        })
        .collect();
    tensors.sort_by(|a, b| natural(&a.name).cmp(&natural(&b.name)));
    Ok(StateDict { tensors, others: Vec::new(), key: None, format: "safetensors" })
}

/// A name in runs of letters and of digits, so that `layer10` comes behind `layer9`.
fn natural(name: &str) -> Vec<(u64, &str)> {
    let kind = |c: char| c.is_ascii_digit();
    let mut runs = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
        let (run, more) = rest.split_at(end);
        runs.push((run.parse().unwrap_or(u64::MAX), run));
        rest = more;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brain_floats_are_the_upper_half_of_32_bits_in_either_order() {
        let value = 1.5f32;
        let half = (value.to_bits() >> 16) as u16;
        assert_eq!(Element::BF16.floats(&half.to_le_bytes(), false), [1.5]);
        assert_eq!(Element::BF16.floats(&half.to_be_bytes(), true), [1.5]);
        assert_eq!(Element::F16.floats(&0xc000u16.to_le_bytes(), false), [-2.0]);
        assert_eq!(Element::F64.floats(&0.1f64.to_le_bytes(), false), [0.1]);
    }

    #[test]
    fn layers_are_sorted_by_their_numbers() {
        let mut names = ["l10.weight", "l9.weight", "l9.bias", "a"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["a", "l9.bias", "l9.weight", "l10.weight"]);
    }
}
