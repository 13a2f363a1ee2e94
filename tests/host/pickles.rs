//! Pickles of protocol 2 as NumPy and SciPy under Python 2 wrote them, byte by byte.

use std::path::Path;

use super::data_files::put;

fn text(text: &[u8]) -> Vec<u8> {
    [&[b'T'][..], &(text.len() as u32).to_le_bytes(), text].concat()
}

fn int(value: usize) -> Vec<u8> {
    [&[b'J'][..], &(value as i32).to_le_bytes()].concat()
}

fn tuple(items: &[usize]) -> Vec<u8> {
    [&[b'('][..], &items.iter().flat_map(|&item| int(item)).collect::<Vec<u8>>(), b"t"].concat()
}

pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// A file: the opcodes of one value between the beginning and the end of a pickle.
pub fn pickle(value: &[u8]) -> Vec<u8> {
    [&[0x80, 2], value, b"."].concat()
}

pub fn ndarray(shape: &[usize], code: &str, bytes: &[u8]) -> Vec<u8> {
    [
        global("numpy.core.multiarray", "_reconstruct"),
        global("numpy", "ndarray"),
        [int(0), vec![0x85], text(b"b"), vec![0x87, b'R']].concat(),
        [vec![b'('], int(1), tuple(shape)].concat(),
        [global("numpy", "dtype"), text(code.as_bytes()), int(0), int(1), vec![0x87, b'R']].concat(),
        [vec![b'('], int(3), text(b"<"), b"NNN".to_vec(), int(0), int(0), int(0), vec![b't', b'b']].concat(),
        [vec![0x89], text(bytes), vec![b't', b'b']].concat(),
    ]
    .concat()
}

pub fn ints(shape: &[usize], values: &[i32]) -> Vec<u8> {
    ndarray(shape, "i4", &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

/// A CSR matrix of ones.
pub fn csr(cols: usize, rows: &[&[i32]]) -> Vec<u8> {
    let mut ptr = vec![0];
    rows.iter().for_each(|row| ptr.push(ptr[ptr.len() - 1] + row.len() as i32));
    let columns = rows.concat();
    let ones = columns.iter().flat_map(|_| 1f32.to_le_bytes()).collect::<Vec<u8>>();
    [
        global("scipy.sparse.csr", "csr_matrix"),
        vec![b')', 0x81, b'}', b'('],
        [text(b"format"), text(b"csr"), text(b"_shape"), tuple(&[rows.len(), cols])].concat(),
        [text(b"indptr"), ints(&[ptr.len()], &ptr), text(b"indices"), ints(&[columns.len()], &columns)].concat(),
        [text(b"data"), ndarray(&[columns.len()], "f4", &ones), vec![b'u', b'b']].concat(),
    ]
    .concat()
}

pub fn lists(lists: &[(usize, &[usize])]) -> Vec<u8> {
    let items = lists.iter().flat_map(|(key, list)| {
        let list: Vec<u8> = list.iter().flat_map(|&item| int(item)).collect();
        [int(*key), vec![b']', b'('], list, vec![b'e']].concat()
    });
    let head = [global("collections", "defaultdict"), global("__builtin__", "list"), vec![0x85, b'R', b'(']].concat();
    [head, items.collect(), vec![b'u']].concat()
}

/// Six papers `ind.tiny.*`: 0 and 1 train, 2 is left for validation, 3 and 5 are tested, in the order 5, 3; 4 is in no
/// file.
pub fn tiny(dir: &Path) {
    let part = |name: &str, value: Vec<u8>| put(dir, &format!("ind.tiny.{name}"), &pickle(&value));
    part("x", csr(4, &[&[0], &[1, 2]]));
    part("allx", csr(4, &[&[0], &[1, 2], &[3]]));
    part("tx", csr(4, &[&[0, 3], &[2]]));
    part("y", ints(&[2, 2], &[1, 0, 0, 1]));
    part("ally", ints(&[3, 2], &[1, 0, 0, 1, 0, 1]));
    part("ty", ints(&[2, 2], &[0, 1, 1, 0]));
    part("graph", lists(&[(0, &[1, 2]), (1, &[0, 0]), (2, &[2]), (3, &[5, 0]), (4, &[]), (5, &[3])]));
    put(dir, "ind.tiny.test.index", b"5\n3\n");
}
