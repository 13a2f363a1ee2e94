//! NumPy archives: MedMNIST's and Keras' names, or one array of records and one of labels.

mod archive;
mod array;
mod header;
mod names;

pub(crate) use archive::Archive;
pub(crate) use array::Array;

use super::identity::Naming;
use super::parts::{Classes, Raw};
use super::source::{Source, numbered, stem};
use super::values::Values;
use super::{DatasetRow, Loader, Normalize, Parts};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "npz",
    summary: "a NumPy archive: train_images/train_labels (and val_, test_), x_train/y_train (and _val, _test), or x/y; \
              [n, f], [n, h, w], [n, h, w, c] or [n, c, h, w] with c of 1, 3 or 4; whole numbers or floats",
    citation: "J. Yang et al.: MedMNIST v2, Scientific Data 10, 2023 (the names of the arrays)",
    licence: "of the files",
    keys: &[
        "path",
        "x",
        "y",
        "id",
        "subject",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "limit",
    ],
    normalize: Normalize::Unit,
    load: Loader::Records(load),
};

/// Pairs of array names (records, labels) for the training, validation and test parts.
const NAMES: [[(&str, &str); 3]; 2] = [
    [("train_images", "train_labels"), ("val_images", "val_labels"), ("test_images", "test_labels")],
    [("x_train", "y_train"), ("x_val", "y_val"), ("x_test", "y_test")],
];

fn load(source: &Source) -> Result<Parts> {
    let config = source.config;
    let path = source.need("path", &config.path)?;
    let archive = Archive::open(&path)?;
    let names = archive.names();
    let has = |name: &str| names.iter().any(|known| known == name);
    let pairs: Vec<(&str, &str)> = match (&config.x, &config.y) {
        (Some(x), Some(y)) => vec![(x, y)],
        (None, None) => match NAMES.iter().find(|set| has(set[0].0)) {
            // A part counts as present when either of its arrays is, so that a lost one is an error.
            Some(set) => set.iter().map(|&(x, y)| if has(x) || has(y) { (x, y) } else { ("", "") }).collect(),
            None => vec![("x", "y")],
        },
        _ => return Err(Error::input("data.x, data.y: give both names or none of them")),
    };
    let mut parts = vec![];
    for &(x, y) in &pairs {
        let part = if x.is_empty() { None } else { Some(archive.pair(x, y, &names)?) };
        parts.push(part);
    }
    let several = parts.iter().flatten().count() > 1;
    let mut parts = parts.into_iter();
    let first = parts.next().flatten();
    let mut first = first.ok_or_else(|| Error::internal("the first pair of arrays is always read"))?;
    let rest: Vec<Option<Part>> = parts.collect();
    for (part, (name, _)) in rest.iter().zip(&pairs[1..]) {
        if let Some(part) = part.as_ref().filter(|part| part.shape != first.shape) {
            let path = path.display();
            return Err(Error::input(format!(
                "{path}: {name} has records of shape {:?}, but {} has {:?}",
                part.shape, pairs[0].0, first.shape
            )));
        }
    }
    let mut rest = rest.into_iter().map(|part| part.map(|part| part.raw));
    let (validation, test) = (rest.next().flatten(), rest.next().flatten());
    let labels = first.raw.y.iter().chain([&validation, &test].into_iter().flatten().flat_map(|raw| &raw.y));
    let naming = match names::identities(&archive, config, (first.raw.y.len(), several))? {
        Some((naming, who)) => {
            first.raw.who = who;
            naming
        }
        None => Naming::Rows,
    };
    let (class_names, full_scale) = (numbered(labels), first.pixels.then_some(255.0));
    let parts = Parts::new(stem(&path), path.display().to_string(), first.shape, class_names, first.raw);
    let subject = config.subject.clone();
    Ok(Parts { classes: Classes::Numbered, validation, test, full_scale, naming, subject, ..parts })
}

struct Part {
    shape: Vec<usize>,
    raw: Raw,
    /// 8-bit pictures, whose full scale is known.
    pixels: bool,
}

impl Archive {
    fn pair(&self, x: &str, y: &str, names: &[String]) -> Result<Part> {
        if let Some(missing) = [x, y].into_iter().find(|wanted| !names.iter().any(|name| name == wanted)) {
            return Err(Error::input(format!(
                "{}: no array `{missing}`; the file has {}; name the arrays with data.x and data.y",
                self.path,
                names.join(", ")
            )));
        }
        let (records, labels) = (self.array(x)?, self.array(y)?);
        let (count, label_count) = (records.shape.first().copied(), labels.shape.first().copied());
        if count != label_count {
            return Err(Error::input(format!(
                "{}: {x} has shape {:?}, but {y} has {:?}; the first numbers must be equal",
                self.path, records.shape, labels.shape
            )));
        }
        let pixels = records.shape.len() > 2 && records.is_byte();
        let y = labels.classes()?;
        let (shape, x) = records.records()?;
        Ok(Part { shape, raw: Raw { x, y, who: vec![] }, pixels })
    }
}

impl Array {
    /// The shape of a record and all records, channels first, in 32 bits where those hold every value of the type.
    fn records(&self) -> Result<(Vec<usize>, Values)> {
        match self.is_single() {
            true => self.ordered(self.values()?.map(|value| value as f32)).map(|(shape, x)| (shape, Values::Single(x))),
            false => self.ordered(self.values()?).map(|(shape, x)| (shape, Values::Double(x))),
        }
    }

    fn ordered<T: Copy>(&self, values: impl Iterator<Item = T>) -> Result<(Vec<usize>, Vec<T>)> {
        let channels = |count: usize| [1, 3, 4].contains(&count);
        match self.shape[..] {
            [_, features] => Ok((vec![features], values.collect())),
            [_, height, width] => Ok((vec![1, height, width], values.collect())),
            [_, height, width, count] if channels(count) => {
                let last: Vec<T> = values.collect();
                let mut first = Vec::with_capacity(last.len());
                for record in last.chunks_exact((height * width * count).max(1)) {
                    for channel in 0..count {
                        first.extend(record.iter().skip(channel).step_by(count));
                    }
                }
                Ok((vec![count, height, width], first))
            }
            [_, count, height, width] if channels(count) => Ok((vec![count, height, width], values.collect())),
            _ => self.fail("expected [n, f], [n, h, w], [n, h, w, c] or [n, c, h, w] with c of 1, 3 or 4"),
        }
    }

    pub fn classes(&self) -> Result<Vec<u32>> {
        if !matches!(self.shape[..], [_] | [_, 1]) {
            return self.fail("expected [n] or [n, 1]: one class per record");
        }
        let class = |(at, value): (usize, f64)| match value {
            v if v >= 0.0 && v < f64::from(u16::MAX) && v.fract() == 0.0 => Ok(v as u32),
            v => Err(Error::input(format!(
                "{}: label {at} is {v}; expected a whole number from 0 to {}",
                self.origin,
                u16::MAX - 1
            ))),
        };
        self.values()?.enumerate().map(class).collect()
    }
}
