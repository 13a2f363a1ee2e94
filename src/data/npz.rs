//! NumPy archives: MedMNIST's and Keras' names, or one array of records and one of labels.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use npyz::npz::NpzArchive;
use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar};

use super::source::{DEFLATE_LIMIT, Source, numbered, stem};
use super::{DatasetRow, Loader, Normalize, Parts, Samples};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "npz",
    summary: "a NumPy archive: train_images/train_labels (and val_, test_), x_train/y_train (and _val, _test), or x/y; \
              [n, f], [n, h, w], [n, h, w, c] or [n, c, h, w] with c of 1, 3 or 4; whole numbers or floats",
    citation: "J. Yang et al.: MedMNIST v2, Scientific Data 10, 2023 (the names of the arrays)",
    licence: "of the files",
    keys: &["path", "x", "y", "normalize", "test_fraction", "validation_fraction", "split_seed", "limit"],
    normalize: Normalize::Unit,
    load: Loader::Records(load),
};

/// Pairs of array names (records, labels) for the training, validation and test parts.
const NAMES: [[(&str, &str); 3]; 2] = [
    [("train_images", "train_labels"), ("val_images", "val_labels"), ("test_images", "test_labels")],
    [("x_train", "y_train"), ("x_val", "y_val"), ("x_test", "y_test")],
];

/// Headers are about 128 bytes; NumPy itself refuses more than 10 000.
const LONGEST_HEADER: usize = 10_000;

struct Archive {
    zip: NpzArchive<BufReader<File>>,
    path: String,
    /// No member can unpack to more than this.
    most: u64,
}

struct Array {
    shape: Vec<usize>,
    header: NpyHeader,
    bytes: Vec<u8>,
    /// `file: array`, for messages.
    origin: String,
}

fn load(source: &Source) -> Result<Parts> {
    let config = source.config;
    let path = source.need("path", &config.path)?;
    let mut archive = Archive::open(&path)?;
    let names: Vec<String> = archive.zip.array_names().map(str::to_owned).collect();
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
    let mut parts = parts.into_iter();
    let first = parts.next().flatten();
    let first = first.ok_or_else(|| Error::internal("the first pair of arrays is always read"))?;
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
    let mut rest = rest.into_iter().map(|part| part.map(|part| part.samples));
    Ok(Parts {
        name: stem(&path),
        origin: path.display().to_string(),
        shape: first.shape,
        class_names: numbered(&first.samples.y),
        train: first.samples,
        validation: rest.next().flatten(),
        test: rest.next().flatten(),
        full_scale: first.pixels.then_some(255.0),
        fixed: vec![],
    })
}

struct Part {
    shape: Vec<usize>,
    samples: Samples,
    /// 8-bit pictures, whose full scale is known.
    pixels: bool,
}

impl Archive {
    fn open(path: &Path) -> Result<Archive> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let zip = NpzArchive::new(BufReader::new(file)).map_err(|e| {
            Error::input(format!("{}: not a NumPy archive, or truncated: {e}; expected a zip of .npy", path.display()))
        })?;
        Ok(Archive { zip, path: path.display().to_string(), most: length.saturating_mul(DEFLATE_LIMIT) })
    }

    fn pair(&mut self, x: &str, y: &str, names: &[String]) -> Result<Part> {
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
        let pixels = records.shape.len() > 2 && is_byte(&records.header.dtype());
        let y = labels.classes()?;
        let (shape, x) = records.records()?;
        Ok(Part { shape, samples: Samples { x, y }, pixels })
    }

    fn array(&mut self, name: &str) -> Result<Array> {
        let origin = format!("{}: array `{name}`", self.path);
        let fail = |why: String| Error::input(format!("{origin}: {why}"));
        let mut member = self
            .zip
            .zip_archive()
            .by_name(&format!("{name}.npy"))
            .map_err(|e| fail(format!("cannot be opened: {e}")))?;
        if member.size() > self.most {
            return Err(fail(format!("promises {} bytes, more than the file can hold; it is corrupt", member.size())));
        }
        let mut bytes = Vec::new();
        // A lying size cannot make this grow past what the file really unpacks to.
        member.read_to_end(&mut bytes).map_err(|e| fail(format!("is truncated or corrupt: {e}")))?;
        drop(member);
        let start = check_header(&bytes).map_err(&fail)?;
        let header = NpyHeader::from_reader(&bytes[..start]).map_err(|e| {
            // The parser draws a picture of the place over several lines.
            let why = e.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            fail(format!("has a bad header: {why}"))
        })?;
        let size = header.dtype().num_bytes().unwrap_or(0) as u64;
        let shape: Vec<usize> = header.shape().iter().map(|&dim| dim as usize).collect();
        let (expected, found) = (header.len().saturating_mul(size), (bytes.len() - start) as u64);
        if expected != found {
            return Err(fail(format!("its header says {shape:?}, {expected} bytes, but {found} follow")));
        }
        let flat = header.shape().iter().filter(|&&dim| dim != 1).count() < 2;
        if header.order() == Order::Fortran && !flat {
            return Err(fail("is in Fortran order; save it again with np.ascontiguousarray".to_owned()));
        }
        bytes.drain(..start);
        Ok(Array { shape, header, bytes, origin })
    }
}

