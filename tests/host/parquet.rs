//! Parquet files: one table in every form that pandas, pyarrow and polars give it, columns that are no cells, and files
//! that promise more than they are. `tools/parity/tables.py` wrote the files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use unlearn::data::{ColumnFit, Dataset};

use super::data_bad::refused;
use super::data_files::{folder, gzip, put, try_load};

/// Who wrote the table.
pub const FILES: [&str; 5] = ["snappy", "gzip", "plain", "pandas", "polars"];

pub fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host/parquet")
}

const KEYS: &str =
    "label = 'churn'\nvalidation_fraction = 0.2\nmissing_indicator = true\nschema = { when = 'numeric' }";

fn customers(loader: &str, file: &str, keys: &str) -> Dataset {
    let text = format!("loader = '{loader}'\npath = '{file}'\n{KEYS}\n{keys}");
    try_load(&text, &files()).unwrap_or_else(|e| panic!("{file}: {e}"))
}

#[test]
fn a_table_is_the_same_in_both_formats() {
    for keys in ["", "id = 'customer'", "id = 'customer'\nsubject = 'household'\ndrop = ['since']\nlimit = 20"] {
        let expected = customers("csv", "customers.csv", keys);
        assert!(!expected.test.is_empty() && !expected.validation.is_empty());
        for name in FILES {
            let found = customers("parquet", &format!("{name}.parquet"), keys);
            assert_eq!(found.sha256(), expected.sha256(), "{name} with `{keys}`");
            // Records, ids, columns, normalisation: all but the name, and the notes, which name the file.
            let mut same = found;
            (same.name, same.notes) = (expected.name.clone(), expected.notes.clone());
            assert_eq!(same, expected, "{name} with `{keys}`");
        }
    }
    // A null is missing whatever else is; the test part may have a file of its own.
    let parts = |loader: &str, file: &str, missing: &str| {
        customers(loader, file, &format!("test_path = '{file}'\nmissing = [{missing}]")).sha256()
    };
    assert_eq!(parts("csv", "customers.csv", "'', 'h3'"), parts("parquet", "polars.parquet", "'h3'"));
}

#[test]
fn columns_that_are_no_cells_are_named_and_may_be_dropped() {
    let load =
        |keys: &str| format!("loader = 'parquet'\npath = 'odd.parquet'\nlabel = 'y'\ntest_fraction = 0.0\n{keys}");
    let dir = files();
    refused(&load(""), &dir, &["odd.parquet", "`tags` is nested", "data.drop"]);
    refused(&load("drop = ['tags']"), &dir, &["`place` is nested"]);
    refused(&load("drop = ['tags', 'place']"), &dir, &["`when` holds times"]);
    refused(&load("drop = [1, 2, 3]"), &dir, &["`raw` holds bytes"]);
    refused(&load("drop = ['tgas']"), &dir, &["data.drop", "did you mean `tags`"]);
    let keys = "normalize = 'none'\nschema = { tags = 'drop', place = 'drop', raw = 'drop', when = 'drop' }";
    let data = try_load(&load(keys), &dir).unwrap();
    let columns: Vec<&ColumnFit> = data.columns.iter().collect();
    // What is not a number is missing: the mean of the others stands in for it.
    assert_eq!((columns.len(), data.train.x), (1, vec![0.5, 2.5, 1.5, 2.5, 3.5, 4.5]));
    let keys = "drop = ['tags', 'place', 'raw', 'when']";
    refused(&load(&format!("{keys}\nid = 'when'")), &dir, &["odd.parquet row 0", "`when`", "empty"]);
    refused(&load(&format!("{keys}\ndelimiter = ';'")), &dir, &["data.delimiter", "`parquet` does not read"]);
}

