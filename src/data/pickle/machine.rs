//! The stack machine: opcodes in, values out, nothing called.

use std::collections::HashMap;

use super::{GLOBALS, Place, Value};

/// Marks that may be open at once; the files have two.
const MOST_MARKS: usize = 32;

#[derive(Default)]
pub(super) struct Machine<'a> {
    pub(super) bytes: &'a [u8],
    /// It may speak of tensors, and of storages outside of it.
    tensors: bool,
    at: usize,
    /// Offset of the opcode that is being run.
    pub start: usize,
    pub values: Vec<Value>,
    stack: Vec<Place>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Place>,
    /// Bytes that calls have made of others.
    pub(super) made: usize,
}

/// What is wrong, without the place.
pub(super) type Step<T> = std::result::Result<T, String>;

impl<'a> Machine<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Machine { bytes, ..Machine::default() }
    }

    /// For the pickle of a PyTorch file.
    pub fn of_tensors(bytes: &'a [u8]) -> Self {
        Machine { bytes, tensors: true, ..Machine::default() }
    }

    /// Runs to the end; the place of the result.
    pub fn run(&mut self) -> Step<Place> {
        if self.take(1)? != [0x80] || !matches!(self.take(1)?, [2..=5]) {
            return Err("it does not begin like a pickle of protocol 2 to 5 (save it with protocol=4)".to_owned());
        }
        loop {
            self.start = self.at;
            let opcode = self.take(1)?[0];
            if opcode == b'.' {
                return self.pop();
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Step<()> {
        match opcode {
            b'(' if self.marks.len() == MOST_MARKS => return Err(format!("more than {MOST_MARKS} marks are open")),
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' | b'M' | b'J' | 0x8a => self.integer(opcode)?,
            b'G' => {
                self.take(8)?;
                self.push(Value::Float);
            }
            b'Q' if self.tensors => {
                let place = self.pop()?;
                self.push(Value::Persistent(place));
            }
            b'U' | b'T' | b'X' | b'B' | b'C' | 0x8c..=0x8e | 0x96 => self.text(opcode)?,
            // A frame says how much may be read at once.
            0x95 => drop(self.take(8)?),
            0x94 => self.memoize()?,
            0x93 => self.stack_global()?,
            b')' => self.push(Value::Tuple(vec![])),
            b']' => self.push(Value::List(vec![])),
            b'}' => self.push(Value::Dict(vec![])),
            0x85..=0x87 => {
                let low = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                let items = self.cut(low.ok_or("the stack is empty")?)?;
                self.push(Value::Tuple(items));
            }
            b't' => {
                let items = self.above_mark()?;
                self.push(Value::Tuple(items));
            }
            b'a' | b'e' => self.append(opcode == b'e')?,
            b's' | b'u' => self.set_items(opcode == b'u')?,
            b'q' | b'r' | b'h' | b'j' => self.memory(opcode)?,
            b'c' => self.global()?,
            b'R' | 0x81 => self.call(opcode)?,
            b'b' => self.build()?,
            other => return Err(format!("the opcode {other:#04x} is not one of those that such files use")),
        }
        Ok(())
    }

    /// The next `count` bytes.
    fn take(&mut self, count: usize) -> Step<&[u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or("the file is truncated: it ends before the pickle does")?;
        let bytes = &self.bytes[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    /// A little-endian number of `count` ≤ 4 bytes.
    fn number(&mut self, count: usize) -> Step<u32> {
        Ok(self.take(count)?.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    pub(super) fn push(&mut self, value: Value) {
        // The arena is no longer than the file, which is below 2^28.
        self.stack.push(self.values.len() as Place);
        self.values.push(value);
    }

    /// Puts a value that there is on the stack again.
    pub(super) fn push_again(&mut self, place: Place) {
        self.stack.push(place);
    }

    pub(super) fn pop(&mut self) -> Step<Place> {
        match self.marks.last() {
            Some(&mark) if mark == self.stack.len() => Err("a mark is where a value should be".to_owned()),
            _ => self.stack.pop().ok_or_else(|| "the stack is empty".to_owned()),
        }
    }

    /// Takes everything from height `low` on off the stack.
    fn cut(&mut self, low: usize) -> Step<Vec<Place>> {
        match low < self.marks.last().copied().unwrap_or(0) {
            true => Err("a mark is where a value should be".to_owned()),
            false => Ok(self.stack.split_off(low)),
        }
    }

    fn above_mark(&mut self) -> Step<Vec<Place>> {
        let mark = self.marks.pop().ok_or("there is no mark")?;
        Ok(self.stack.split_off(mark))
    }

    /// The value below what was taken, which a container opcode changes and leaves on the stack.
    fn top(&mut self) -> Step<&mut Value> {
        let place = self.pop()?;
        self.stack.push(place);
        Ok(&mut self.values[place as usize])
    }

    fn integer(&mut self, opcode: u8) -> Step<()> {
        let value = match opcode {
            b'K' => i64::from(self.number(1)?),
            b'M' => i64::from(self.number(2)?),
            0x8a => self.long()?,
            _ => i64::from(self.number(4)?.cast_signed()),
        };
        self.push(Value::Int(value));
        Ok(())
    }

    /// A whole number of as many bytes as the first says.
    fn long(&mut self) -> Step<i64> {
        let length = self.number(1)? as usize;
        let bytes = self.take(length)?;
        if length > 8 {
            return Err(format!("a whole number of {length} bytes; at most 8 are read"));
        }
        let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        whole[..length].copy_from_slice(bytes);
        Ok(i64::from_le_bytes(whole))
    }

    fn text(&mut self, opcode: u8) -> Step<()> {
        let length = match opcode {
            b'U' | b'C' | 0x8c => u64::from(self.number(1)?),
            0x8d | 0x8e | 0x96 => u64::from(self.number(4)?) | u64::from(self.number(4)?) << 32,
            _ => u64::from(self.number(4)?),
        };
        let text = self.take(usize::try_from(length).unwrap_or(usize::MAX))?.to_vec();
        self.push(Value::Text(text));
        Ok(())
    }

    fn append(&mut self, many: bool) -> Step<()> {
        let items = if many { self.above_mark()? } else { vec![self.pop()?] };
        match self.top()? {
            Value::List(list) => list.extend(items),
            _ => return Err("it appends to something that is not a list".to_owned()),
        }
        Ok(())
    }

    fn set_items(&mut self, many: bool) -> Step<()> {
        let items = match many {
            true => self.above_mark()?,
            false => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
        };
        if items.len() % 2 == 1 {
            return Err("a key has no value".to_owned());
        }
        match self.top()? {
            Value::Dict(dict) => dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            _ => return Err("it sets items of something that is not a dictionary".to_owned()),
        }
        Ok(())
    }

    /// Stores the top of the stack, or fetches what was stored.
    fn memory(&mut self, opcode: u8) -> Step<()> {
        let slot = self.number(if matches!(opcode, b'q' | b'h') { 1 } else { 4 })?;
        if matches!(opcode, b'q' | b'r') {
            let place = self.pop()?;
            self.stack.push(place);
            self.memo.insert(slot, place);
        } else {
            let place = self.memo.get(&slot).ok_or_else(|| format!("nothing was stored under {slot}"))?;
            self.stack.push(*place);
        }
        Ok(())
    }

    /// Stores the top of the stack in the next slot.
    fn memoize(&mut self) -> Step<()> {
        let (place, slot) = (self.pop()?, self.memo.len() as u32);
        self.stack.push(place);
        self.memo.insert(slot, place);
        Ok(())
    }

    fn global(&mut self) -> Step<()> {
        let (module, name) = (self.line()?, self.line()?);
        self.known(&module, &name)
    }

    fn stack_global(&mut self) -> Step<()> {
        let (name, module) = (self.pop()?, self.pop()?);
        let (Value::Text(module), Value::Text(name)) = (&self.values[module as usize], &self.values[name as usize])
        else {
            return Err("a global is not named by two texts".to_owned());
        };
        let shown = |text: &[u8]| String::from_utf8_lossy(&text[..text.len().min(200)]).escape_debug().to_string();
        let (module, name) = (shown(module), shown(name));
        self.known(&module, &name)
    }

    fn known(&mut self, module: &str, name: &str) -> Step<()> {
        let known = GLOBALS.iter().find(|(m, n, _)| (*m, *n) == (module, name));
        let known = known.filter(|(_, _, global)| self.tensors || !global.is_of_tensors());
        let (_, _, global) = known.ok_or_else(|| {
            format!("the global `{module}.{name}` is not on the list of those that such files use; nothing was run")
        })?;
        self.push(Value::Global(*global));
        Ok(())
    }

    fn line(&mut self) -> Step<String> {
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .take(200)
            .position(|byte| *byte == b'\n')
            .ok_or("the name of a global does not end: the file is truncated or corrupt")?;
        self.at += length + 1;
        Ok(String::from_utf8_lossy(&rest[..length]).escape_debug().to_string())
    }

    /// BUILD: the state of an array, an element type or a matrix.
    fn build(&mut self) -> Step<()> {
        let state = self.pop()?;
        let order = match &self.values[state as usize] {
            Value::Tuple(items) => items.get(1).copied(),
            _ => None,
        };
        let is_dict = matches!(self.values[state as usize], Value::Dict(_));
        match (self.top()?, order) {
            (Value::Array(slot @ None), Some(_)) => *slot = Some(state),
            (Value::Matrix(slot @ None), _) if is_dict => *slot = Some(state),
            (Value::Dtype { order: slot, .. }, Some(order)) => *slot = Some(order),
            // Versions of PyTorch's modules stand as an attribute of their state dict.
            (Value::Dict(_), _) if is_dict => {}
            _ => return Err("it gives a state to something that has none of that form".to_owned()),
        }
        Ok(())
    }
}
