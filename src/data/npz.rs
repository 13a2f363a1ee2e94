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
use super::table::{MOST_CATEGORIES, class_names};
use super::values::Values;
use super::{DatasetRow, Layout, Loader, Normalize, Parts, Portion, TargetKind};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "npz",
    summary: "a NumPy archive: train_images/train_labels (and val_, test_), x_train/y_train (and _val, _test), or x/y; \
              [n, f], [n, h, w], or four dimensions as `layout` says (nhwc or nchw; without it, where one of them \
              alone has 1, 3 or 4 channels); whole numbers or floats, labels of whole numbers or texts",
    citation: "J. Yang et al.: MedMNIST v2, Scientific Data 10, 2023 (the names of the arrays)",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "x",
        "y",
        "targets",
        "standardize_targets",
        "id",
        "subject",
        "layout",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "plant",
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
    let archive = Archive::open(&path, &source.limit)?;
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
    let (x, y) = pairs[0];
    let kind = config.target_kind();
    let first = archive.pair((x, y), &names, config.layout, kind, None)?;
    let mut rest = vec![];
    for &(x, y) in &pairs[1..] {
        let read = |x| archive.pair((x, y), &names, config.layout, kind, Some(&first));
        rest.push(if x.is_empty() { None } else { Some(read(x)?) });
    }
    for (part, (name, _)) in rest.iter().zip(&pairs[1..]) {
        if let Some(part) = part.as_ref().filter(|part| part.shape != first.shape) {
            let path = path.display();
            return Err(Error::input(format!(
                "{path}: {name} has records of shape {:?}, but {} has {:?}",
                part.shape, pairs[0].0, first.shape
            )));
        }
    }
    let several = rest.iter().flatten().next().is_some();
    let mut rest = rest.into_iter().map(|part| part.map(|part| part.raw));
    let (validation, test) = (rest.next().flatten(), rest.next().flatten());
    let labels = first.raw.y.iter().chain([&validation, &test].into_iter().flatten().flat_map(|raw| &raw.y));
    let numbers = numbered(labels);
    let (class_names, classes) = match kind {
        TargetKind::Class if !first.named => (numbers, Classes::Numbered),
        _ => (first.class_names, Classes::Found),
    };
    let (mut train, mut validation, mut test) = (first.raw, validation, test);
    let parts = [Some(&mut train), validation.as_mut(), test.as_mut()];
    for ((raw, portion), (x, _)) in parts.into_iter().zip(Portion::ALL).zip(&pairs) {
        if let Some(raw) = raw {
            raw.who = names::identities(&archive, config, (x, portion), raw.y.len(), several)?;
        }
    }
    let naming = config.id.clone().map_or(Naming::Rows, Naming::Column);
    let (full_scale, subject) = (first.pixels.then_some(255.0), config.subject.clone());
    let parts = Parts::new(stem(&path), path.display().to_string(), first.shape, class_names, train);
    Ok(Parts { classes, targets: kind, validation, test, full_scale, naming, subject, ..parts })
}

struct Part {
    shape: Vec<usize>,
    raw: Raw,
    class_names: Vec<String>,
    /// The labels are texts.
    named: bool,
    /// 8-bit pictures, whose full scale is known.
    pixels: bool,
}

impl Archive<'_> {
    /// Where `first` is the training part, whose names of classes hold for the others.
    fn pair(
        &self,
        (x, y): (&str, &str),
        names: &[String],
        layout: Option<Layout>,
        kind: TargetKind,
        first: Option<&Part>,
    ) -> Result<Part> {
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
        self.limit.take_values(records.len(), &records.origin)?;
        if kind != TargetKind::Class {
            self.limit.take_values(labels.len(), &labels.origin)?;
            let (class_names, targets) = labels.targets(kind, first)?;
            let (shape, x) = records.records(layout)?;
            let raw = Raw { x, y: vec![0; count.unwrap_or(0)], targets, who: vec![] };
            return Ok(Part { shape, raw, class_names, named: false, pixels });
        }
        let named = labels.texts().is_some();
        if let Some(first) = first.filter(|first| first.named != named) {
            let (this, other) = if named { ("texts", "numbers") } else { ("numbers", "texts") };
            let class = first.class_names.first().map_or("", String::as_str);
            return labels.fail(&format!("labels are {this}, those of the training part {other}, such as {class}"));
        }
        let (class_names, y) = labels.named_classes(first)?;
        let (shape, x) = records.records(layout)?;
        Ok(Part { shape, raw: Raw { x, y, ..Raw::default() }, class_names, named, pixels })
    }
}

