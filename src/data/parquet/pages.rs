//! The pages of a column, before the crate sees them: it takes the sizes in their headers for true and stops with a
//! panic where parts that a page needs are not there.

use std::io::{Read, copy, sink};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use parquet::basic::{Compression, Type};
use parquet::file::metadata::ColumnChunkMetaData;

use super::cells::Column;
use super::thrift::{Reader, Value};

/// What a value of a dictionary is kept in.
const SLOT: u64 = 40;

/// Encodings of values: plain, by a dictionary, runs, differences, and bytes apart.
const READ: [i32; 8] = [PLAIN, PLAIN_DICTIONARY, RLE, 5, 6, 7, RLE_DICTIONARY, 9];

const PLAIN: i32 = 0;
const PLAIN_DICTIONARY: i32 = 2;
const RLE: i32 = 3;
const RLE_DICTIONARY: i32 = 8;

/// The header of a page, by the numbers of its fields.
#[derive(Default)]
struct Header {
    /// 0 data, 1 index, 2 dictionary, 3 data of the second version.
    kind: i32,
    unpacked: i32,
    packed: i32,
    /// Of the structure that `kind` asks for, from 1.
    fields: [Option<i32>; 8],
}

impl Header {
    fn read(bytes: &[u8]) -> Result<(Header, usize), String> {
        let (mut header, mut found) = (Header { kind: -1, unpacked: -1, packed: -1, ..Header::default() }, vec![]);
        let mut reader = Reader::new(bytes);
        reader.structure(&mut vec![], &mut |path, value| match (path, value) {
            ([1], Value::Int(kind)) => header.kind = kind as i32,
            ([2], Value::Int(size)) => header.unpacked = size as i32,
            ([3], Value::Int(size)) => header.packed = size as i32,
            ([outer, field @ 1..=7], Value::Int(value)) => found.push((*outer, *field as usize, value as i32)),
            _ => {}
        })?;
        let own = match header.kind {
            0 => 5,
            2 => 7,
            3 => 8,
            _ => 6,
        };
        found.iter().filter(|(outer, ..)| *outer == own).for_each(|&(_, field, value)| {
            header.fields[field] = Some(value);
        });
        Ok((header, reader.at))
    }

    fn field(&self, field: usize) -> Result<i32, String> {
        self.fields[field].ok_or_else(|| "the header of a page is not whole".to_owned())
    }

    /// Bytes at its beginning that are never packed; nothing where none of them are.
    fn bare(&self) -> Option<usize> {
        match (self.kind, self.fields[5], self.fields[7]) {
            (3, _, Some(0)) => None,
            (3, Some(levels), _) => usize::try_from(levels).ok(),
            _ => Some(0),
        }
    }

    /// A field that is a number of values or bytes.
    fn count(&self, field: usize) -> Result<u64, String> {
        u64::try_from(self.field(field)?).map_err(|_| "a page has less than no values".to_owned())
    }
}

/// Bytes that reading a column of a row group will hold at once: its largest page and its dictionary.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(file: &Bytes, chunk: &ColumnChunkMetaData, column: &Column, rows: u64) -> Result<u64, String> {
    let codec = chunk.compression();
    if !matches!(codec, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_)) {
        return Err(format!("is packed by {codec}; expected snappy, gzip, zstd or none"));
    }
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let place = usize::try_from(start).ok().zip(usize::try_from(chunk.compressed_size()).ok());
    let end = place.and_then(|(start, length)| start.checked_add(length));
    let Some(mut rest) = place.zip(end).and_then(|((start, _), end)| file.get(start..end)) else {
        return Err(format!("should begin at offset {start}, with more bytes than the file has"));
    };
    let (mut values, mut largest, mut dictionary) = (0u64, 0u64, None);
    while !rest.is_empty() {
        let (header, length) = Header::read(rest).map_err(|why| format!("the header of a page {why}"))?;
        rest = &rest[length..];
        let (Ok(packed), Ok(unpacked)) = (usize::try_from(header.packed), u64::try_from(header.unpacked)) else {
            return Err("the header of a page is not whole".to_owned());
        };
        let page = rest.get(..packed).ok_or_else(|| format!("truncated: a page should take {packed} bytes"))?;
        rest = &rest[packed..];
        match header.kind {
            0 | 3 => values += data(&header, column, dictionary.is_some(), packed as u64)?,
            1 => continue,
            2 if dictionary.is_some() || values > 0 => return Err("has a second dictionary".to_owned()),
            2 => dictionary = Some(entries(&header, column, unpacked)? * SLOT + unpacked),
            kind => return Err(format!("has a page of the unknown kind {kind}")),
        }
        // The other codecs stop at the size that is said.
        if let (Compression::GZIP(_), Some(bare)) = (codec, header.bare()) {
            let bytes = copy(&mut MultiGzDecoder::new(&page[bare..]).take(unpacked + 1), &mut sink());
            if unpacked > bare as u64 && !bytes.is_ok_and(|bytes| bytes == unpacked - bare as u64) {
                return Err("a page does not unpack to the size that it says".to_owned());
            }
        }
        largest = largest.max(unpacked.max(packed as u64));
    }
    match values == rows {
        true => Ok(largest + dictionary.unwrap_or(0)),
        false => Err(format!("has {values} values, and its row group says {rows} rows")),
    }
}

/// Values of a page of data, nulls among them.
fn data(header: &Header, column: &Column, dictionary: bool, packed: u64) -> Result<u64, String> {
    let values = header.count(1)?;
    let encoding = header.field(if header.kind == 0 { 2 } else { 4 })?;
    if matches!(encoding, PLAIN_DICTIONARY | RLE_DICTIONARY) && !dictionary {
        return Err("has no dictionary, and a page needs it".to_owned());
    }
    if !READ.contains(&encoding) {
        return Err(format!("has a page of the encoding {encoding}; expected one of {READ:?}"));
    }
    if header.kind == 0 {
        let levels = header.field(3)?;
        if column.optional() && levels != RLE {
            return Err("keeps its nulls in an old form (BIT_PACKED); write the file anew".to_owned());
        }
        return Ok(values);
    }
    let (nulls, defined, repeated) = (header.count(2)?, header.count(5)?, header.count(6)?);
    let fits = nulls <= values && repeated == 0 && defined <= packed.min(header.unpacked as u64);
    match fits {
        true => Ok(values),
        false => Err("a page has more nulls than values, or than bytes".to_owned()),
    }
}

/// Values of a dictionary.
fn entries(header: &Header, column: &Column, unpacked: u64) -> Result<u64, String> {
    let (values, encoding) = (header.count(1)?, header.field(2)?);
    let smallest = match column.descriptor.physical_type() {
        Type::BOOLEAN => return Err("has a dictionary of booleans".to_owned()),
        Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        Type::FIXED_LEN_BYTE_ARRAY => u64::try_from(column.descriptor.type_length()).unwrap_or(0).max(1),
    };
    match matches!(encoding, PLAIN | PLAIN_DICTIONARY) && values.saturating_mul(smallest) <= unpacked {
        true => Ok(values),
        false => Err(format!("its dictionary of {values} values does not fit into its page")),
    }
}
