//! Files as `torch.save` lays them out, opcode by opcode.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};

/// One file of an archive: its name, its bytes, and whether it is packed.
pub type Member<'a> = (&'a str, &'a [u8], bool);

pub fn zip(path: &Path, members: &[Member]) {
    let mut zip = ZipArchiveWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes, packed) in members {
        let method = if *packed { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
        let (mut entry, config) = zip.new_file(*name).compression_method(method).start().unwrap();
        let pack: Box<dyn Write> = match packed {
            true => Box::new(DeflateEncoder::new(&mut entry, Compression::best())),
            false => Box::new(&mut entry),
        };
        let mut writer = config.wrap(pack);
        writer.write_all(bytes).unwrap();
        let (pack, descriptor) = writer.finish().unwrap();
        drop(pack);
        entry.finish(descriptor).unwrap();
    }
    zip.finish().unwrap();
}

pub fn text(text: &str) -> Vec<u8> {
    [&[b'X'][..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

fn int(value: i64) -> Vec<u8> {
    [&[0x8a, 8][..], &value.to_le_bytes()].concat()
}

fn tuple(items: &[i64]) -> Vec<u8> {
    [&[b'('][..], &items.iter().flat_map(|item| int(*item)).collect::<Vec<u8>>(), b"t"].concat()
}

/// A tensor of floats: the storage's file, its elements, offset, shape and strides.
pub struct View<'a> {
    pub file: &'a str,
    pub stored: i64,
    pub offset: i64,
    pub shape: &'a [i64],
    pub strides: &'a [i64],
}

impl View<'_> {
    pub fn opcodes(&self) -> Vec<u8> {
        let storage = [
            b"(".to_vec(),
            text("storage"),
            global("torch", "FloatStorage"),
            text(self.file),
            text("cpu"),
            int(self.stored),
            b"tQ".to_vec(),
        ];
        let hooks = [global("collections", "OrderedDict"), b")R".to_vec()].concat();
        [
            global("torch._utils", "_rebuild_tensor_v2"),
            b"(".to_vec(),
            storage.concat(),
            int(self.offset),
            tuple(self.shape),
            tuple(self.strides),
            vec![0x89],
            hooks,
            b"tR".to_vec(),
        ]
        .concat()
    }
}

/// A pickle of protocol 2 around the opcodes of a value.
pub fn pickle(value: &[u8]) -> Vec<u8> {
    [&[0x80, 2], value, b"."].concat()
}

/// A state dict of one tensor for each name.
pub fn state_dict(items: &[(&str, View)]) -> Vec<u8> {
    let all: Vec<u8> = items.iter().flat_map(|(name, view)| [text(name), view.opcodes()].concat()).collect();
    pickle(&[global("collections", "OrderedDict"), b")R(".to_vec(), all, b"u".to_vec()].concat())
}
