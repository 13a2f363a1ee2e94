//! Numbers in NumPy's types, from their bytes.

/// What is read, for messages.
pub(crate) const READ: &str = "whole numbers or floats of 16, 32 or 64 bits";

/// The numbers of a type, its kind and size as in `f4`; nothing for a type that is not read.
pub(crate) fn each((kind, size): (char, usize), big: bool, bytes: &[u8]) -> Option<Box<dyn Iterator<Item = f64> + '_>> {
    Some(match (kind, size) {
        ('b', 1) => of(bytes, big, |[byte]| f64::from(u8::from(byte != 0))),
        ('u', 1) => of(bytes, big, |[byte]| f64::from(byte)),
        ('u', 2) => of(bytes, big, |bytes| f64::from(u16::from_le_bytes(bytes))),
        ('u', 4) => of(bytes, big, |bytes| f64::from(u32::from_le_bytes(bytes))),
        ('u', 8) => of(bytes, big, |bytes| u64::from_le_bytes(bytes) as f64),
        ('i', 1) => of(bytes, big, |bytes| f64::from(i8::from_le_bytes(bytes))),
        ('i', 2) => of(bytes, big, |bytes| f64::from(i16::from_le_bytes(bytes))),
        ('i', 4) => of(bytes, big, |bytes| f64::from(i32::from_le_bytes(bytes))),
        ('i', 8) => of(bytes, big, |bytes| i64::from_le_bytes(bytes) as f64),
        ('f', 2) => of(bytes, big, |bytes| half(u16::from_le_bytes(bytes))),
        ('f', 4) => of(bytes, big, |bytes| f64::from(f32::from_le_bytes(bytes))),
        ('f', 8) => of(bytes, big, f64::from_le_bytes),
        _ => return None,
    })
}

/// Values of `N` bytes through `decode`, which gets them in little-endian order.
fn of<const N: usize>(bytes: &[u8], big: bool, decode: fn([u8; N]) -> f64) -> Box<dyn Iterator<Item = f64> + '_> {
    let value = move |&(mut bytes): &[u8; N]| {
        if big {
            bytes.reverse();
        }
        decode(bytes)
    };
    Box::new(bytes.as_chunks().0.iter().map(value))
}

/// Elements of `stride` bytes whose first axis runs fastest (Fortran's order), with the last axis fastest (C's);
/// nothing where both are the same.
pub(crate) fn c_order(bytes: &[u8], shape: &[usize], stride: usize) -> Option<Vec<u8>> {
    if bytes.is_empty() || stride == 0 || shape.iter().filter(|&&dim| dim != 1).count() < 2 {
        return None;
    }
    let mut steps = vec![stride];
    shape.iter().for_each(|dim| steps.push(steps[steps.len() - 1] * dim));
    let (mut at, mut place) = (0, vec![0; shape.len()]);
    let mut out = Vec::with_capacity(bytes.len());
    while out.len() < bytes.len() {
        out.extend_from_slice(&bytes[at..at + stride]);
        for axis in (0..shape.len()).rev() {
            (place[axis], at) = (place[axis] + 1, at + steps[axis]);
            if place[axis] < shape[axis] {
                break;
            }
            (place[axis], at) = (0, at - steps[axis] * shape[axis]);
        }
    }
    Some(out)
}

/// IEEE 754 binary16: a sign, five bits of exponent, ten of fraction.
pub(crate) fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fortran_order_is_turned() {
        // [[0, 1, 2], [3, 4, 5]]
        assert_eq!(c_order(&[0, 3, 1, 4, 2, 5], &[2, 3], 1).unwrap(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(c_order(&[0, 0, 2, 2, 1, 1, 3, 3], &[2, 1, 2], 2).unwrap(), [0, 0, 1, 1, 2, 2, 3, 3]);
        assert_eq!(c_order(&[1, 2, 3], &[3, 1], 1), None);
    }

    #[test]
    fn halves_are_those_of_ieee_754() {
        let cases =
            [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_953_125), (0x7bff, 65504.0), (0x0001, 2f64.powi(-24))];
        cases.iter().for_each(|&(bits, value)| assert_eq!(half(bits), value));
        assert!(half(0x7e00).is_nan() && half(0xfc00) == f64::NEG_INFINITY && half(0x8000).is_sign_negative());
    }
}
