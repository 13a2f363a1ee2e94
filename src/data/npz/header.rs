//! The header of a `.npy` file: a magic number, a version, and a Python dictionary of three keys, as documented in
//! `numpy.lib.format`.

/// Headers are about 128 bytes; NumPy itself refuses more than 10 000.
const LONGEST: usize = 10_000;

/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub dtype: String,
    pub fortran_order: bool,
    /// The product of its dimensions, those of 0 left out, is a `u64`.
    pub shape: Vec<u64>,
}

impl Header {
    /// The header and where the data begin.
    pub fn read(file: &[u8]) -> Result<(Header, usize), String> {
        let (from, length) = match file {
            [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => (10, usize::from(u16::from_le_bytes([*a, *b]))),
            [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
                (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
            }
            _ => return Err("does not begin like an .npy file of version 1 to 3".to_owned()),
        };
        let start = length.saturating_add(from);
        if start > LONGEST || start > file.len() {
            return Err(format!("its header should take {start} bytes; the array has {} in all", file.len()));
        }
        let header = Header::parse(&String::from_utf8_lossy(&file[from..start]))?;
        // Zeros are left out, so that no partial product can overflow either.
        let mut dims = header.shape.iter().filter(|&&dim| dim != 0);
        match dims.try_fold(1u64, |product, &dim| product.checked_mul(dim)) {
            Some(_) => Ok((header, start)),
            None => Err(impossible(&header.shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", "))),
        }
    }

    /// NumPy wants these three keys and no others, in any order.
    fn parse(text: &str) -> Result<Header, String> {
        let mut rest = Literal(text);
        let (mut dtype, mut fortran_order, mut shape) = (None, None, None);
        rest.want("{")?;
        while !rest.take("}") {
            let key = rest.string()?;
            rest.want(":")?;
            match key {
                "descr" => dtype = Some(rest.dtype()?.to_owned()),
                "fortran_order" => fortran_order = Some(rest.boolean()?),
                "shape" => shape = Some(rest.numbers()?),
                other => return bad(&format!("the key `{other}` is unknown")),
            }
            if !rest.take(",") {
                rest.want("}")?;
                break;
            }
        }
        if !rest.0.trim().is_empty() {
            return bad(&format!("`{}` follows the last bracket", rest.next()));
        }
        match (dtype, fortran_order, shape) {
            (Some(dtype), Some(fortran_order), Some(shape)) => Ok(Header { dtype, fortran_order, shape }),
            _ => bad("expected the keys `descr`, `fortran_order` and `shape`"),
        }
    }
}

fn bad<T>(why: &str) -> Result<T, String> {
    Err(format!("has a bad header: {why}"))
}

fn impossible(shape: &str) -> String {
    format!("the shape ({shape}) is impossible")
}

/// What is still unread of a Python literal.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    /// Passes over `token` if it comes next.
    fn take(&mut self, token: &str) -> bool {
        let rest = self.0.trim_start().strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn want(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { bad(&format!("expected `{token}` at `{}`", self.next())) }
    }

    /// A few characters for a message.
    fn next(&self) -> String {
        self.0.trim_start().chars().take(16).collect::<String>().trim_end().to_owned()
    }

    fn string(&mut self) -> Result<&'a str, String> {
        let quote = if self.take("\"") { '"' } else { '\'' };
        if quote == '\'' {
            self.want("'")?;
        }
        let Some((text, rest)) = self.0.split_once(quote) else {
            return bad(&format!("the text `{}` has no end", self.next()));
        };
        self.0 = rest;
        Ok(text)
    }

    /// A plain type is a string, a structured one a list, a sub-array a tuple.
    fn dtype(&mut self) -> Result<&'a str, String> {
        if self.take("[") || self.take("(") {
            Err("holds structured records; expected plain numbers".to_owned())
        } else {
            self.string()
        }
    }

    fn boolean(&mut self) -> Result<bool, String> {
        if self.take("True") { Ok(true) } else { self.want("False").map(|()| false) }
    }

    /// A tuple of whole numbers: `()`, `(3,)`, `(3, 4)`; Python 2 wrote `(3L,)`.
    fn numbers(&mut self) -> Result<Vec<u64>, String> {
        self.want("(")?;
        let Some((inner, rest)) = self.0.split_once(')') else { return bad("the shape has no end") };
        self.0 = rest;
        let dims = inner.split(',').map(str::trim).filter(|dim| !dim.is_empty());
        let dims = dims.map(|dim| dim.trim_end_matches('L').parse());
        dims.collect::<Result<_, _>>().map_err(|_| impossible(inner))
    }
}
