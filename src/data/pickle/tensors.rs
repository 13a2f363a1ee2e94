//! What the pickle of a PyTorch file is taken for: a dictionary of tensors, or a checkpoint that has one under a name.

use std::collections::HashMap;

use super::{Global, Pickle, Place, Value};
use crate::error::{Error, Result};

/// Type of a number in a model's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

/// A view of a storage, as the pickle has it: nothing of it is checked against the storage.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredTensor {
    pub name: String,
    pub element: Element,
    /// Name of the storage's file.
    pub storage: String,
    /// Elements of the storage.
    pub stored: u64,
    /// Element of the storage that is the first of the tensor.
    pub offset: u64,
    pub shape: Vec<usize>,
    /// In elements, by axis.
    pub strides: Vec<u64>,
}

/// A dictionary of tensors, and names in it under which something else stands.
pub(crate) struct Tensors {
    pub all: Vec<StoredTensor>,
    pub others: Vec<String>,
}

/// Keys under which checkpoints have a state dict.
const KEYS: [&str; 4] = ["state_dict", "model_state_dict", "model", "net"];

/// Items of a dictionary that are named in a message.
const NAMED: usize = 12;

impl Pickle {
    /// The tensors of the state dict, and the key that it was found under: `key`, if one is given.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no dictionary of tensors, with the keys that there are.
    pub fn state_dict(&self, key: Option<&str>) -> Result<(Tensors, Option<String>)> {
        let Value::Dict(items) = &self.values[self.root as usize] else {
            return Err(self.no_state_dict("it holds no dictionary"));
        };
        let named: Vec<(String, Place)> =
            items.iter().filter_map(|(key, value)| Some((self.word(*key)?, *value))).collect();
        let under = |wanted: &str| named.iter().rev().find(|(name, _)| name == wanted).map(|(_, place)| *place);
        if let Some(key) = key {
            let all: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).take(NAMED).collect();
            let missing = || self.no_state_dict(&format!("--key {key}: it has the keys {}", all.join(", ")));
            let place = under(key).filter(|place| self.holds_tensors(*place)).ok_or_else(missing)?;
            return Ok((self.tensors(place)?, Some(key.to_owned())));
        }
        if self.holds_tensors(self.root) {
            return Ok((self.tensors(self.root)?, None));
        }
        for key in KEYS {
            if let Some(place) = under(key).filter(|place| self.holds_tensors(*place)) {
                return Ok((self.tensors(place)?, Some(key.to_owned())));
            }
        }
        let all: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).take(NAMED).collect();
        Err(self.no_state_dict(&format!("its keys are {}; name the one with --key", all.join(", "))))
    }

    fn no_state_dict(&self, why: &str) -> Error {
        Error::input(format!(
            "{}: no state dict of tensors was found: {why}; save one by torch.save(model.state_dict(), …)",
            self.path
        ))
    }

    /// A text as people write it.
    fn word(&self, place: Place) -> Option<String> {
        match &self.values[place as usize] {
            Value::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        }
    }

    /// Whether it is a dictionary with a tensor in it.
    fn holds_tensors(&self, place: Place) -> bool {
        let tensor = |value: &Place| matches!(self.values[*value as usize], Value::Tensor(_));
        match &self.values[place as usize] {
            Value::Dict(items) => items.iter().any(|(_, value)| tensor(value)),
            _ => false,
        }
    }

    fn tensors(&self, place: Place) -> Result<Tensors> {
        let Value::Dict(items) = &self.values[place as usize] else { return Err(self.no_state_dict("it is none")) };
        let mut found = Tensors { all: Vec::new(), others: Vec::new() };
        let mut at: HashMap<String, usize> = HashMap::new();
        for (key, value) in items {
            let name = self.word(*key).ok_or_else(|| self.no_state_dict("a name in it is no text"))?;
            match &self.values[*value as usize] {
                Value::Tensor(state) => {
                    let tensor = self.tensor(&name, *state);
                    let bad = || Error::input(format!("{}: tensor `{name}` is not written as PyTorch does", self.path));
                    let tensor = tensor.ok_or_else(bad)?;
                    // As in Python, the last one of a name counts.
                    match at.get(&name) {
                        Some(known) => found.all[*known] = tensor,
                        None => {
                            at.insert(name, found.all.len());
                            found.all.push(tensor);
                        }
                    }
                }
                _ => found.others.push(name),
            }
        }
        Ok(found)
    }

    fn tensor(&self, name: &str, state: Place) -> Option<StoredTensor> {
        let tuple = |place: Place| match &self.values[place as usize] {
            Value::Tuple(items) => Some(items.as_slice()),
            _ => None,
        };
        let whole = |place: Place| match &self.values[place as usize] {
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        };
        let [storage, offset, shape, strides, ..] = tuple(state)? else { return None };
        let Value::Persistent(storage) = &self.values[*storage as usize] else { return None };
        let [kind, element, file, _device, stored] = tuple(*storage)? else { return None };
        let Value::Global(Global::Storage(element)) = &self.values[*element as usize] else { return None };
        let sizes = |place: Place| tuple(place)?.iter().map(|size| whole(*size)).collect::<Option<Vec<u64>>>();
        let (shape, strides) = (sizes(*shape)?, sizes(*strides)?);
        if self.word(*kind)? != "storage" || shape.len() != strides.len() {
            return None;
        }
        Some(StoredTensor {
            name: name.to_owned(),
            element: *element,
            storage: self.word(*file)?,
            stored: whole(*stored)?,
            offset: whole(*offset)?,
            shape: shape.into_iter().map(|size| usize::try_from(size).ok()).collect::<Option<_>>()?,
            strides,
        })
    }
}

impl StoredTensor {
    /// How many elements it has.
    ///
    /// # Errors
    /// It reaches beyond its storage, or shows elements several times: what is wrong, with the shape.
    pub fn count(&self) -> Result<usize, String> {
        let StoredTensor { shape, stored, offset, strides, .. } = self;
        let count = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
        let reach = shape.iter().zip(strides).try_fold(*offset, |at, (size, stride)| {
            at.checked_add((size.saturating_sub(1) as u64).checked_mul(*stride)?)
        });
        match (count, reach) {
            (Some(0), _) => Ok(0),
            (Some(count), Some(last)) if last < *stored && count as u64 <= *stored => Ok(count),
            _ => Err(format!(
                "{shape:?} with strides {strides:?} from element {offset} does not fit into its storage of {stored} \
                 elements"
            )),
        }
    }
}

impl Element {
    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Element::F64 | Element::I64 => 8,
            Element::F32 | Element::I32 => 4,
            Element::F16 | Element::BF16 | Element::I16 => 2,
            Element::I8 | Element::U8 | Element::Bool => 1,
        }
    }
}
