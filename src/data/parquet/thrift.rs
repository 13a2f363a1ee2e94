//! Thrift's compact protocol, as far as Parquet uses it: a walk over a structure that trusts no length in it.

/// What is met on the way.
pub(super) enum Value {
    Int(i64),
    /// A structure begins.
    Begin,
}

/// Bytes and how many of them are read.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    pub at: usize,
}

/// Structures inside structures; those of Parquet are six deep.
const DEEPEST: usize = 24;

const BROKEN: &str = "is no Thrift structure";

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    /// Passes over a structure. `visit` is given the numbers of the fields that lead to each value; elements of a list
    /// are where the list is.
    pub fn structure(&mut self, path: &mut Vec<i16>, visit: &mut dyn FnMut(&[i16], Value)) -> Result<(), String> {
        if path.len() > DEEPEST {
            return Err(BROKEN.to_owned());
        }
        visit(path, Value::Begin);
        let mut field = 0i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            field = match head >> 4 {
                0 => self.zigzag()? as i16,
                step => field.checked_add(i16::from(step)).ok_or(BROKEN)?,
            };
            path.push(field);
            match head & 15 {
                kind @ (1 | 2) => visit(path, Value::Int(i64::from(kind == 1))),
                kind => self.value(kind, path, visit)?,
            }
            path.pop();
        }
    }

    fn value(&mut self, kind: u8, path: &mut Vec<i16>, visit: &mut dyn FnMut(&[i16], Value)) -> Result<(), String> {
        match kind {
            3 => visit(path, Value::Int(i64::from(self.byte()? as i8))),
            4..=6 => visit(path, Value::Int(self.zigzag()?)),
            7 => drop(self.take(8)?),
            8 => {
                let length = self.varint()?;
                self.take(length)?;
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                // Every element takes a byte at the least.
                if count > (self.bytes.len() - self.at) as u64 || matches!(head & 15, 0..=2 | 9..=10) {
                    return Err(BROKEN.to_owned());
                }
                (0..count).try_for_each(|_| self.value(head & 15, path, visit))?;
            }
            12 => self.structure(path, visit)?,
            _ => return Err(BROKEN.to_owned()),
        }
        Ok(())
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], String> {
        let end = usize::try_from(count).ok().and_then(|count| self.at.checked_add(count));
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or("is cut off")?;
        self.at += taken.len();
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(BROKEN.to_owned())
    }

    fn zigzag(&mut self) -> Result<i64, String> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}
