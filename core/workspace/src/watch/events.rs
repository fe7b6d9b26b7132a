//! The system's events, a watch for each folder.

use super::inbox::Inbox;
use notify::event::EventKindMask;
use notify::{Config, ErrorKind, PathOp, RecommendedWatcher, RecursiveMode, WatchPathConfig, Watcher as _};
use rustix::fs::statfs;
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there are no events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The user has no watches left.
    Watches,
    /// The user has no instances left.
    Instances,
    /// The process or the system has no descriptors left.
    Descriptors,
    /// The folder is on a file system that others write to without this system's knowledge.
    Remote(&'static str),
    /// Anything else.
    Other(String),
}

impl Limit {
    /// For the user: what is wrong and what to do.
    pub(crate) fn note(&self) -> String {
        match self {
            Self::Watches => {
                "the limit of inotify watches is reached, so changes are looked for from time to time; raise \
                              it with `sudo sysctl fs.inotify.max_user_watches=1048576` and watch again"
                    .into()
            }
            Self::Instances => {
                "the limit of inotify instances is reached, so changes are looked for from time to time; \
                                raise it with `sudo sysctl fs.inotify.max_user_instances=1024` and watch again"
                    .into()
            }
            Self::Descriptors => {
                "no file descriptors are left, so changes are looked for from time to time; raise the \
                                  limit with `ulimit -n` and watch again"
                    .into()
            }
            Self::Remote(kind) => {
                format!(
                    "the tree is on {kind}, which tells nothing of changes, so they are looked for from time to time"
                )
            }
            Self::Other(why) => {
                format!("the system tells nothing of changes ({why}), so they are looked for from time to time")
            }
        }
    }
}

/// A queue of the system's.
pub(crate) struct Source {
    watcher: RecommendedWatcher,
}

impl Source {
    pub(crate) fn open(root: &Path, inbox: &Arc<Inbox>) -> Result<Self, Limit> {
        if let Some(kind) = remote(root) {
            return Err(Limit::Remote(kind));
        }
        let inbox = Arc::clone(inbox);
        // Reading is no change, and our own reading least of all.
        let config = Config::default().with_event_kinds(EventKindMask::CORE).with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(move |event| inbox.push(event), config);
        Ok(Self { watcher: watcher.map_err(|error| limit(&error))? })
    }

    /// Watch these folders, those that are watched already too: one that was moved away and made again under its name is
    /// another one. A folder that is not there any more is left out.
    pub(crate) fn watch(&mut self, new: Vec<PathBuf>, again: Vec<PathBuf>) -> Result<(), Limit> {
        let config = WatchPathConfig::new(RecursiveMode::NonRecursive).with_dereference_symlinks(false);
        let renewed = again.iter().cloned().map(PathOp::unwatch).collect();
        self.update(renewed)?;
        self.update(new.into_iter().chain(again).map(|path| PathOp::Watch(path, config.clone())).collect())
    }

    /// Watch these no more.
    pub(crate) fn unwatch(&mut self, gone: Vec<PathBuf>) {
        // Nothing is placed, so no limit can be reached.
        _ = self.update(gone.into_iter().map(PathOp::unwatch).collect());
    }

    fn update(&mut self, mut ops: Vec<PathOp>) -> Result<(), Limit> {
        while !ops.is_empty() {
            let Err(failed) = self.watcher.update_paths(std::mem::take(&mut ops)) else { return Ok(()) };
            match limit(&failed.source) {
                Limit::Other(_) if failed.origin.is_some() => ops = failed.remaining,
                limit => return Err(limit),
            }
        }
        Ok(())
    }
}

fn limit(error: &notify::Error) -> Limit {
    match &error.kind {
        ErrorKind::MaxFilesWatch => Limit::Watches,
        ErrorKind::Io(io) => match io.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOSPC) => Limit::Watches,
            // inotify_init says the same when the process has no descriptors left.
            Some(Errno::MFILE) if descriptors_left() => Limit::Instances,
            Some(Errno::MFILE | Errno::NFILE) => Limit::Descriptors,
            _ => Limit::Other(io.to_string()),
        },
        _ => Limit::Other(error.to_string()),
    }
}

fn descriptors_left() -> bool {
    // A queue takes three.
    let some: Vec<_> = std::iter::repeat_with(|| std::fs::File::open("/")).take(3).collect();
    some.iter().all(Result::is_ok)
}

/// The kind of a file system that other machines write to.
fn remote(root: &Path) -> Option<&'static str> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the kernel's magic numbers have 32 bits"
    )]
    let magic = statfs(root).ok()?.f_type as u32;
    Some(match magic {
        0x6969 => "NFS",
        0xFF53_4D42 | 0xFE53_4D42 | 0x517B => "SMB",
        0x0102_1997 => "9P",
        0x5346_414F => "AFS",
        0x00C3_6400 => "Ceph",
        0x786F_4256 => "a shared folder of VirtualBox",
        _ => return None,
    })
}
