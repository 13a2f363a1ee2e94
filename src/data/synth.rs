//! Synthetic data: the same records from the same seed on every platform.

use super::parts::Raw;
use super::source::Source;
use super::values::Values;
use super::{DataConfig, DatasetRow, Loader, Normalize, Parts, Samples, TargetKind};
use crate::base::did_you_mean;
use crate::base::splitmix::SplitMix64;
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "synth",
    summary: "made up from a seed: `blobs` (a Gaussian per class) or `stripes` (pictures, direction and period by \
        class)",
    citation: "own",
    licence: "none needed",
    keys: &[
        "pattern",
        "samples",
        "classes",
        "targets",
        "standardize_targets",
        "shape",
        "noise",
        "seed",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "plant",
        "limit",
    ],
    normalize: Normalize::None,
    load: Loader::Records(load),
};

/// As many as labels of 16 bits tell apart.
const MOST_CLASSES: usize = 1 << 16;

/// More values than this (256 MiB of `f32`) is taken for a slip.
const MOST_VALUES: usize = 1 << 26;

fn load(source: &Source) -> Result<Parts> {
    let config = source.config;
    let (Some(samples), Some(classes), Some(shape), Some(noise), Some(seed), Some(pattern)) =
        (config.samples, config.classes, &config.shape, config.noise, config.seed, &config.pattern)
    else {
        return Err(Error::internal("the synth loader needs a resolved configuration"));
    };
    check(config, samples, classes, shape, noise)?;
    let mut rng = SplitMix64::new(seed);
    let (name, origin) = (format!("synth-{pattern}"), format!("synth ({pattern})"));
    let names: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
    let kind = config.target_kind();
    if (kind != TargetKind::Class) != (pattern == "waves") {
        return Err(Error::input(format!(
            "data.pattern: `{pattern}` does not go with data.targets = \"{}\"; `waves` is of real targets and several \
             labels, the others of classes",
            kind.name()
        )));
    }
    if kind != TargetKind::Class {
        let raw = waves(kind, samples, (classes, shape.iter().product()), noise, &mut rng);
        return Ok(Parts { targets: kind, ..Parts::new(name, origin, shape.clone(), names, raw) });
    }
    let y: Vec<u32> = (0..samples).map(|at| (at % classes) as u32).collect();
    let x = match (pattern.as_str(), &shape[..]) {
        ("blobs", _) => blobs(&y, classes, shape.iter().product(), noise, &mut rng),
        ("stripes", &[channels, height, width]) => stripes(&y, [channels, height, width], noise, &mut rng),
        ("stripes", _) => {
            return Err(Error::input(format!("data.shape: {shape:?}; stripes need [channels, height, width]")));
        }
        (other, _) => {
            let near = did_you_mean(other, ["blobs", "stripes"]);
            return Err(Error::input(format!("data.pattern: unknown `{other}`{near}; expected blobs or stripes")));
        }
    };
    Ok(Parts::new(name, origin, shape.clone(), names, Samples { x, y, ..Samples::default() }))
}

fn check(config: &DataConfig, samples: usize, classes: usize, shape: &[usize], noise: f64) -> Result<()> {
    let values = shape.iter().try_fold(samples, |product, &dim| product.checked_mul(dim));
    if shape.is_empty() || values.is_none_or(|values| values == 0 || values > MOST_VALUES) {
        return Err(Error::input(format!(
            "data.shape, data.samples: {samples} records of {shape:?}; expected 1 to {MOST_VALUES} values in all"
        )));
    }
    let least = if config.target_kind() == TargetKind::Class { 2 } else { 1 };
    if classes < least || classes > samples.min(MOST_CLASSES) {
        return Err(Error::input(format!(
            "data.classes: {classes}; expected {least} to data.samples ({samples}), and at most {MOST_CLASSES}"
        )));
    }
    if !(noise.is_finite() && noise >= 0.0) {
        return Err(Error::input(format!("data.noise: {:?}; expected a finite number ≥ 0", config.noise)));
    }
    Ok(())
}

/// Features are Gaussian; a target is a projection of them, its sine, and `noise`; of labels, whether that is positive.
fn waves(kind: TargetKind, samples: usize, (targets, width): (usize, usize), noise: f64, rng: &mut SplitMix64) -> Raw {
    let across = 1.0 / (width as f64).sqrt();
    let ways: Vec<f64> = (0..targets * width).map(|_| across * rng.normal()).collect();
    let (mut x, mut all) = (Vec::with_capacity(samples * width), Vec::with_capacity(samples * targets));
    for _ in 0..samples {
        let record: Vec<f64> = (0..width).map(|_| rng.normal()).collect();
        for way in ways.chunks(width) {
            let along: f64 = way.iter().zip(&record).map(|(a, b)| a * b).sum();
            let value = along + (2.0 * along).sin() + noise * rng.normal();
            all.push(match kind {
                TargetKind::MultiLabel => f64::from(u8::from(value > 0.0)),
                _ => value,
            });
        }
        x.extend(record.into_iter().map(|value| value as f32));
    }
    Raw { x: Values::Single(x), y: vec![0; samples], targets: all, ..Raw::default() }
}

/// Centres are drawn with standard deviation 2, records around them with `noise`.
fn blobs(y: &[u32], classes: usize, width: usize, noise: f64, rng: &mut SplitMix64) -> Vec<f32> {
    let centres: Vec<f64> = (0..classes * width).map(|_| 2.0 * rng.normal()).collect();
    let mut x = Vec::with_capacity(y.len() * width);
    for &class in y {
        let centre = &centres[class as usize * width..][..width];
        x.extend(centre.iter().map(|centre| (centre + noise * rng.normal()) as f32));
    }
    x
}

/// Bright and dark bands; the class sets direction (4 of them) and period, the record a random shift, so that a
/// classifier must look at structure and not at single pixels.
fn stripes(y: &[u32], [channels, height, width]: [usize; 3], noise: f64, rng: &mut SplitMix64) -> Vec<f32> {
    const DIRECTIONS: [[i64; 2]; 4] = [[1, 0], [0, 1], [1, 1], [1, -1]];
    let mut x = Vec::with_capacity(y.len() * channels * height * width);
    for &class in y {
        let [down, across] = DIRECTIONS[class as usize % 4];
        let period = 4 + 2 * i64::from(class / 4);
        let shift = rng.below(period as usize) as i64;
        for channel in 0..channels as i64 {
            for row in 0..height as i64 {
                for column in 0..width as i64 {
                    let phase = (down * row + across * column + shift + channel).rem_euclid(period);
                    let band = if phase < period / 2 { 1.0 } else { 0.0 };
                    x.push((band + noise * rng.normal()) as f32);
                }
            }
        }
    }
    x
}
