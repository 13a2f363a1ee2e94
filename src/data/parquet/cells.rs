//! Values as texts: as pandas writes the same column to a CSV, so that a table is the same whichever file it is in.

use std::fmt::Write;

use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};

use crate::data::numbers::half;

/// A column that can be read.
pub(super) struct Column {
    pub descriptor: ColumnDescPtr,
    /// Among those that have values of their own.
    pub leaf: usize,
    /// Among those of the table.
    pub place: usize,
    form: Form,
}

/// What its values are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Bool,
    Signed,
    Unsigned,
    Float,
    Half,
    Text,
    /// Whole numbers, so many digits of which are behind the point.
    Decimal(usize),
    /// Days since 1970.
    Date,
    Uuid,
}

/// Digits that a decimal of 128 bits has.
const MOST_DIGITS: i32 = 38;

impl Column {
    /// # Errors
    /// What is in it, where that is no cell of a table.
    pub fn of(descriptor: &ColumnDescPtr, leaf: usize, place: usize) -> Result<Column, String> {
        if descriptor.path().parts().len() > 1 || descriptor.max_rep_level() > 0 {
            return Err("is nested (a list, a map or a structure); expected one value a row".to_owned());
        }
        Ok(Column { descriptor: descriptor.clone(), leaf, place, form: form(descriptor)? })
    }

    /// Whether it has nulls.
    pub fn optional(&self) -> bool {
        self.descriptor.max_def_level() > 0
    }
}

fn form(column: &ColumnDescriptor) -> Result<Form, String> {
    use LogicalType as L;
    let holds = |what: &str| Err(format!("holds {what}, which are no cells of a table"));
    let logical = column.logical_type_ref();
    let converted = column.converted_type();
    let decimal = |scale: i32, precision: i32| match (usize::try_from(scale), precision) {
        (Ok(scale), 1..=MOST_DIGITS) if scale <= precision as usize => Ok(Form::Decimal(scale)),
        _ => Err(format!("holds decimals of {precision} digits; expected at most {MOST_DIGITS}")),
    };
    match (column.physical_type(), logical, converted) {
        (_, Some(L::Decimal(of)), _) => decimal(of.scale, of.precision),
        (_, _, ConvertedType::DECIMAL) => decimal(column.type_scale(), column.type_precision()),
        (_, Some(L::Timestamp(_) | L::Time(_)), _) => holds("times"),
        (_, _, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => holds("times"),
        (_, _, ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS) => holds("times"),
        (Type::INT96, ..) => holds("times"),
        (Type::BOOLEAN, ..) => Ok(Form::Bool),
        (Type::FLOAT | Type::DOUBLE, ..) => Ok(Form::Float),
        (Type::INT32, Some(L::Date), _) | (Type::INT32, _, ConvertedType::DATE) => Ok(Form::Date),
        (Type::INT32 | Type::INT64, Some(L::Integer(of)), _) if !of.is_signed => Ok(Form::Unsigned),
        (Type::INT32 | Type::INT64, _, ConvertedType::UINT_8 | ConvertedType::UINT_16) => Ok(Form::Unsigned),
        (Type::INT32 | Type::INT64, _, ConvertedType::UINT_32 | ConvertedType::UINT_64) => Ok(Form::Unsigned),
        (Type::INT32 | Type::INT64, ..) => Ok(Form::Signed),
        (Type::BYTE_ARRAY, Some(L::String | L::Enum | L::Json), _) => Ok(Form::Text),
        (Type::BYTE_ARRAY, _, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON) => Ok(Form::Text),
        (Type::FIXED_LEN_BYTE_ARRAY, Some(L::Uuid), _) if column.type_length() == 16 => Ok(Form::Uuid),
        (Type::FIXED_LEN_BYTE_ARRAY, Some(L::Float16), _) if column.type_length() == 2 => Ok(Form::Half),
        (Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY, ..) => holds("bytes"),
    }
}

/// Cells of some rows of a column. A null is an empty one.
#[derive(Default)]
pub(super) struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    pub fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[start..self.ends[row]]
    }

    /// The next `rows` of them, in the place of what was there.
    pub fn read(&mut self, column: &Column, reader: &mut ColumnReader, rows: usize) -> Result<(), String> {
        self.text.clear();
        self.ends.clear();
        let form = column.form;
        match reader {
            ColumnReader::BoolColumnReader(reader) => self.fill(column, reader, rows, |value, out| {
                out.push_str(if *value { "True" } else { "False" });
                Ok(())
            }),
            ColumnReader::Int32ColumnReader(reader) => self.fill(column, reader, rows, |value, out| match form {
                Form::Unsigned => whole(i128::from(*value as u32), 0, out),
                Form::Date => date(*value, out),
                _ => whole(i128::from(*value), form.scale(), out),
            }),
            ColumnReader::Int64ColumnReader(reader) => self.fill(column, reader, rows, |value, out| match form {
                Form::Unsigned => whole(i128::from(*value as u64), 0, out),
                _ => whole(i128::from(*value), form.scale(), out),
            }),
            ColumnReader::FloatColumnReader(reader) => {
                self.fill(column, reader, rows, |value, out| float(format!("{value:e}"), value.is_nan(), out))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                self.fill(column, reader, rows, |value, out| float(format!("{value:e}"), value.is_nan(), out))
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                self.fill(column, reader, rows, |value, out| bytes(form, value.data(), out))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                self.fill(column, reader, rows, |value, out| bytes(form, value.data(), out))
            }
            ColumnReader::Int96ColumnReader(_) => Err("holds times".to_owned()),
        }
    }

    fn fill<T: DataType>(
        &mut self,
        column: &Column,
        reader: &mut ColumnReaderImpl<T>,
        rows: usize,
        write: impl Fn(&T::T, &mut String) -> Result<(), String>,
    ) -> Result<(), String> {
        let (mut levels, mut values) = (vec![], vec![]);
        let defined = column.optional().then_some(&mut levels);
        let (read, ..) = reader.read_records(rows, defined, None, &mut values).map_err(|e| e.to_string())?;
        if read != rows {
            return Err(format!("truncated: {rows} more values should follow, and there are {read}"));
        }
        let mut values = values.iter();
        for row in 0..rows {
            if levels.get(row).is_none_or(|level| *level == column.descriptor.max_def_level()) {
                let value = values.next().ok_or("has less values than it says")?;
                write(value, &mut self.text)?;
            }
            self.ends.push(self.text.len());
        }
        Ok(())
    }
}

