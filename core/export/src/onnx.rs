//! The few messages of ONNX's protobuf schema that a model needs, written by hand: `onnx.proto` has been stable for
//! years, and a generator would bring a build script and a compiler with it.

/// The domain of our own operators.
pub(crate) const OURS: &str = "ai.deepcoder";

/// Element types, with ONNX's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F32 = 1,
    U8 = 2,
    I32 = 6,
    I64 = 7,
    F16 = 10,
}

/// A dimension of a graph input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dim {
    Fixed(u64),
    Named(&'static str),
}

/// An attribute of a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Attribute {
    Int(i64),
    Float(f32),
    Ints(&'static [i64]),
    Text(&'static str),
    Graph(Message),
}

/// A message that is being written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    pub(crate) fn int(mut self, field: u32, value: i64) -> Self {
        self.varint(u64::from(field) << 3);
        self.varint(value.cast_unsigned());
        self
    }

    fn float(mut self, field: u32, value: f32) -> Self {
        self.varint(u64::from(field) << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub(crate) fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub(crate) fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }
}

/// `NodeProto`.
pub(crate) fn node(
    op: &str,
    domain: &str,
    name: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: &[(&str, Attribute)],
) -> Message {
    let mut node = Message::new();
    for input in inputs {
        node = node.text(1, input);
    }
    for output in outputs {
        node = node.text(2, output);
    }
    node = node.text(3, name).text(4, op);
    for (name, attribute) in attributes {
        let message = Message::new().text(1, name);
        let message = match attribute {
            Attribute::Int(value) => message.int(3, *value).int(20, 2),
            Attribute::Float(value) => message.float(2, *value).int(20, 1),
            Attribute::Text(value) => message.text(4, value).int(20, 3),
            Attribute::Ints(values) => values.iter().fold(message, |m, v| m.int(8, *v)).int(20, 7),
            Attribute::Graph(value) => message.message(6, value).int(20, 5),
        };
        node = node.message(5, &message);
    }
    if domain.is_empty() { node } else { node.text(7, domain) }
}

/// `TensorProto` with its bytes inside.
pub(crate) fn inline(name: &str, element: Element, dims: &[u64], raw: &[u8]) -> Message {
    tensor(name, element, dims).bytes(9, raw)
}

/// `TensorProto` whose bytes are in another file of the folder.
pub(crate) fn external(name: &str, element: Element, dims: &[u64], file: &str, offset: u64, length: u64) -> Message {
    [("location", file.to_owned()), ("offset", offset.to_string()), ("length", length.to_string())]
        .iter()
        .fold(tensor(name, element, dims), |t, (key, value)| t.message(13, &Message::new().text(1, key).text(2, value)))
        .int(14, 1)
}

fn tensor(name: &str, element: Element, dims: &[u64]) -> Message {
    dims.iter().fold(Message::new(), |t, &d| t.int(1, d.cast_signed())).int(2, element as i64).text(8, name)
}

/// `ValueInfoProto` of a tensor.
pub(crate) fn value(name: &str, element: Element, dims: &[Dim]) -> Message {
    let shape = dims.iter().fold(Message::new(), |shape, dim| {
        let dim = match dim {
            Dim::Fixed(n) => Message::new().int(1, n.cast_signed()),
            Dim::Named(name) => Message::new().text(2, name),
        };
        shape.message(1, &dim)
    });
    let tensor = Message::new().int(1, element as i64).message(2, &shape);
    Message::new().text(1, name).message(2, &Message::new().message(1, &tensor))
}

/// `GraphProto`.
pub(crate) fn graph(
    name: &str,
    nodes: &[Message],
    initializers: &[Message],
    inputs: &[Message],
    outputs: &[Message],
) -> Message {
    let mut graph = Message::new();
    for node in nodes {
        graph = graph.message(1, node);
    }
    graph = graph.text(2, name);
    for (field, list) in [(5, initializers), (11, inputs), (12, outputs)] {
        for item in list {
            graph = graph.message(field, item);
        }
    }
    graph
}

/// `ModelProto` around a graph, for operators of ONNX's version `opset`.
pub(crate) fn model(graph: &Message, opset: Opset) -> Vec<u8> {
    let import = |domain: &str, version| Message::new().text(1, domain).int(2, version);
    let (ir, version) = match opset {
        Opset::V21 => (10, 21),
        Opset::V24 => (11, 24),
    };
    Message::new()
        .int(1, ir)
        .text(2, "deepcoder")
        .text(3, env!("CARGO_PKG_VERSION"))
        .message(7, graph)
        .message(8, &import("", version))
        .message(8, &import("com.microsoft", 1))
        .message(8, &import(OURS, 1))
        .into_bytes()
}

/// Versions of ONNX's own operators, each with the format of the file that goes with it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opset {
    #[default]
    V21,
    /// With `TensorScatter` and `Attention`.
    V24,
}
