//! End-to-end tests, on a tiny model that they make themselves and on a real one where `DEEPCODER_TEST_MODEL` names its
//! folder. They need ONNX Runtime: `DEEPCODER_TEST_ORT` or `ORT_DYLIB_PATH`, or the wheel in `.venv`.

#[cfg(test)]
mod checkpoint;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod deepseek;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod folder;
#[cfg(test)]
mod native;
#[cfg(test)]
mod preemption;
#[cfg(test)]
mod real_model;
#[cfg(test)]
mod runtime;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod shape;