impl Array {
    /// The shape of a record and all records, channels first, in 32 bits where those hold every value of the type.
    fn records(&self, layout: Option<Layout>) -> Result<(Vec<usize>, Values)> {
        if layout.is_some() && self.shape.len() == 2 {
            return self.fail("data.layout goes with pictures");
        }
        let values = self.values()?;
        match self.is_single() {
            true => {
                let (shape, x) = self.ordered(layout, values.map(|value| value as f32))?;
                Ok((shape, Values::Single(x)))
            }
            false => self.ordered(layout, values).map(|(shape, x)| (shape, Values::Double(x))),
        }
    }

    fn ordered<T: Copy>(
        &self,
        layout: Option<Layout>,
        values: impl Iterator<Item = T>,
    ) -> Result<(Vec<usize>, Vec<T>)> {
        match self.shape[..] {
            [_, features] => Ok((vec![features], values.collect())),
            [_, height, width] => Ok((vec![1, height, width], values.collect())),
            [_, height, width, count] if self.layout(layout)? == Layout::Nhwc => {
                let last: Vec<T> = values.collect();
                let mut first = Vec::with_capacity(last.len());
                for record in last.chunks_exact((height * width * count).max(1)) {
                    for channel in 0..count {
                        first.extend(record.iter().skip(channel).step_by(count));
                    }
                }
                Ok((vec![count, height, width], first))
            }
            [_, count, height, width] => Ok((vec![count, height, width], values.collect())),
            _ => self.fail("expected [n, f], [n, h, w], [n, h, w, c] or [n, c, h, w]"),
        }
    }

    /// Where the channels are: as was said, or at the one end that has 1, 3 or 4 of them.
    fn layout(&self, said: Option<Layout>) -> Result<Layout> {
        let channels = |axis: usize| self.shape.get(axis).is_some_and(|count| [1, 3, 4].contains(count));
        match (said, channels(1), channels(3)) {
            (Some(layout), ..) => Ok(layout),
            (None, false, true) => Ok(Layout::Nhwc),
            (None, true, false) => Ok(Layout::Nchw),
            (None, true, true) => self.fail(
                "both the second and the last dimension may be channels; say which with data.layout = \"nchw\" or \
                 \"nhwc\"",
            ),
            (None, false, false) => self.fail(
                "neither the second nor the last dimension is 1, 3 or 4 channels; say where they are with data.layout \
                 = \"nchw\" or \"nhwc\"",
            ),
        }
    }

    /// Names of the classes and the class of each record. Of texts the names are those of the training part, in
    /// alphabetical order, or by size where all are numbers.
    fn named_classes(&self, first: Option<&Part>) -> Result<(Vec<String>, Vec<u32>)> {
        let Some(texts) = self.texts() else {
            let y = self.classes()?;
            return Ok((numbered(&y), y));
        };
        if !matches!(self.shape[..], [_] | [_, 1]) {
            return self.fail("expected [n] or [n, 1]: one class per record");
        }
        let found: Vec<&str> = texts.iter().map(String::as_str).collect();
        let own = || class_names(&found).into_iter().map(str::to_owned).collect();
        let names: Vec<String> = first.map_or_else(own, |first| first.class_names.clone());
        if names.len() > MOST_CATEGORIES {
            let (count, most) = (names.len(), MOST_CATEGORIES);
            return self.fail(&format!("its texts are {count} different ones; expected at most {most} classes"));
        }
        let class = |(at, text): (usize, &String)| match names.iter().position(|name| name == text) {
            Some(class) => Ok(class as u32),
            None => Err(Error::input(format!(
                "{}: label {at} is `{text}`, which is no class of the training part; it has {}",
                self.origin,
                names.join(", ")
            ))),
        };
        let y = texts.iter().enumerate().map(class).collect::<Result<_>>()?;
        Ok((names, y))
    }

    /// Numbers of the targets and all values, row-major.
    fn targets(&self, kind: TargetKind, first: Option<&Part>) -> Result<(Vec<String>, Vec<f64>)> {
        let width = match self.shape[..] {
            [_] => 1,
            [_, width] if width > 0 => width,
            _ => return self.fail("expected [n] or [n, k], k of at least 1: the targets of each record"),
        };
        if let Some(known) = first.map(|first| first.class_names.len()).filter(|known| *known != width) {
            return self.fail(&format!("records of the training part have {known} targets"));
        }
        let check = |(at, value): (usize, f64)| match kind.refuses(value) {
            None => Ok(value),
            Some(why) => {
                let (origin, record, target) = (&self.origin, at / width, at % width);
                Err(Error::input(format!("{origin}: target {target} of record {record} is {value}, which {why}")))
            }
        };
        let values = self.values()?.enumerate().map(check).collect::<Result<_>>()?;
        Ok(((0..width).map(|target| target.to_string()).collect(), values))
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