/// Where the data begin. Refuses what would make the header parser work, or multiply, without bound.
fn check_header(bytes: &[u8]) -> Result<usize, String> {
    let length = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => 10 + usize::from(u16::from_le_bytes([*a, *b])),
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            12usize.saturating_add(u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        _ => return Err("does not begin like an .npy file of version 1 to 3".to_owned()),
    };
    if length > LONGEST_HEADER || length > bytes.len() {
        return Err(format!("its header should take {length} bytes; the array has {} in all", bytes.len()));
    }
    let text = String::from_utf8_lossy(&bytes[..length]);
    if text.matches(['(', '[', '{']).count() > 2 {
        return Err("holds structured records; expected plain numbers".to_owned());
    }
    let shape = text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(shape, _)| shape);
    let dims = shape.split(',').map(str::trim).filter(|dim| !dim.is_empty()).map(str::parse::<u64>);
    // Zeros are left out, so that none of the parser's partial products can overflow either.
    match dims.filter(|dim| *dim != Ok(0)).try_fold(1u64, |product, dim| product.checked_mul(dim.ok()?)) {
        Some(_) => Ok(length),
        None => Err(format!("the shape ({shape}) is impossible")),
    }
}

fn is_byte(dtype: &DType) -> bool {
    matches!(dtype, DType::Plain(t) if t.type_char() == TypeChar::Uint && t.size_field() == 1)
}

impl Array {
    fn fail<T>(&self, why: &str) -> Result<T> {
        Err(Error::input(format!("{}: has shape {:?}; {why}", self.origin, self.shape)))
    }

    /// The values in the order they are stored.
    fn values(&self) -> Result<Box<dyn Iterator<Item = f64> + '_>> {
        type Values<'a> = Box<dyn Iterator<Item = f64> + 'a>;
        fn read<'a, T>(array: &'a Array, to: fn(T) -> f64) -> io::Result<Values<'a>>
        where
            T: Deserialize + 'a,
            <T as Deserialize>::TypeReader: 'a,
        {
            let file = NpyFile::with_header(array.header.clone(), &array.bytes[..]);
            let reader = file.data::<T>().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
            // The length was checked against the header, so every read succeeds.
            Ok(Box::new(reader.map_while(io::Result::ok).map(to)))
        }
        let dtype = self.header.dtype();
        let kind = match &dtype {
            DType::Plain(t) => (t.type_char(), t.size_field()),
            _ => return self.fail("holds structured records; expected plain numbers"),
        };
        let values = match kind {
            (TypeChar::Uint, 1) => Ok(Box::new(self.bytes.iter().map(|&byte| f64::from(byte))) as Box<_>),
            (TypeChar::Bool, _) => read::<bool>(self, |v| f64::from(u8::from(v))),
            (TypeChar::Uint, 2) => read::<u16>(self, f64::from),
            (TypeChar::Uint, 4) => read::<u32>(self, f64::from),
            (TypeChar::Uint, _) => read::<u64>(self, |v| v as f64),
            (TypeChar::Int, 1) => read::<i8>(self, f64::from),
            (TypeChar::Int, 2) => read::<i16>(self, f64::from),
            (TypeChar::Int, 4) => read::<i32>(self, f64::from),
            (TypeChar::Int, _) => read::<i64>(self, |v| v as f64),
            (TypeChar::Float, 4) => read::<f32>(self, f64::from),
            (TypeChar::Float, 8) => read::<f64>(self, |v| v),
            _ => {
                return self
                    .fail(&format!("its type is {}; expected whole numbers or 32- or 64-bit floats", dtype.descr()));
            }
        };
        values.map_err(|e| Error::input(format!("{}: cannot be read: {e}", self.origin)))
    }

    /// The shape of a record and all records, channels first.
    fn records(&self) -> Result<(Vec<usize>, Vec<f32>)> {
        let values = self.values()?.map(|value| value as f32);
        let channels = |count: usize| [1, 3, 4].contains(&count);
        match self.shape[..] {
            [_, features] => Ok((vec![features], values.collect())),
            [_, height, width] => Ok((vec![1, height, width], values.collect())),
            [_, height, width, count] if channels(count) => {
                let last: Vec<f32> = values.collect();
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

    fn classes(&self) -> Result<Vec<u32>> {
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