/// A file of one group with the columns `y`, of numbers, and `text`.
fn write(dir: &Path, name: &str, codec: Compression, numbers: &[i32], texts: &[ByteArray]) {
    let schema = parse_message_type("message m { required int32 y; required binary text (STRING); }").unwrap();
    let how = WriterProperties::builder().set_compression(codec).set_data_page_size_limit(1 << 30).build();
    let file = std::fs::File::create(dir.join(name)).unwrap();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(how)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int32Type>().write_batch(numbers, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(texts, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn files_that_unpack_to_too_much_are_refused_before() {
    let dir = folder();
    let load = |file: &str| format!("loader = 'parquet'\npath = '{file}'\nlabel = 'y'\nmax_bytes = 4000000");
    // A value of 40 MB in a page that packs to some kB.
    let long = ByteArray::from(vec![b'a'; 40_000_000]);
    let two = [ByteArray::from("b"), long];
    let codecs = [Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default()), Compression::GZIP(Default::default())];
    for codec in codecs {
        write(dir.path(), "page", codec, &[0, 1], &two);
        refused(&load("page"), dir.path(), &["page", "its pages would take", "data.max_bytes"]);
    }
    // A million rows of one value are some bytes.
    let rows: Vec<i32> = vec![7; 1_000_000];
    write(dir.path(), "runs", Compression::UNCOMPRESSED, &rows, &vec![ByteArray::from("b"); rows.len()]);
    assert!(std::fs::metadata(dir.path().join("runs")).unwrap().len() < 20_000);
    refused(&load("runs"), dir.path(), &["runs", "its rows would take", "data.max_bytes allows 4000000"]);
    // And so is a dictionary of long ones.
    let texts: Vec<ByteArray> = (0..20_000).map(|row| ByteArray::from(vec![b'a' + (row % 2) as u8; 60_000])).collect();
    write(dir.path(), "texts", Compression::UNCOMPRESSED, &vec![1; texts.len()], &texts);
    refused(&load("texts"), dir.path(), &["texts", "its rows would take", "data.max_bytes"]);
}

#[test]
fn broken_files_are_one_sentence() {
    let dir = folder();
    let load = "loader = 'parquet'\npath = 'a'\nlabel = 'churn'";
    let whole = std::fs::read(files().join("snappy.parquet")).unwrap();
    for end in [0, 3, 4, 11, 12, whole.len() / 2, whole.len() - 4, whole.len() - 1] {
        put(dir.path(), "a", &whole[..end]);
        refused(load, dir.path(), &["/a: "]);
    }
    put(dir.path(), "a", &gzip(&whole));
    try_load(load, dir.path()).unwrap();
    put(dir.path(), "a", b"customer,churn\n1,yes\n");
    refused(load, dir.path(), &["not a Parquet file"]);
    put(dir.path(), "a", &[b"PARE", &whole[4..whole.len() - 4], b"PARE"].concat());
    refused(load, dir.path(), &["is encrypted"]);
    let footer = |thrift: &[u8]| [b"PAR1", thrift, &(thrift.len() as u32).to_le_bytes(), b"PAR1"].concat();
    put(dir.path(), "a", &footer(&[0x15, 2]));
    refused(load, dir.path(), &["its footer is broken", "cut off"]);
    // A schema that goes down a million times, and one with a thousand million columns: a list of structures, in each
    // the fields 4, the name, and 5, the number of children.
    let node = |children: &[u8]| [&[0x48, 1, b'a', 0x15], children, &[0]].concat();
    let deep = [&[0x29, 0xfc, 0xc0, 0x84, 0x3d][..], &node(&[2]).repeat(1_000_000), &[0]].concat();
    put(dir.path(), "a", &footer(&deep));
    refused(load, dir.path(), &["the schema is no tree"]);
    let wide = [&[0x29, 0x2c][..], &node(&[0x80, 0xa8, 0xd6, 0xb9, 0x07]), &node(&[0]), &[0]].concat();
    put(dir.path(), "a", &footer(&wide));
    refused(load, dir.path(), &["the schema is no tree"]);
}
