//! Event files for TensorBoard: training and forgetting as curves, the figures of each row beside them.
//!
//! A file is records of a length, its checksum, an `Event` and its checksum
//! (<https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h>); the message is that
//! of `tensorflow/core/util/event.proto`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::page::Page;
use crate::base::{seconds_of, write_atomic};
use crate::error::{Error, Result};
use crate::run::curve::CurvePoint;
use crate::run::export::Message;
use crate::run::results::{Row, by_experiment};

/// What the first event of a file says of the format.
const VERSION: &str = "brain.Event:2";

/// A number at a step, under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// `train/loss`.
    pub tag: String,
    /// Of the training, or of the forgetting.
    pub step: i64,
    /// As TensorBoard holds it.
    pub value: f32,
}

/// Writes a folder for each row of each experiment under `dir`; returns how many.
///
/// # Errors
/// `Io`.
pub fn write_events(dir: &Path, page: &Page) -> Result<usize> {
    let runs = runs(page);
    for (folder, (seconds, scalars)) in &runs {
        let folder = dir.join(folder);
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        // TensorBoard takes every file whose name has `tfevents` in it.
        write_atomic(&folder.join(format!("events.out.tfevents.{seconds}.unlearn")), &file(*seconds, scalars))?;
    }
    Ok(runs.len())
}

/// Folder → when it was made, in seconds since 1970, and its scalars.
fn runs(page: &Page) -> BTreeMap<String, (u64, Vec<Scalar>)> {
    let mut all: BTreeMap<String, (u64, Vec<Scalar>)> = BTreeMap::new();
    let groups = by_experiment(page.rows);
    for (name, rows) in &groups {
        let curve = page.curves.iter().find(|curve| curve.label == **name);
        for row in rows {
            let phase = curve.and_then(|curve| curve.forgetting.iter().find(|phase| phase.method == row.method));
            let points = phase.map_or(&[][..], |phase| &phase.points);
            let seconds = row.provenance.as_ref().and_then(|from| seconds_of(&from.made_at)).unwrap_or(0);
            let mut scalars: Vec<Scalar> = points.iter().flat_map(|point| of_point("forget", point)).collect();
            scalars.extend(of_row(row, points.last().map_or(0, step)));
            let folder = (1..)
                .map(|n| if n == 1 { row.label().to_owned() } else { format!("{} {n}", row.label()) })
                .map(|label| format!("{}/{}", part(name), part(&label)))
                .find(|folder| !all.contains_key(folder));
            all.extend(folder.map(|folder| (folder, (seconds, scalars))));
        }
    }
    for curve in page.curves {
        let mut scalars: Vec<Scalar> = Vec::new();
        for point in &curve.points {
            scalars.extend(of_point("train", point));
            let validation =
                point.validation.map(|v| CurvePoint { loss: Some(v.loss), accuracy: v.accuracy, ..*point });
            let validation = validation.map(|point| CurvePoint { lr: None, ..point });
            scalars.extend(validation.iter().flat_map(|point| of_point("validation", point)));
        }
        if !scalars.is_empty() {
            all.entry(format!("{}/training", part(&curve.label))).or_default().1.extend(scalars);
        }
        // What belongs to a row stands in the row's folder.
        if groups.iter().all(|(name, _)| *name != curve.label) {
            let forgot = curve.forgetting.iter().flat_map(|phase| &phase.points).flat_map(|p| of_point("forget", p));
            let forgot: Vec<Scalar> = forgot.collect();
            if !forgot.is_empty() {
                all.entry(format!("{}/forgetting", part(&curve.label))).or_default().1.extend(forgot);
            }
        }
    }
    all
}

fn step(point: &CurvePoint) -> i64 {
    point.step.or(point.epoch).unwrap_or(0.0) as i64
}

fn of_point(what: &str, point: &CurvePoint) -> Vec<Scalar> {
    let of = |(name, value): (&str, Option<f64>)| {
        let value = value.filter(|value| value.is_finite())? as f32;
        Some(Scalar { tag: format!("{what}/{name}"), step: step(point), value })
    };
    [("loss", point.loss), ("accuracy", point.accuracy), ("lr", point.lr)].into_iter().filter_map(of).collect()
}

/// The figures of a row, at the last step of its forgetting.
fn of_row(row: &Row, step: i64) -> Vec<Scalar> {
    let times = [
        ("times/method_s", row.times.method_s),
        ("times/precompute_s", row.times.precompute_s),
        ("times/retrain_s", row.times.retrain_s),
    ];
    let times = times.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let metrics = row.metrics.iter().map(|(key, value)| (format!("metrics/{key}"), value));
    times.chain(metrics).map(|(tag, value)| Scalar { tag, step, value: value as f32 }).collect()
}

/// One part of a path from any text.
fn part(text: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || " _-.()".contains(c) { c } else { '_' };
    let name: String = text.chars().take(80).map(kept).collect();
    let name = name.trim_matches(['.', ' ']).to_owned();
    if name.is_empty() { "_".into() } else { name }
}

/// A whole file.
pub fn file(seconds: u64, scalars: &[Scalar]) -> Vec<u8> {
    // A 0 is not written: it is what a reader takes where nothing stands.
    let event = || if seconds == 0 { Message::default() } else { Message::default().double(1, seconds as f64) };
    let mut out = record(&event().text(3, VERSION).finish());
    for Scalar { tag, step, value } in scalars {
        let value = Message::default().text(1, tag).float(2, *value);
        let summary = Message::default().message(1, &value);
        let event = if *step == 0 { event() } else { event().int(2, *step) };
        out.extend(record(&event.message(5, &summary).finish()));
    }
    out
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), data, &masked(data).to_le_bytes()].concat()
}

/// The checksum as records have it: turned and moved, since one over data that hold checksums is weak.
pub fn masked(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4), a bit at a time: these files are small.
fn crc32c(data: &[u8]) -> u32 {
    let turn = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !data.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| turn(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // RFC 3720, B.4: 32 bytes of 0, of ones, and rising; and the check value of the catalogue of CRCs.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_name_stays_one_part_of_a_path() {
        assert_eq!([part("../a/b"), part(".."), part("original (do nothing)")], ["_a_b", "_", "original (do nothing)"]);
    }
}
