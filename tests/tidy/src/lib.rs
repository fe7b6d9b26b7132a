//! The rules of ARCHITECTURE.md as tests: who may depend on whom, how sources and manifests look, that the documents are
//! true, and that `plugin.wit` and the Rust contract say the same. They read files and run nothing.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod modules;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod wit;
