//! A graph of ONNX operators that is being written. Numbers of fields are those of onnx.proto
//! (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>).

use super::protobuf::Message;

/// `TensorProto.DataType`.
const FLOAT: i64 = 1;
const INT64: i64 = 7;

/// Nodes and constants so far.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
}

/// An attribute of a node.
pub(super) enum Attribute<'a> {
    Int(&'a str, i64),
    Ints(&'a str, &'a [i64]),
    Float(&'a str, f32),
}

impl Attribute<'_> {
    /// `AttributeProto`, its type in field 20.
    fn message(&self) -> Message {
        match self {
            Attribute::Int(name, value) => Message::default().text(1, name).int(3, *value).int(20, 2),
            Attribute::Ints(name, values) => Message::default().text(1, name).ints(8, values).int(20, 7),
            Attribute::Float(name, value) => Message::default().text(1, name).float(2, *value).int(20, 1),
        }
    }
}

impl Graph {
    /// Adds a node; the name of its output.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: &[Attribute]) -> String {
        let output = format!("{}_{}", op.to_lowercase(), self.nodes.len());
        self.named_node(op, inputs, &output, attributes);
        output
    }

    /// Adds a node whose output has this name.
    pub fn named_node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: &[Attribute]) {
        let inputs = inputs.iter().fold(Message::default(), |node, name| node.text(1, name));
        let node = inputs.text(2, output).text(3, &format!("node_{output}")).text(4, op);
        let attributes: Vec<Message> = attributes.iter().map(Attribute::message).collect();
        self.nodes.push(node.messages(5, &attributes));
    }

    /// Adds numbers; their name.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        self.constant(name, shape, FLOAT, bytemuck::cast_slice(values))
    }

    /// Adds one number; its name.
    pub fn float(&mut self, value: f32) -> String {
        self.anonymous(&[], &[value])
    }

    /// Adds numbers that have no name elsewhere; the one that they get.
    pub fn anonymous(&mut self, shape: &[usize], values: &[f32]) -> String {
        let name = format!("number_{}", self.constants.len());
        self.floats(&name, shape, values)
    }

    /// Adds whole numbers, a shape say; their name.
    pub fn ints(&mut self, values: &[i64]) -> String {
        let name = format!("numbers_{}", self.constants.len());
        self.constant(&name, &[values.len()], INT64, bytemuck::cast_slice(values))
    }

    fn constant(&mut self, name: &str, shape: &[usize], kind: i64, raw: &[u8]) -> String {
        let dims: Vec<i64> = shape.iter().map(|dim| *dim as i64).collect();
        self.constants.push(Message::default().ints(1, &dims).int(2, kind).text(8, name).bytes(9, raw));
        name.to_owned()
    }

    /// `GraphProto` over floats; shapes are without the batch, which is any number of records.
    pub fn finish(self, name: &str, inputs: &[(&str, &[usize])], outputs: &[(&str, &[usize])]) -> Message {
        let values = |all: &[(&str, &[usize])]| all.iter().map(|(name, shape)| value(name, shape)).collect::<Vec<_>>();
        let graph = Message::default().messages(1, &self.nodes).text(2, name).messages(5, &self.constants);
        graph.messages(11, &values(inputs)).messages(12, &values(outputs))
    }
}

/// `ValueInfoProto` of floats.
fn value(name: &str, shape: &[usize]) -> Message {
    let batch = Message::default().text(2, "batch");
    let dims: Vec<Message> = shape.iter().map(|dim| Message::default().int(1, *dim as i64)).collect();
    let shape = Message::default().messages(1, std::iter::once(&batch).chain(&dims));
    let tensor = Message::default().int(1, FLOAT).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
