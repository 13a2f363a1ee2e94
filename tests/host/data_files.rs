//! Small files in every format the loaders read.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use rawzip::{CompressionMethod, ZipArchiveWriter};
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
    idx_of(8, dims, values)
}

/// An IDX file of another type.
pub fn idx_of(element: u8, dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, element, dims.len() as u8];
    dims.iter().for_each(|dim| out.extend(dim.to_be_bytes()));
    out.extend(values);
    out
}

/// A NumPy archive that is being written.
pub struct Archive(ZipArchiveWriter<File>);

impl Archive {
    pub fn create(path: &Path) -> Archive {
        Archive(ZipArchiveWriter::new(File::create(path).unwrap()))
    }

    /// Adds `bytes` as the file of the array `name`, whatever they are.
    pub fn add(&mut self, name: &str, bytes: &[u8], method: CompressionMethod) {
        let name = format!("{name}.npy");
        let (mut entry, config) = self.0.new_file(&name).compression_method(method).start().unwrap();
        let pack: Box<dyn Write> = match method {
            CompressionMethod::DEFLATE => Box::new(DeflateEncoder::new(&mut entry, Compression::fast())),
            _ => Box::new(&mut entry),
        };
        let mut writer = config.wrap(pack);
        writer.write_all(bytes).unwrap();
        let (pack, descriptor) = writer.finish().unwrap();
        drop(pack);
        entry.finish(descriptor).unwrap();
    }

    pub fn finish(self) {
        self.0.finish().unwrap();
    }
}

/// Adds one array to an open archive.
pub type Member<'a> = &'a dyn Fn(&mut Archive);

pub fn npz(dir: &Path, name: &str, members: &[Member]) {
    let mut archive = Archive::create(&dir.join(name));
    members.iter().for_each(|member| member(&mut archive));
    archive.finish();
}

/// A file of version 1 with `header`, whatever it says, and `data`.
pub fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// The header that NumPy writes for `shape`, such as `2, 3` or `2,`; without its padding.
pub fn header(dtype: &str, order: &str, shape: &str) -> String {
    format!("{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': ({shape}), }}\n")
}

/// Types that NumPy has too, under its name for them.
pub trait Stored: bytemuck::NoUninit {
    const DTYPE: &str;
}

impl Stored for bool {
    const DTYPE: &str = "|b1";
}
impl Stored for i8 {
    const DTYPE: &str = "|i1";
}
impl Stored for i32 {
    const DTYPE: &str = "<i4";
}
impl Stored for i64 {
    const DTYPE: &str = "<i8";
}
impl Stored for u8 {
    const DTYPE: &str = "|u1";
}
impl Stored for u16 {
    const DTYPE: &str = "<u2";
}
impl Stored for u64 {
    const DTYPE: &str = "<u8";
}
impl Stored for f32 {
    const DTYPE: &str = "<f4";
}
impl Stored for f64 {
    const DTYPE: &str = "<f8";
}

/// Adds one array, deflated.
pub fn array<T: Stored>(name: &'static str, shape: &'static [u64], values: Vec<T>) -> impl Fn(&mut Archive) {
    move |archive| {
        let dims: String = shape.iter().map(|dim| format!("{dim},")).collect();
        let bytes = npy(&header(T::DTYPE, "False", &dims), bytemuck::cast_slice(&values));
        archive.add(name, &bytes, CompressionMethod::DEFLATE);
    }
}

/// Adds an array of fixed-width unicode, seven characters wide.
pub fn texts(name: &'static str, values: &'static [&'static str]) -> impl Fn(&mut Archive) {
    move |archive| {
        let padded = |value: &&'static str| value.chars().map(u32::from).chain(std::iter::repeat(0)).take(7);
        let codes: Vec<u32> = values.iter().flat_map(padded).collect();
        let bytes = npy(&header("<U7", "False", &format!("{},", values.len())), bytemuck::cast_slice(&codes));
        archive.add(name, &bytes, CompressionMethod::STORE);
    }
}
