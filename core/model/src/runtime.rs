//! Finding and loading ONNX Runtime.
//!
//! The `ort` crate panics where its library is missing or too old once something is used, so both are found out here,
//! before it is touched.

use deepcoder_types::Hint;
use std::ffi::{CStr, c_char};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The oldest ONNX Runtime whose kernels our graphs use.
pub const MIN_VERSION: (u32, u32) = (1, 32);

/// Where to look. Earlier fields win.
#[derive(Debug, Clone, Default)]
pub struct RuntimeSearch {
    /// The user's setting: a library file, or a folder that holds one. If it is given, nothing else is tried.
    pub setting: Option<PathBuf>,
    /// The value of `ORT_DYLIB_PATH`. If it is given, nothing after it is tried.
    pub ort_dylib_path: Option<PathBuf>,
    /// Python prefixes (a virtual environment, the folder of the wheel that runs us) whose `onnxruntime` is used.
    pub prefixes: Vec<PathBuf>,
}

/// How a library was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// [`RuntimeSearch::setting`].
    Setting,
    /// [`RuntimeSearch::ort_dylib_path`].
    OrtDylibPath,
    /// The `onnxruntime` wheel below a prefix.
    Wheel,
    /// A folder where systems keep libraries.
    System,
}

impl fmt::Display for FoundBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setting => "the setting",
            Self::OrtDylibPath => "ORT_DYLIB_PATH",
            Self::Wheel => "the onnxruntime wheel",
            Self::System => "the system",
        })
    }
}

/// A library that exists, loads and is new enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeLibrary {
    /// The file.
    pub path: PathBuf,
    /// Its version, by its own report.
    pub version: String,
    /// How it was found.
    pub found_by: FoundBy,
}

/// Why there is no ONNX Runtime to use.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// None was found anywhere.
    #[error("no ONNX Runtime was found")]
    NotFound {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// A file that was named explicitly does not exist.
    #[error("{found_by} names `{path}` as ONNX Runtime, which does not exist")]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// Who named it.
        found_by: FoundBy,
    },
    /// A file is no library of ONNX Runtime.
    #[error("`{path}` cannot be loaded as ONNX Runtime: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The message of the loader.
        reason: String,
    },
    /// A library is too old.
    #[error("ONNX Runtime {version} at `{path}` is too old: {}.{} or later is needed", MIN_VERSION.0, MIN_VERSION.1)]
    TooOld {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: String,
    },
}

impl Hint for LocateError {
    fn hint(&self) -> Option<String> {
        let install = format!("pip install 'onnxruntime>={}.{}'", MIN_VERSION.0, MIN_VERSION.1);
        Some(match self {
            Self::NotFound { .. } => {
                format!(
                    "`{install}` in the environment that runs deepcoder, or set DEEPCODER_ONNXRUNTIME to the library"
                )
            }
            Self::Missing { found_by: FoundBy::OrtDylibPath, .. } => "correct or unset ORT_DYLIB_PATH".to_owned(),
            Self::Missing { .. } => "correct or unset DEEPCODER_ONNXRUNTIME".to_owned(),
            Self::Unusable { .. } | Self::TooOld { .. } => format!("`{install}` gets one that works"),
        })
    }
}

/// Why ONNX Runtime could not be started.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Another library is already in use by this process; it cannot be changed.
    #[error("ONNX Runtime is already loaded from `{loaded}`, `{wanted}` cannot be loaded beside it")]
    AlreadyLoaded {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        wanted: PathBuf,
    },
    /// The library changed since it was located.
    #[error("ONNX Runtime at `{path}` could not be started: {reason}")]
    Failed {
        /// The library.
        path: PathBuf,
        /// Its message.
        reason: String,
    },
}

impl Hint for InitError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::AlreadyLoaded { .. } => Some("restart the program to use another ONNX Runtime".into()),
            Self::Failed { .. } => Some("`deepcoder doctor` shows which library is used".into()),
        }
    }
}

