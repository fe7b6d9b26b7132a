//! GGUF to ONNX.
