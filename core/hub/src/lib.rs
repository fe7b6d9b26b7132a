//! Where models come from and where they are kept: the [`Catalogue`] of models that can be had, [`pull::fetch`] that
//! brings the source of one to this machine, and the [`ModelStore`] of the imported ones.
//!
//! **Invariant:** nothing that is downloaded is ever run, and nothing gets its final name before its bytes are checked.

mod catalogue;
mod disk;
mod name;
pub mod pull;
mod store;
mod store_error;

pub use catalogue::{Catalogue, CatalogueError, Entry, License, Package, Source, SourceFormat};
pub use name::{NameError, check_name, suggest};
pub use store::{InstalledModel, ListedModel, ModelStore, VerifyProgress};
pub use store_error::StoreError;