/// Find the library to use: the setting, `ORT_DYLIB_PATH`, the wheel below a prefix, the system. A library that is
/// named explicitly must work; of the others, the first that works is taken.
pub fn locate(search: &RuntimeSearch) -> Result<RuntimeLibrary, LocateError> {
    let named = [(&search.setting, FoundBy::Setting), (&search.ort_dylib_path, FoundBy::OrtDylibPath)];
    for (path, found_by) in named {
        let Some(path) = path.as_ref().filter(|p| !p.as_os_str().is_empty()) else { continue };
        let file = if path.is_dir() { libraries_in(path).into_iter().next() } else { Some(path.clone()) };
        let file = file.filter(|f| f.exists()).ok_or_else(|| LocateError::Missing { path: path.clone(), found_by })?;
        return probe(&file, found_by);
    }
    let mut searched = Vec::new();
    let mut first_error = None;
    for (folders, found_by) in [(wheel_folders(&search.prefixes), FoundBy::Wheel), (system_folders(), FoundBy::System)]
    {
        for folder in folders {
            for file in libraries_in(&folder) {
                match probe(&file, found_by) {
                    Ok(found) => return Ok(found),
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
            searched.push(folder);
        }
    }
    Err(first_error.unwrap_or(LocateError::NotFound { searched }))
}

/// Load the library and start its environment. Does nothing if this was done before with the same library.
pub fn init(library: &RuntimeLibrary) -> Result<(), InitError> {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(started) = started.as_ref() {
        if same_file(&started.path, &library.path) {
            return Ok(());
        }
        return Err(InitError::AlreadyLoaded { loaded: started.path.clone(), wanted: library.path.clone() });
    }
    let failed = |reason: String| InitError::Failed { path: library.path.clone(), reason };
    let environment = ort::init_from(&library.path)
        .map_err(|e| failed(e.to_string()))?
        .with_name("deepcoder")
        .with_telemetry(false)
        // The runtime writes its log to stderr, which belongs to the command line; errors reach us as values anyway.
        .with_logger(std::sync::Arc::new(|_, _, _, _, _| {}))
        .build()
        .map_err(|e| failed(e.to_string()))?;
    *started = Some(Started { path: library.path.clone(), version: library.version.clone(), environment });
    Ok(())
}

/// The execution providers that the library was built with, such as `CPUExecutionProvider`. Starts it if needed.
pub fn providers(library: &RuntimeLibrary) -> Result<Vec<String>, InitError> {
    init(library)?;
    available_providers().map_err(|reason| InitError::Failed { path: library.path.clone(), reason })
}

/// The environment and version of the runtime, once [`init`] has succeeded.
pub(crate) fn started() -> Option<(ort::environment::Environment, String)> {
    let started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    started.as_ref().map(|s| (s.environment.clone(), s.version.clone()))
}

/// Whether version `a` (such as `1.32.0`) is at least `b`.
pub(crate) fn version_at_least(a: &str, b: &str) -> bool {
    numbers(a) >= numbers(b)
}

struct Started {
    path: PathBuf,
    version: String,
    environment: ort::environment::Environment,
}

// `ort` allows one environment in the life of a process.
static STARTED: Mutex<Option<Started>> = Mutex::new(None);

fn numbers(version: &str) -> [u32; 3] {
    let mut out = [0; 3];
    for (slot, part) in out.iter_mut().zip(version.split('.')) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        *slot = digits.parse().unwrap_or(0);
    }
    out
}

fn same_file(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn wheel_folders(prefixes: &[PathBuf]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for prefix in prefixes {
        for lib in ["lib", "lib64", "Lib"] {
            let lib = prefix.join(lib);
            let versions = std::fs::read_dir(&lib).into_iter().flatten().flatten();
            let mut packages: Vec<PathBuf> = versions
                .filter(|e| e.file_name().to_string_lossy().starts_with("python3"))
                .flat_map(|e| [e.path().join("site-packages"), e.path().join("dist-packages")])
                .collect();
            packages.sort();
            packages.push(lib.join("site-packages"));
            out.extend(packages.into_iter().map(|p| p.join("onnxruntime/capi")).filter(|p| p.is_dir()));
        }
    }
    out
}

fn system_folders() -> Vec<PathBuf> {
    [
        "/usr/local/lib",
        "/usr/local/lib64",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/opt/onnxruntime/lib",
        "/opt/homebrew/lib",
    ]
    .iter()
    .map(PathBuf::from)
    .filter(|p| p.is_dir())
    .collect()
}

/// Library files of ONNX Runtime in a folder, the most specific name first (the highest version, where several lie
/// side by side).
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter(|e| {
            let name = e.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libonnxruntime.so")
                || (name.starts_with("libonnxruntime") && name.ends_with(".dylib") && !name.contains("providers"))
                || name.eq_ignore_ascii_case("onnxruntime.dll")
        })
        .map(|e| e.path())
        .collect();
    let version = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        numbers(name.trim_start_matches(|c: char| !c.is_ascii_digit()))
    };
    files.sort_by_key(|f| std::cmp::Reverse(version(f)));
    files
}

