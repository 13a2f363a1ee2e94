//! One picture: its file, decoded, turned as it says, with the channels that are wanted.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader};

use crate::data::limit::Limit;
use crate::data::source::Bytes;
use crate::error::{Error, Result};

/// A record of more values than this is taken for a slip.
const MOST_VALUES: u64 = 1 << 28;

/// Rows of pixels of 8 bits, `[height, width, channels]`.
pub(super) struct Picture {
    pub height: usize,
    pub width: usize,
    pub pixels: Vec<u8>,
}

impl Picture {
    /// Decodes by content, not by ending, and turns the picture as its EXIF orientation says. Of `channels` 1 and 3
    /// are red, green and blue or one of brightness. `resized`: it will become smaller.
    ///
    /// # Errors
    /// Not a picture of a known format, a truncated or corrupt one, or one that is larger than `limit` allows.
    pub fn read(path: &Path, channels: usize, resized: bool, limit: &Limit) -> Result<Picture> {
        let bytes = Bytes::open(path, limit)?.rest()?;
        let fail = |why: String| Error::input(format!("{}: {why}", path.display()));
        let failed =
            |e: image::ImageError| fail(format!("cannot be decoded as a PNG, JPEG, WebP, BMP or TIFF picture: {e}"));
        let jpeg = bytes.starts_with(&[0xff, 0xd8]);
        let end = if jpeg { end(&bytes) } else { None };
        if jpeg && end.is_none() {
            return Err(fail("truncated: the JPEG ends before its end marker; get the whole file again".to_owned()));
        }
        let mut decoder = decoder(&bytes).map_err(failed)?;
        let (width, height) = decoder.dimensions();
        let pixels = u64::from(width) * u64::from(height);
        if !resized && pixels.saturating_mul(channels as u64) > MOST_VALUES {
            return Err(fail(format!(
                "is {height} × {width} pixels (height × width), a record of more than {MOST_VALUES} values; give \
                 data.size = [height, width] to resize"
            )));
        }
        // As decoded, with what a progressive JPEG keeps until its end, and once more as 8-bit pixels.
        let copies = if jpeg { 4 } else { 3 };
        let held = decoder.total_bytes().saturating_mul(copies).saturating_add(pixels.saturating_mul(3));
        limit.room(held, path.display(), "the picture")?;
        let orientation = decoder.orientation().map_err(failed)?;
        let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
        if end.is_some_and(|end| reads_on(&bytes, end, &picture)) {
            return Err(fail(
                "truncated: the data of the JPEG end before its last pixels; get the whole file again".to_owned(),
            ));
        }
        picture.apply_orientation(orientation);
        limit.give_back(bytes.len() as u64);
        let (height, width) = (picture.height() as usize, picture.width() as usize);
        let colours = picture.into_rgb8().into_raw();
        let pixels = if channels == 1 { brightness(&colours) } else { colours };
        Ok(Picture { height, width, pixels })
    }
}

/// ITU-R BT.601 in Pillow's integers: what `convert("L")` makes of a picture.
fn brightness(colours: &[u8]) -> Vec<u8> {
    let one = |&[red, green, blue]: &[u8; 3]| {
        let sum = 19595 * u32::from(red) + 38470 * u32::from(green) + 7471 * u32::from(blue);
        ((sum + 0x8000) >> 16) as u8
    };
    colours.as_chunks().0.iter().map(one).collect()
}

fn decoder(bytes: &[u8]) -> image::ImageResult<impl ImageDecoder + '_> {
    ImageReader::new(Cursor::new(bytes)).with_guessed_format()?.into_decoder()
}

/// Whether decoding goes on behind the data that a JPEG has before its end marker at `end`. Decoders read zeros there
/// and do not say so; with other bytes in their place the picture is another one. (Of a progressive one that lacks
/// whole scans nothing is read on: it is coarser and has every pixel.)
fn reads_on(bytes: &[u8], end: usize, picture: &DynamicImage) -> bool {
    let others: Vec<u8> = (0..64u8).map(|at| at.wrapping_mul(0x3b) ^ 0x55).map(|byte| byte & 0x7f).collect();
    let longer = [&bytes[..end], &others, &bytes[end..]].concat();
    let decoded = decoder(&longer).and_then(DynamicImage::from_decoder);
    decoded.map_or(true, |other| other.as_bytes() != picture.as_bytes())
}

/// Where a JPEG has its end marker: segments are passed over by their lengths, so that the one of a thumbnail inside a
/// segment does not count, and compressed data up to the next marker.
fn end(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    while let Some(&[first, marker]) = bytes.get(at..).and_then(<[u8]>::first_chunk::<2>) {
        at += 1;
        match (first, marker) {
            (0xff, 0xd9) => return Some(at - 1),
            // Fill bytes, escaped ones and restarts, all inside or before compressed data.
            (0xff, 0xff | 0x00 | 0x01 | 0xd0..=0xd8) => {}
            (0xff, _) => match bytes.get(at + 1..).and_then(<[u8]>::first_chunk::<2>) {
                Some(&length) => at += 1 + usize::from(u16::from_be_bytes(length)).max(2),
                None => return None,
            },
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_is_pillows() {
        // PIL.Image.new("RGB", (1, 1), colour).convert("L")
        let cases = [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([10, 200, 30], 124), ([255; 3], 255)];
        cases.iter().for_each(|(colour, grey)| assert_eq!(brightness(colour), [*grey], "{colour:?}"));
    }

    #[test]
    fn the_end_marker_of_a_thumbnail_is_not_the_pictures() {
        let thumbnail = [0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
        let scan = [0xff, 0xda, 0, 2, 7, 0xff, 0, 0xff, 0xd0, 9];
        let whole = [&[0xff, 0xd8][..], &thumbnail, &scan, &[0xff, 0xd9]].concat();
        assert_eq!(end(&whole), Some(whole.len() - 2));
        assert_eq!(end(&[&whole[..], b"behind it"].concat()), Some(whole.len() - 2));
        (0..whole.len()).for_each(|at| assert_eq!(end(&whole[..at]), None, "{at}"));
    }
}
