//! The parts of the system that a program may read. All else is closed to it, including home directories,
//! `/etc/shadow`, `/root` and `/var`.

use super::Profile;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Programs, libraries, and the devices that only give bytes.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/hugepages",
    "/sys/kernel/mm/transparent_hugepage",
];

/// Below `/etc`: what libraries and compilers look up. No passwords, no keys, no tokens, and nothing that identifies the
/// machine.
const ETC: &[&str] = &[
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "gitattributes",
    "group",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ld.so.preload",
    "locale.alias",
    "locale.conf",
    "localtime",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "pki/ca-trust",
    "pki/java",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "protocols",
    "resolv.conf",
    "rpc",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];

/// Below `/etc`, by how the name begins: what a language's packages keep there.
const ETC_FAMILIES: &[&str] = &["java", "jvm", "maven", "python3", "perl", "ruby", "lua"];

/// Below `/proc`, for a single program: the machine as a whole. The folders of processes are left out, since a rule cannot
/// name the program's own before there is one; links in them (`/proc/self/fd/0`, `/proc/self/exe`) lead where they did.
///
/// Tools read how much memory they use in their own, so they get all of `/proc`. Of other processes that is what any user
/// sees, such as the words of their commands: Landlock closes their environment, memory, maps and open files.
const PROC: &[&str] = &[
    "/proc/cpuinfo",
    "/proc/devices",
    "/proc/diskstats",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/fs",
    "/proc/sys/kernel/cap_last_cap",
    "/proc/sys/kernel/ngroups_max",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/ostype",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/random",
    "/proc/sys/kernel/seccomp",
    "/proc/sys/kernel/threads-max",
    "/proc/sys/kernel/version",
    "/proc/sys/vm",
    "/proc/uptime",
    "/proc/version",
    "/proc/vmstat",
];

/// All of it that this machine has.
pub(super) fn paths<'a>(profile: Profile) -> impl Iterator<Item = &'a Path> {
    static PATHS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let paths = PATHS.get_or_init(|| {
        let mut paths: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
        paths.extend(ETC.iter().map(|name| PathBuf::from("/etc").join(name)));
        for entry in std::fs::read_dir("/etc").into_iter().flatten().filter_map(Result::ok) {
            let name = entry.file_name();
            if ETC_FAMILIES.iter().any(|family| name.as_encoded_bytes().starts_with(family.as_bytes())) {
                paths.push(entry.path());
            }
        }
        paths.retain(|path| path.exists());
        paths
    });
    let proc = match profile {
        Profile::Program => PROC,
        Profile::Toolchain => &["/proc"],
    };
    paths.iter().map(PathBuf::as_path).chain(proc.iter().map(Path::new))
}
