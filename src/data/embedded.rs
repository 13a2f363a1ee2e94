//! Reading the tables that are compiled in.

use super::parts::Raw;
use super::values::Values;
use crate::error::{Error, Result};

/// Lines of `width` numbers and a class, separated by commas.
pub(crate) fn parse<'a>(lines: impl Iterator<Item = &'a str>, width: usize) -> Result<Raw> {
    let (mut x, mut y) = (vec![], vec![]);
    for (at, line) in lines.enumerate() {
        let broken = || Error::internal(format!("record {at} of an embedded table is broken"));
        let values = line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>().map_err(|_| broken())?;
        let (class, features) = values.split_last().filter(|(_, rest)| rest.len() == width).ok_or_else(broken)?;
        x.extend_from_slice(features);
        y.push(*class as u32);
    }
    Ok(Raw { x: Values::Double(x), y, ..Raw::default() })
}

#[cfg(test)]
mod tests {
    use crate::data::{DataConfig, Normalize, Scaling, load};
    use std::path::Path;

    fn counts(y: &[u32], classes: usize) -> Vec<usize> {
        (0..classes).map(|class| y.iter().filter(|&&y| y as usize == class).count()).collect()
    }

    #[test]
    fn digits_are_1797_between_0_and_1() {
        let digits = load(&DataConfig::new("digits"), Path::new(".")).unwrap();
        assert_eq!((digits.train.len() + digits.test.len(), digits.validation.len()), (1797, 0));
        // A quarter, each record drawn by itself.
        assert!((400..500).contains(&digits.test.len()), "{}", digits.test.len());
        let both: Vec<usize> =
            counts(&digits.train.y, 10).iter().zip(counts(&digits.test.y, 10)).map(|(a, b)| a + b).collect();
        assert_eq!(both, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(digits.shape, [1, 8, 8]);
        assert_eq!(digits.train.x.iter().copied().fold(0.0, f32::max), 1.0);
        assert_eq!(digits.normalization.scale, [16.0]);
    }

    #[test]
    fn breast_cancer_is_standardised_by_its_training_part() {
        let table = load(&DataConfig::new("breast_cancer"), Path::new(".")).unwrap();
        let n = table.train.len();
        assert_eq!((n + table.test.len(), table.classes), (569, 2));
        let both: Vec<usize> =
            counts(&table.train.y, 2).iter().zip(counts(&table.test.y, 2)).map(|(a, b)| a + b).collect();
        assert_eq!(both, [212, 357]);
        for feature in 0..30 {
            let column = table.train.x.iter().skip(feature).step_by(30).map(|&v| f64::from(v));
            let mean = column.clone().sum::<f64>() / n as f64;
            let variance = column.map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5, "feature {feature}: {mean}, {variance}");
        }
        let raw = DataConfig { normalize: Some(Scaling::Word(Normalize::None)), ..DataConfig::new("breast_cancer") };
        let raw = load(&raw, Path::new(".")).unwrap();
        assert_eq!(raw.train.y, table.train.y);
        assert!(raw.train.x.contains(&122.8) || raw.test.x.contains(&122.8));
    }
}
