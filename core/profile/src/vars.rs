//! Environment variables as a value.

use deepcoder_types::env_var;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The environment variables of the caller. A variable that is set to nothing counts as not set.
#[derive(Debug, Clone, Default)]
pub struct Vars(HashMap<OsString, OsString>);

impl Vars {
    /// From pairs of name and value.
    pub fn new(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// With `home` as the user's home folder, where the environment does not say: services and containers set none.
    #[must_use]
    pub fn or_home(mut self, home: Option<PathBuf>) -> Self {
        if let Some(home) = home.filter(|home| home.is_absolute()) {
            self.0.entry(OsString::from(env_var::USER_HOME)).or_insert_with(|| home.into_os_string());
        }
        self
    }

    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// A variable's value, where it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(OsStr::to_str).map(str::to_owned)
    }

    /// A variable whose value is an absolute path; the XDG specification wants others ignored.
    #[must_use]
    pub fn folder(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}