impl Form {
    fn scale(self) -> usize {
        if let Form::Decimal(scale) = self { scale } else { 0 }
    }
}

/// A whole number, the last `scale` digits behind a point.
fn whole(value: i128, scale: usize, out: &mut String) -> Result<(), String> {
    let digits = format!("{:0>1$}", value.unsigned_abs(), scale + 1);
    let (before, behind) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    write!(out, "{sign}{before}{point}{behind}").map_err(|e| e.to_string())
}

/// A float by its shortest digits, from a text such as `1.5e-7`, as Python writes it: with an exponent below 1e-4 and
/// from 1e16 on. What is not a number is missing.
fn float(text: String, missing: bool, out: &mut String) -> Result<(), String> {
    let Some((mantissa, exponent)) = text.split_once('e') else {
        out.push_str(if missing { "" } else { &text });
        return Ok(());
    };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let power: i32 = exponent.parse().map_err(|_| "is no float")?;
    let digits = mantissa.replace('.', "");
    let written = match power {
        -4..0 => write!(out, "{sign}0.{}{digits}", "0".repeat((-power - 1) as usize)),
        0..16 => {
            let padded = format!("{digits:0<0$}", power as usize + 2);
            let (before, behind) = padded.split_at(power as usize + 1);
            write!(out, "{sign}{before}.{behind}")
        }
        _ => write!(out, "{sign}{mantissa}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs()),
    };
    written.map_err(|e| e.to_string())
}

/// Days since 1970 as year, month and day (H. Hinnant: chrono-compatible low-level date algorithms, 2013).
fn date(days: i32, out: &mut String) -> Result<(), String> {
    let days = i64::from(days) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = 400 * era + year + i64::from(month <= 2);
    write!(out, "{year:04}-{month:02}-{day:02}").map_err(|e| e.to_string())
}

fn bytes(form: Form, bytes: &[u8], out: &mut String) -> Result<(), String> {
    match (form, bytes) {
        (Form::Decimal(scale), [first, ..]) if bytes.len() <= 16 => {
            let fill = if *first >= 0x80 { -1 } else { 0 };
            whole(bytes.iter().fold(fill, |value: i128, byte| value << 8 | i128::from(*byte)), scale, out)
        }
        (Form::Decimal(_), _) => Err(format!("holds a decimal of {} bytes; expected 1 to 16", bytes.len())),
        (Form::Half, &[low, high]) => {
            let value = half(u16::from_le_bytes([low, high]));
            float(format!("{value:e}"), value.is_nan(), out)
        }
        (Form::Uuid, _) => {
            let hex = bytes.iter().enumerate().try_for_each(|(at, byte)| {
                write!(out, "{}{byte:02x}", if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" })
            });
            hex.map_err(|e| e.to_string())
        }
        _ => {
            let text = std::str::from_utf8(bytes).map_err(|_| "holds a text that is not UTF-8")?;
            out.push_str(text.trim());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_those_of_python() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (5.0, "5.0"),
            (-12.25, "-12.25"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (123_456.0, "123456.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (-1.7976931348623157e308, "-1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::NAN, ""),
            (f64::INFINITY, "inf"),
        ];
        for (value, text) in cases {
            let mut out = String::new();
            float(format!("{value:e}"), value.is_nan(), &mut out).unwrap();
            assert_eq!(out, text);
            assert!(value.is_nan() || out.parse() == Ok(value));
        }
        let mut out = String::new();
        float(format!("{:e}", 0.1f32), false, &mut out).unwrap();
        assert_eq!(out, "0.1");
    }

    #[test]
    fn decimals_dates_and_names_are_written_out() {
        let text = |write: &dyn Fn(&mut String) -> Result<(), String>| {
            let mut out = String::new();
            write(&mut out).map(|()| out)
        };
        for (value, scale, written) in [(1250, 2, "12.50"), (-5, 2, "-0.05"), (7, 0, "7"), (0, 3, "0.000")] {
            assert_eq!(text(&|out| whole(value, scale, out)).unwrap(), written);
        }
        for (days, written) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (19_782, "2024-02-29"),
            (11_016, "2000-02-29"),
            (20_454, "2026-01-01"),
        ] {
            assert_eq!(text(&|out| date(days, out)).unwrap(), written);
        }
        [i32::MIN, i32::MAX].iter().for_each(|days| drop(text(&|out| date(*days, out)).unwrap()));
        assert_eq!(text(&|out| bytes(Form::Decimal(1), &[0xff, 0x38], out)).unwrap(), "-20.0");
        assert!(text(&|out| bytes(Form::Decimal(1), &[], out)).is_err());
        let id: Vec<u8> = (0..16).collect();
        let written = "00010203-0405-0607-0809-0a0b0c0d0e0f";
        assert_eq!(text(&|out| bytes(Form::Uuid, &id, out)).unwrap(), written);
        assert_eq!(text(&|out| bytes(Form::Half, &[0x55, 0x35], out)).unwrap(), "0.333251953125");
    }
}
