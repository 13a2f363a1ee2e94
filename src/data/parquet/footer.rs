//! The footer, before the crate sees it: it goes down a schema by recursion and makes room for as many columns as one
//! says it has.

use super::thrift::{Reader, Value};
use crate::error::{Error, Result};

/// A group inside a group, and so on; a list of structures is three deep.
const DEEPEST: usize = 32;

/// Its length, where it is whole.
///
/// # Errors
/// [`Error::Input`]: the file is none of Parquet, truncated, encrypted, or its schema is not one tree.
pub(super) fn check(file: &[u8], shown: &str) -> Result<usize> {
    let fail = |why: &str| Err(Error::input(format!("{shown}: {why}")));
    if !file.starts_with(b"PAR1") {
        return match file.starts_with(b"PARE") {
            true => fail("is encrypted; expected plain Parquet"),
            false => fail("not a Parquet file: it does not begin with PAR1"),
        };
    }
    let Some((body, [a, b, c, d, b'P', b'A', b'R', b'1'])) = file[4..].split_last_chunk::<8>() else {
        return fail("truncated: a Parquet file ends with PAR1; get the whole file again");
    };
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    let Some(start) = body.len().checked_sub(length) else {
        return fail(&format!("truncated: its footer should take {length} bytes, and the file has {}", file.len()));
    };
    let mut children: Vec<i64> = vec![];
    let schema = &mut |path: &[i16], value: Value| match (path, value) {
        ([2], Value::Begin) => children.push(0),
        ([2, 5], Value::Int(count)) => children.iter_mut().last().into_iter().for_each(|last| *last = count),
        _ => {}
    };
    match Reader::new(&body[start..]).structure(&mut vec![], schema) {
        Ok(()) if is_tree(&children) => Ok(length),
        Ok(()) => fail("its footer is broken: the schema is no tree of columns"),
        Err(why) => fail(&format!("its footer is broken: it {why}")),
    }
}

/// Whether nodes that are listed depth first, each with the number of its children, are one tree of a sane depth.
fn is_tree(children: &[i64]) -> bool {
    let mut open: Vec<i64> = vec![1];
    for count in children {
        while open.last() == Some(&0) {
            open.pop();
        }
        let Some(last) = open.last_mut() else { return false };
        *last -= 1;
        if *count < 0 || *count > children.len() as i64 || open.len() > DEEPEST {
            return false;
        }
        open.push(*count);
    }
    open.iter().all(|left| *left == 0) && !children.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_one_tree() {
        for tree in [&[0][..], &[1, 0], &[3, 0, 2, 0, 0, 0], &[2, 1, 1, 0, 0]] {
            assert!(is_tree(tree), "{tree:?}");
        }
        let deep: Vec<i64> = [vec![1; 100_000], vec![0]].concat();
        for none in [&[][..], &[1], &[0, 0], &[2, 0], &[1, 0, 0], &[-1], &[i64::MAX, 0], &deep] {
            assert!(!is_tree(none), "{} nodes", none.len());
        }
    }
}
