//! `deepcoder service`

use clap::{Args, Subcommand};

/// `deepcoder service`
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceVerb {
    /// Install it: a user unit of systemd, or an agent of launchd
    Install(ServiceInstallArgs),
    /// Remove it; the daemon ends, and is started when it is needed as before
    Uninstall,
    /// Say whether it is installed, and whether it runs
    Status,
}

/// `deepcoder service install`
#[derive(Debug, Args)]
pub(crate) struct ServiceInstallArgs {
    /// Only print what would be installed
    #[arg(long)]
    pub(crate) print: bool,
    /// The most memory that the daemon and its model may take, such as 12G (systemd)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory_max: Option<String>,
    /// The most of the processors that both may take, such as 150% for one and a half (systemd)
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) cpu_quota: Option<String>,
}

fn size(text: &str) -> Result<String, String> {
    let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
    let good = digits.len() + 1 >= text.len() && digits.parse::<u64>().is_ok_and(|n| n > 0);
    if good { Ok(text.to_owned()) } else { Err("write it like 12G or 800M".into()) }
}

fn percent(text: &str) -> Result<String, String> {
    let good = text.strip_suffix('%').and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n > 0);
    if good { Ok(text.to_owned()) } else { Err("write it like 150%".into()) }
}
