//! CIFAR-10 and CIFAR-100 in their binary forms, plain or gzip.

use std::path::PathBuf;

use super::parts::Raw;
use super::source::{Bytes, Source};
use super::{Column, DataConfig, DatasetRow, Label, Loader, Normalize, Parts, Samples};
use crate::error::{Error, Result};

const PIXELS: usize = 3 * 32 * 32;

/// How records begin, and what their classes are called.
struct Form {
    name: &'static str,
    /// Bytes of labels before the pixels, and which of them is the class.
    labels: usize,
    at: usize,
    /// In the order of their numbers.
    classes: &'static str,
}

const CIFAR10: Form =
    Form { name: "CIFAR-10", labels: 1, at: 0, classes: "airplane automobile bird cat deer dog frog horse ship truck" };

const COARSE: Form = Form {
    name: "CIFAR-100",
    labels: 2,
    at: 0,
    classes: "aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices \
              household_furniture insects large_carnivores large_man-made_outdoor_things \
              large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals non-insect_invertebrates \
              people reptiles small_mammals trees vehicles_1 vehicles_2",
};

const FINE: Form = Form {
    at: 1,
    classes: "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel \
              can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur \
              dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion \
              lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree \
              pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea \
              seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table \
              tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman \
              worm",
    ..COARSE
};

impl Form {
    fn of(config: &DataConfig) -> Result<Form> {
        match &config.label {
            None => Ok(CIFAR10),
            Some(Label::One(Column::Name(name))) if name == "fine" => Ok(FINE),
            Some(Label::One(Column::Name(name))) if name == "coarse" => Ok(COARSE),
            Some(other) => Err(Error::input(format!(
                "data.label: {}; expected fine or coarse, the labels of CIFAR-100, or no such key for CIFAR-10",
                serde_json::to_string(other).unwrap_or_default()
            ))),
        }
    }

    fn record(&self) -> usize {
        self.labels + PIXELS
    }

    fn classes(&self) -> Vec<String> {
        self.classes.split_whitespace().map(str::to_owned).collect()
    }
}

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "cifar",
    summary: "CIFAR-10 binary batches, plain or gzip: records of a label byte and 3 × 32 × 32 pixels; with \
              `label = \"fine\"` or `\"coarse\"` those of CIFAR-100, of two label bytes",
    citation: "A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images, University of Toronto, 2009",
    licence: "of the files",
    keys: &[
        "train_files",
        "test_files",
        "label",
        "max_bytes",
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

fn load(source: &Source) -> Result<Parts> {
    let files = source.config.train_files.as_deref().unwrap_or_default();
    let Some(first) = files.first() else {
        return Err(Error::input("data.train_files: the loader `cifar` needs this key, a list of at least one file"));
    };
    let form = Form::of(source.config)?;
    let origin = source.join(first).display().to_string();
    let name = form.name.to_lowercase().replace('-', "");
    let parts = Parts::new(name, origin, vec![3, 32, 32], form.classes(), read(source, files, &form)?);
    let test = source.config.test_files.as_deref().map(|files| read(source, files, &form)).transpose()?;
    Ok(Parts { test: test.map(Raw::from), full_scale: Some(255.0), ..parts })
}

fn read(source: &Source, files: &[PathBuf], form: &Form) -> Result<Samples> {
    let (mut samples, size, classes) = (Samples::default(), form.record(), form.classes().len());
    for file in files {
        let path = source.join(file);
        let bytes = Bytes::open(&path, &source.limit)?.rest()?;
        source.limit.take_values(bytes.len(), path.display())?;
        if bytes.is_empty() || bytes.len() % size != 0 {
            let other = if form.labels == 1 { FINE } else { CIFAR10 };
            let advice = match bytes.is_empty() || bytes.len() % other.record() != 0 {
                true => String::new(),
                false if other.labels == 2 => "; for CIFAR-100 give data.label = \"fine\" or \"coarse\"".to_owned(),
                false => "; CIFAR-10 has no data.label".to_owned(),
            };
            return Err(Error::input(format!(
                "{}: holds {} bytes, which is not a number of whole records of {size} ({} whole ones, then {} bytes); \
                 it is truncated or not a {} binary{advice}",
                path.display(),
                bytes.len(),
                bytes.len() / size,
                bytes.len() % size,
                form.name
            )));
        }
        for (at, record) in bytes.chunks_exact(size).enumerate() {
            let label = record[form.at];
            if usize::from(label) >= classes {
                return Err(Error::input(format!(
                    "{}: record {at} (offset {}) has label {label}; expected 0 to {}",
                    path.display(),
                    at * size + form.at,
                    classes - 1
                )));
            }
            samples.y.push(u32::from(label));
            samples.x.extend(record[form.labels..].iter().map(|&pixel| f32::from(pixel)));
        }
    }
    Ok(samples)
}
