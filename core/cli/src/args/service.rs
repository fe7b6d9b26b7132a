//! `deepcoder service`

use clap::{Args, Subcommand};

/// `deepcoder service`
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceVerb {
    /// Install a systemd user unit or a launchd agent
    Install(ServiceInstallArgs),
    /// Uninstall the service and stop the daemon; commands start it on demand again
    Uninstall,
    /// Show whether the service is installed and running
    Status,
}

/// `deepcoder service install`
#[derive(Debug, Args)]
pub(crate) struct ServiceInstallArgs {
    /// Print what would be installed
    #[arg(long)]
    pub(crate) print: bool,
    /// Memory limit of the daemon and its model, such as 12G (systemd)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory_max: Option<String>,
    /// CPU limit of the daemon and its model, such as 150% for one and a half cores (systemd)
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