/// Ask a library for its version, the way `ort` would, but without its assertions.
fn probe(path: &Path, found_by: FoundBy) -> Result<RuntimeLibrary, LocateError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let version = version_of(&path).map_err(|reason| LocateError::Unusable { path: path.clone(), reason })?;
    let [major, minor, _] = numbers(&version);
    if (major, minor) < MIN_VERSION {
        return Err(LocateError::TooOld { path, version });
    }
    Ok(RuntimeLibrary { path, version, found_by })
}

#[expect(unsafe_code, reason = "a version can only be asked from the loaded library")]
fn version_of(path: &Path) -> Result<String, String> {
    // SAFETY: loading runs the library's constructors; the user, or the wheel that they installed, names this file as
    // the runtime to load into this process.
    let library = unsafe { libloading::Library::new(path) }.map_err(|e| innermost(&e))?;
    // SAFETY: the signature is the one that every release of ONNX Runtime exports under this name.
    let base = unsafe { library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase\0") }
        .map_err(|_| "it does not export `OrtGetApiBase`".to_owned())?;
    // SAFETY: the function takes nothing and returns a pointer to a static table, or null.
    let base = unsafe { base().as_ref() }.ok_or("it has no API")?;
    // SAFETY: the table's second entry returns a static string that ends in a zero byte.
    let version: *const c_char = unsafe { (base.GetVersionString)() };
    if version.is_null() {
        return Err("it has no version".into());
    }
    // SAFETY: not null, and as above; it is copied before the library may be closed.
    Ok(unsafe { CStr::from_ptr(version) }.to_string_lossy().into_owned())
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[expect(unsafe_code, reason = "`ort` can only ask for one provider at a time")]
fn available_providers() -> Result<Vec<String>, String> {
    let mut names: *mut *mut c_char = std::ptr::null_mut();
    let mut count = 0;
    // SAFETY: both are out parameters; `init` has loaded the library, so that `api` cannot panic.
    let status = unsafe { (ort::api().GetAvailableProviders)(&raw mut names, &raw mut count) };
    // SAFETY: `status` came from the call above and is used once.
    unsafe { ort::Error::result_from_status(status) }.map_err(|e| e.to_string())?;
    let count_usize = usize::try_from(count).unwrap_or(0);
    let mut out = Vec::with_capacity(count_usize);
    for i in 0..count_usize {
        // SAFETY: the runtime returned an array of `count` strings that end in a zero byte.
        out.push(unsafe { CStr::from_ptr(*names.add(i)) }.to_string_lossy().into_owned());
    }
    // SAFETY: the array came from `GetAvailableProviders` and is not used afterwards.
    let status = unsafe { (ort::api().ReleaseAvailableProviders)(names, count) };
    // SAFETY: as above.
    unsafe { ort::Error::result_from_status(status) }.map_err(|e| e.to_string())?;
    Ok(out)
}
