//! What the value of a pickle is taken for: an array, a sparse matrix, a dictionary of lists.

use super::{Pickle, Place, Value};
use crate::data::csr::Matrix;
use crate::data::numbers;
use crate::error::{Error, Result};

/// Values in C order.
#[derive(Debug, PartialEq)]
pub(crate) struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Pickle {
    fn fail<T>(&self, why: impl std::fmt::Display) -> Result<T> {
        Err(Error::input(format!("{}: {why}", self.path)))
    }

    fn at(&self, place: Place) -> &Value {
        &self.values[place as usize]
    }

    /// The whole file as an array.
    pub fn array(&self) -> Result<Array> {
        self.array_at(self.root)
    }

    fn array_at(&self, place: Place) -> Result<Array> {
        let Value::Array(Some(state)) = self.at(place) else { return self.fail("expected a NumPy array") };
        let Value::Tuple(state) = self.at(*state) else { return self.fail("an array has no state") };
        let parts: Vec<&Value> = state.iter().map(|&part| self.at(part)).collect();
        let (shape, code, order, fortran, bytes) = match parts[..] {
            [_, Value::Tuple(shape), Value::Dtype { code, order }, Value::Bool(fortran), Value::Text(bytes)] => {
                (shape, code, order, *fortran, bytes)
            }
            [Value::Text(bytes), Value::Dtype { code, order }, Value::Tuple(shape), Value::Text(run)] => {
                (shape, code, order, run == b"F", bytes)
            }
            _ => return self.fail("an array holds something else than plain numbers"),
        };
        let shape = shape.iter().map(|&dim| self.size(dim)).collect::<Result<Vec<usize>>>()?;
        let (Value::Text(code), Some(Value::Text(order))) = (self.at(*code), order.map(|order| self.at(order))) else {
            return self.fail("an array has no element type");
        };
        let code = String::from_utf8_lossy(code);
        let count = shape.iter().try_fold(1usize, |product, dim| product.checked_mul(*dim));
        let size = code.get(1..).and_then(|size| size.parse::<usize>().ok()).unwrap_or(0);
        if count.and_then(|count| count.checked_mul(size)) != Some(bytes.len()) {
            return self.fail(format!("an array of {shape:?} elements {code} has {} bytes", bytes.len()));
        }
        let kind = code.chars().next().unwrap_or_default();
        let turned = if fortran { numbers::c_order(bytes, &shape, size) } else { None };
        match numbers::each((kind, size), order == b">", turned.as_ref().unwrap_or(bytes)) {
            Some(values) => Ok(Array { shape, values: values.collect() }),
            None => self.fail(format!("an array has elements of type {code}; expected {}", numbers::READ)),
        }
    }

    fn size(&self, place: Place) -> Result<usize> {
        match self.at(place) {
            Value::Int(size) if *size >= 0 => Ok(*size as usize),
            _ => self.fail("the shape of an array is not made of whole numbers"),
        }
    }

    /// The whole file as a SciPy CSR matrix.
    pub fn matrix(&self) -> Result<Matrix> {
        let Value::Matrix(Some(state)) = self.at(self.root) else { return self.fail("expected a SciPy CSR matrix") };
        let Value::Dict(items) = self.at(*state) else { return self.fail("a matrix has no attributes") };
        let get = |name: &str| {
            let named = |key: Place| matches!(self.at(key), Value::Text(text) if text == name.as_bytes());
            items.iter().rev().find(|(key, _)| named(*key)).map(|(_, value)| *value)
        };
        let need =
            |name: &str| get(name).ok_or_else(|| Error::input(format!("{}: the matrix has no {name}", self.path)));
        let shape = match self.at(get("_shape").map_or_else(|| need("shape"), Ok)?) {
            Value::Tuple(shape) => shape.iter().map(|&dim| self.size(dim)).collect::<Result<Vec<usize>>>()?,
            _ => vec![],
        };
        let &[rows, cols] = &shape[..] else { return self.fail("the shape of the matrix is not [rows, columns]") };
        let list = |name: &str| self.array_at(need(name)?).map(|array| array.values);
        let (ptr, col, val) = (list("indptr")?, list("indices")?, list("data")?);
        let made = Matrix::new([rows, cols], &ptr, &col, &val);
        made.map_or_else(|| self.fail(format!("the arrays of the matrix [{rows}, {cols}] do not fit each other")), Ok)
    }

    /// The whole file as a dictionary from whole numbers to lists of whole numbers.
    pub fn lists(&self) -> Result<Vec<(i64, Vec<i64>)>> {
        let Value::Dict(items) = self.at(self.root) else { return self.fail("expected a dictionary of lists") };
        let number = |place: Place| match self.at(place) {
            Value::Int(number) => Ok(*number),
            _ => self.fail("the dictionary of lists holds something that is not a whole number"),
        };
        // A list may stand under many keys; reading it for each must not cost more than the file does.
        let mut left = self.values.len();
        let one = |&(key, value): &(Place, Place)| {
            let Value::List(list) = self.at(value) else { return self.fail("a value of the dictionary is not a list") };
            left = match left.checked_sub(list.len()) {
                Some(left) => left,
                None => return self.fail("the lists of the dictionary share their elements"),
            };
            Ok((number(key)?, list.iter().map(|&item| number(item)).collect::<Result<_>>()?))
        };
        items.iter().map(one).collect()
    }
}
