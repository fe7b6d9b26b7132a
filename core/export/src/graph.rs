//! A graph under construction: nodes, small constants, inputs and outputs.

use crate::onnx::{self, Attribute, Dim, Element, Message, Opset};

pub(crate) const MS: &str = "com.microsoft";

/// Collects the parts of the model; weights are declared elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
    pub(crate) opset: Opset,
    /// Whether there is an operator of the engine's own.
    pub(crate) has_own: bool,
}

impl Graph {
    pub(crate) fn input(&mut self, name: &str, element: Element, dims: &[Dim]) {
        self.inputs.push(onnx::value(name, element, dims));
    }

    pub(crate) fn output(&mut self, name: &str, element: Element, dims: &[Dim]) {
        self.outputs.push(onnx::value(name, element, dims));
    }

    /// A vector of integers (of one element: also a scalar, where `dims` is empty).
    pub(crate) fn integers(&mut self, name: &str, dims: &[u64], values: &[i64]) {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constants.push(onnx::inline(name, Element::I64, dims, &raw));
    }

    /// Floats, as [`Graph::integers`].
    pub(crate) fn floats(&mut self, name: &str, dims: &[u64], values: &[f32]) {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constants.push(onnx::inline(name, Element::F32, dims, &raw));
    }

    /// A node of ONNX's own operators; it is named after its first output.
    pub(crate) fn op(&mut self, op: &str, inputs: &[&str], outputs: &[&str], attributes: &[(&str, Attribute)]) {
        self.node(op, "", inputs, outputs, attributes);
    }

    /// A node of the runtime's own operators.
    pub(crate) fn contrib(&mut self, op: &str, inputs: &[&str], outputs: &[&str], attributes: &[(&str, Attribute)]) {
        self.node(op, MS, inputs, outputs, attributes);
    }

    /// A node of the engine's own operators.
    pub(crate) fn own(&mut self, op: &str, inputs: &[&str], outputs: &[&str], attributes: &[(&str, Attribute)]) {
        self.has_own = true;
        self.node(op, onnx::OURS, inputs, outputs, attributes);
    }

    fn node(&mut self, op: &str, domain: &str, inputs: &[&str], outputs: &[&str], attributes: &[(&str, Attribute)]) {
        let name = outputs.first().copied().unwrap_or(op);
        self.nodes.push(onnx::node(op, domain, name, inputs, outputs, attributes));
    }

    /// The whole model's bytes.
    pub(crate) fn finish(mut self, weights: Vec<Message>) -> Vec<u8> {
        self.constants.extend(weights);
        let graph = onnx::graph("decoder", &self.nodes, &self.constants, &self.inputs, &self.outputs);
        onnx::model(&graph, self.opset)
    }

    /// As a branch of `If`: without inputs, with names of the graph around it, and `output`, of the shape `dims`.
    pub(crate) fn branch(self, output: &str, element: Element, dims: &[Dim]) -> Message {
        let outputs = [onnx::value(output, element, dims)];
        onnx::graph(output, &self.nodes, &self.constants, &[], &outputs)
    }
}
