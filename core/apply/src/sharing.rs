//! `core.sharedRepository`: what deepcoder makes inside git's folder has the permissions that git would give it, so that
//! the other members of the group can edit, and run `git gc` over our refs.

use deepcoder_workspace::Workspace;
use rustix::fd::AsFd;
use rustix::fs::{FileType, Mode, fchmod, fstat};

/// The permissions that members share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sharing {
    /// As the umask says.
    #[default]
    Umask,
    /// These bits, besides those that a file has.
    Plus(u32),
    /// Exactly these bits.
    Exactly(u32),
}

const GROUP: Sharing = Sharing::Plus(0o660);
const EVERYBODY: Sharing = Sharing::Plus(0o664);

impl Sharing {
    pub(crate) fn of(workspace: &Workspace) -> Self {
        let config = workspace.repository().and_then(|repo| repo.config());
        let value = config.and_then(|config| config.get_string("core.sharedRepository"));
        value.map_or(Self::Umask, |value| Self::parse(&value))
    }

    /// As git's `git_config_perm` reads it.
    fn parse(value: &str) -> Self {
        match value.to_ascii_lowercase().as_str() {
            "umask" | "false" | "no" | "off" | "" => Self::Umask,
            "group" | "true" | "yes" | "on" => GROUP,
            "all" | "world" | "everybody" => EVERYBODY,
            number => match u32::from_str_radix(number, 8) {
                Ok(1) => GROUP,
                Ok(2) => EVERYBODY,
                Ok(mode) if mode & 0o600 == 0o600 => Self::Exactly(mode & 0o666),
                _ => Self::Umask,
            },
        }
    }

    /// Give a file or folder of ours the shared permissions. One that another member made has them already, and is not
    /// ours to change.
    pub(crate) fn adjust(self, of: impl AsFd) {
        let (bits, exactly) = match self {
            Self::Umask => return,
            Self::Plus(bits) => (bits, false),
            Self::Exactly(bits) => (bits, true),
        };
        let Ok(stat) = fstat(&of) else { return };
        let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let old = stat.st_mode & 0o7777;
        let mut bits = if old & 0o200 == 0 { bits & !0o222 } else { bits };
        if old & 0o100 != 0 {
            bits |= (bits & 0o444) >> 2;
        }
        let mut new = if exactly { (old & !0o777) | bits } else { old | bits };
        if is_dir {
            new |= (new & 0o444) >> 2;
            if new & 0o060 != 0 {
                // New entries of the folder then belong to the group as well.
                new |= 0o2000;
            }
        }
        if new != old {
            let _ = fchmod(of, Mode::from_raw_mode(new));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects repositories of groups: every way to write the setting means what it means to git.
    #[test]
    fn the_setting_is_read_as_git_reads_it() {
        for (text, sharing) in [
            ("umask", Sharing::Umask),
            ("false", Sharing::Umask),
            ("0", Sharing::Umask),
            ("Group", GROUP),
            ("true", GROUP),
            ("1", GROUP),
            ("2", EVERYBODY),
            ("world", EVERYBODY),
            ("0640", Sharing::Exactly(0o640)),
            ("0777", Sharing::Exactly(0o666)),
            ("0040", Sharing::Umask),
            ("nonsense", Sharing::Umask),
        ] {
            assert_eq!(Sharing::parse(text), sharing, "{text}");
        }
    }
}
