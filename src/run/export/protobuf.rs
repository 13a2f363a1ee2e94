//! The wire format of Protocol Buffers, as far as a model in ONNX and events of TensorBoard take it: numbers, floats,
//! and bytes with a length. <https://protobuf.dev/programming-guides/encoding>

/// A message that is being written, fields in the order of the calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::run) struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u32, wire: u32) {
        self.varint(u64::from(field << 3 | wire));
    }

    /// A whole number; one below 0 takes ten bytes.
    pub fn int(mut self, field: u32, value: i64) -> Message {
        self.key(field, 0);
        self.varint(value.cast_unsigned());
        self
    }

    /// A number of 32 bits.
    pub fn float(mut self, field: u32, value: f32) -> Message {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A number of 64 bits.
    #[cfg(feature = "report")]
    pub fn double(mut self, field: u32, value: f64) -> Message {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Bytes.
    pub fn bytes(mut self, field: u32, bytes: &[u8]) -> Message {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    /// Text.
    pub fn text(self, field: u32, text: &str) -> Message {
        self.bytes(field, text.as_bytes())
    }

    /// A message inside this one.
    pub fn message(self, field: u32, inner: &Message) -> Message {
        self.bytes(field, &inner.0)
    }

    /// Several messages under one field.
    pub fn messages<'a>(self, field: u32, all: impl IntoIterator<Item = &'a Message>) -> Message {
        all.into_iter().fold(self, |message, inner| message.message(field, inner))
    }

    /// Several whole numbers under one field.
    pub fn ints(self, field: u32, values: &[i64]) -> Message {
        values.iter().fold(self, |message, value| message.int(field, *value))
    }

    /// The message as it is written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn fields_are_as_the_documentation_has_them() {
        // The encoding guide's own examples: field 1 is 150; field 2 is "testing"; field 3 is the first message.
        let first = Message::default().int(1, 150);
        assert_eq!(first.clone().finish(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().text(2, "testing").finish(), b"\x12\x07testing");
        assert_eq!(Message::default().message(3, &first).finish(), [0x1a, 3, 0x08, 0x96, 0x01]);
        assert_eq!(Message::default().int(1, -1).finish(), [&[0x08][..], &[0xff; 9], &[0x01]].concat());
        assert_eq!(Message::default().float(2, 1.0).finish(), [0x15, 0, 0, 0x80, 0x3f]);
        assert_eq!(Message::default().int(20, 1).finish(), [0xa0, 1, 1]);
    }
}
