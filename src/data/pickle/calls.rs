//! What a pickle may call: nothing is run, the machine makes the value itself.

use super::machine::{Machine, Step};
use super::{Global, Place, Value};
use crate::data::numbers;

impl Machine<'_> {
    /// REDUCE and NEWOBJ: the only calls are those that make an array, an empty matrix or dictionary, an element type,
    /// a number or bytes.
    pub(super) fn call(&mut self, opcode: u8) -> Step<()> {
        let (state, callee) = (self.pop()?, self.pop()?);
        let (Value::Tuple(arguments), Value::Global(callee)) =
            (&self.values[state as usize], &self.values[callee as usize])
        else {
            return Err("it calls something that is not a global".to_owned());
        };
        let first = arguments.first().map(|place| &self.values[*place as usize]);
        let second = arguments.get(1).map(|place| &self.values[*place as usize]);
        // A parameter is its tensor, a shape its tuple.
        if let (b'R', Global::RebuildParameter, Some(Value::Tensor(_)), 3)
        | (b'R', Global::Size, Some(Value::Tuple(_)), 1) = (opcode, callee, first, arguments.len())
        {
            let same = arguments[0];
            self.push_again(same);
            return Ok(());
        }
        let made = match (opcode, callee, first, arguments.len()) {
            (b'R', Global::Reconstruct, Some(Value::Global(Global::NdArray)), 3) => Value::Array(None),
            (b'R', Global::Dtype, Some(Value::Text(_)), 1..=3) => Value::Dtype { code: arguments[0], order: None },
            (b'R', Global::DefaultDict, Some(Value::Global(Global::List)), 1) => Value::Dict(vec![]),
            (b'R', Global::OrderedDict, None, 0) => Value::Dict(vec![]),
            (b'R', Global::RebuildTensor, Some(Value::Persistent(_)), 6 | 7) => Value::Tensor(state),
            (b'R', Global::Device, Some(Value::Text(_)), 1 | 2) => Value::None,
            (0x81, Global::CsrMatrix, None, 0) => Value::Matrix(None),
            (b'R', Global::FromBuffer, Some(Value::Text(_)), 4) => Value::Array(Some(state)),
            (b'R', Global::Encode, Some(Value::Text(text)), 2) => {
                // A text that is stored once may be encoded often.
                self.made += text.len();
                if self.made > self.bytes.len() {
                    return Err("it makes more bytes of texts than the file holds".to_owned());
                }
                Value::Text(latin1(text).ok_or("a text that stands for bytes holds other letters")?)
            }
            (b'R', Global::Scalar, Some(dtype), 2) => match (dtype, second) {
                (Value::Dtype { code, order }, Some(Value::Text(bytes))) => self.scalar(*code, *order, bytes)?,
                _ => return Err("it makes a number of something else than a type and bytes".to_owned()),
            },
            _ => return Err(format!("it calls {callee:?} as no array, matrix, tensor or dictionary does")),
        };
        self.push(made);
        Ok(())
    }

    /// A whole number of NumPy's.
    fn scalar(&self, code: Place, order: Option<Place>, bytes: &[u8]) -> Step<Value> {
        let text = |place: Place| match &self.values[place as usize] {
            Value::Text(text) => text.as_slice(),
            _ => &[],
        };
        let big = order.is_some_and(|order| text(order) == b">");
        if let (b"f4" | b"f8", 4 | 8) = (text(code), bytes.len()) {
            return Ok(Value::Float);
        }
        let number = match text(code) {
            &[kind @ (b'i' | b'u'), size @ b'1'..=b'8'] if bytes.len() == usize::from(size - b'0') => {
                numbers::each((kind.into(), bytes.len()), big, bytes).and_then(|mut values| values.next())
            }
            _ => None,
        };
        number.map(|number| Value::Int(number as i64)).ok_or_else(|| "a number is not a whole one".to_owned())
    }
}

/// The bytes of letters below 256; nothing where there are others.
fn latin1(text: &[u8]) -> Option<Vec<u8>> {
    std::str::from_utf8(text).ok()?.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect()
}
