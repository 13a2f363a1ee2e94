//! Small files in every format the loaders read.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use npyz::WriterBuilder;
use npyz::npz::NpzWriter;
use tempfile::TempDir;
use unlearn::data::{Dataset, load};

/// Loads the `[data]` table written in `text`.
pub fn try_load(text: &str, dir: &Path) -> unlearn::Result<Dataset> {
    load(&toml::from_str(text).expect("the test's TOML"), dir)
}

pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub fn put(dir: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(dir.join(name), bytes).expect("a test file");
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(vec![], Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// An IDX file of bytes.
pub fn idx(dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 8, dims.len() as u8];
    dims.iter().for_each(|dim| out.extend(dim.to_be_bytes()));
    out.extend(values);
    out
}

pub type Archive = NpzWriter<BufWriter<File>>;
/// Adds one array to an open archive.
pub type Member<'a> = &'a dyn Fn(&mut Archive);

pub fn npz(dir: &Path, name: &str, members: &[Member]) {
    let mut archive = NpzWriter::create(dir.join(name)).unwrap();
    members.iter().for_each(|member| member(&mut archive));
}

/// Adds one array.
pub fn array<T: npyz::AutoSerialize + Copy>(
    name: &'static str,
    shape: &'static [u64],
    values: Vec<T>,
) -> impl Fn(&mut Archive) {
    move |archive| {
        let mut writer =
            archive.array(name, Default::default()).unwrap().default_dtype().shape(shape).begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
    }
}

/// Adds an array of fixed-width unicode, seven characters wide.
pub fn texts(name: &'static str, values: &'static [&'static str]) -> impl Fn(&mut Archive) {
    move |archive| {
        let header = format!("{{'descr': '<U7', 'fortran_order': False, 'shape': ({},), }}\n", values.len());
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        for value in values {
            let codes = value.chars().map(u32::from).chain(std::iter::repeat(0)).take(7);
            codes.for_each(|code| bytes.extend(code.to_le_bytes()));
        }
        archive.zip_writer().start_file(format!("{name}.npy"), Default::default()).unwrap();
        archive.zip_writer().write_all(&bytes).unwrap();
    }
}
