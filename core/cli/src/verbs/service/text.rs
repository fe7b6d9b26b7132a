//! The files for systemd and launchd.

use std::ffi::OsString;
use std::path::PathBuf;

/// The mark of files that deepcoder wrote.
pub(super) const MARK: &str = "Written by `deepcoder service install`; `deepcoder service uninstall` removes it.";

/// The agent's name for launchd.
pub(super) const LABEL: &str = "dev.deepcoder.daemon";

/// A service.
pub(super) struct Unit {
    pub(super) program: PathBuf,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) memory_max: Option<String>,
    pub(super) cpu_quota: Option<String>,
}

impl Unit {
    /// A user unit (systemd.service(5)); the name of what cannot be written, as an error.
    pub(super) fn systemd(&self) -> Result<String, String> {
        let program = quoted(self.program.as_os_str(), "the path of this program")?;
        let mut text = format!(
            "# {MARK}\n[Unit]\nDescription=deepcoder: edits code with a language model on this machine\n\n[Service]\n\
             ExecStart={} serve --quiet\nRestart=on-failure\nRestartSec=1\n",
            // Here, and nowhere else, a dollar has a meaning.
            program.replace('$', "$$")
        );
        for (name, value) in &self.environment {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            text.push_str(&format!("Environment={}\n", quoted(&pair, &name.to_string_lossy())?));
        }
        for (name, value) in [("MemoryMax", &self.memory_max), ("CPUQuota", &self.cpu_quota)] {
            text.push_str(&value.as_ref().map(|value| format!("{name}={value}\n")).unwrap_or_default());
        }
        text.push_str("\n[Install]\nWantedBy=default.target\n");
        Ok(text)
    }

    /// An agent (launchd.plist(5)).
    pub(super) fn launchd(&self) -> Result<String, String> {
        let program = xml(self.program.as_os_str(), "the path of this program")?;
        let mut pairs = String::new();
        for (name, value) in &self.environment {
            let what = name.to_string_lossy();
            pairs.push_str(&format!(
                "    <key>{}</key>\n    <string>{}</string>\n",
                xml(name, &what)?,
                xml(value, &what)?
            ));
        }
        Ok(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
             <!-- {MARK} -->\n<plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>{LABEL}</string>\n  \
             <key>ProgramArguments</key>\n  <array>\n    <string>{program}</string>\n    <string>serve</string>\n    \
             <string>--quiet</string>\n  </array>\n  <key>EnvironmentVariables</key>\n  <dict>\n{pairs}  </dict>\n  \
             <key>RunAtLoad</key>\n  <true/>\n  <key>KeepAlive</key>\n  <dict>\n    <key>SuccessfulExit</key>\n    \
             <false/>\n  </dict>\n</dict>\n</plist>\n"
        ))
    }
}

/// As one word of a unit file.
fn quoted(text: &std::ffi::OsStr, what: &str) -> Result<String, String> {
    let text = plain(text, what)?;
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    Ok(format!("\"{escaped}\""))
}

fn xml(text: &std::ffi::OsStr, what: &str) -> Result<String, String> {
    Ok(plain(text, what)?.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

/// Text without anything that neither format can hold.
fn plain<'a>(text: &'a std::ffi::OsStr, what: &str) -> Result<&'a str, String> {
    text.to_str().filter(|text| !text.chars().any(char::is_control)).ok_or_else(|| what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn unit() -> Unit {
        Unit {
            program: "/opt/my tools/deep$coder".into(),
            environment: vec![("DEEPCODER_HOME".into(), "/home/a \"b\" 100%".into())],
            memory_max: Some("12G".into()),
            cpu_quota: None,
        }
    }

    /// Protects users whose paths have blanks, quotes and signs that systemd reads as something else.
    #[test]
    fn a_unit_means_what_was_meant() {
        let text = unit().systemd().expect("a unit");
        assert!(text.contains("\nExecStart=\"/opt/my tools/deep$$coder\" serve --quiet\n"), "{text}");
        assert!(text.contains("\nEnvironment=\"DEEPCODER_HOME=/home/a \\\"b\\\" 100%%\"\n"), "{text}");
        assert!(text.contains("\nMemoryMax=12G\n") && !text.contains("CPUQuota"), "{text}");
        assert!(text.starts_with(&format!("# {MARK}\n")));
        let wrong = Unit { program: "/a\nExecStartPre=evil".into(), ..unit() };
        assert_eq!(wrong.systemd(), Err("the path of this program".into()));
    }

    /// Protects the format: systemd's own check finds nothing, where it is there.
    #[test]
    fn systemd_takes_the_unit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deepcoder.service");
        let unit = Unit { program: "/bin/true".into(), ..unit() };
        #[expect(clippy::disallowed_methods, reason = "a temporary folder of the test's own")]
        std::fs::write(&path, unit.systemd().expect("a unit")).expect("written");
        let Ok(out) = Command::new("systemd-analyze").args(["verify", "--user"]).arg(&path).output() else {
            deepcoder_test_support::skip!("systemd-analyze", "it is not installed");
        };
        let said = String::from_utf8_lossy(&out.stderr);
        // Without a session it cannot say anything of the unit.
        let about: Vec<&str> = said.lines().filter(|line| line.contains("deepcoder.service")).collect();
        assert!(about.is_empty(), "{said}");
    }

    /// Protects launchd's format, and whatever XML takes for a tag.
    #[test]
    fn an_agent_is_xml() {
        let agent = Unit { program: "/opt/a&b/<deepcoder>".into(), ..unit() };
        let text = agent.launchd().expect("an agent");
        assert!(text.contains("<string>/opt/a&amp;b/&lt;deepcoder&gt;</string>"), "{text}");
        assert!(text.contains("<key>DEEPCODER_HOME</key>\n    <string>/home/a \"b\" 100%</string>"), "{text}");
        assert_eq!(text.matches("<dict>").count(), text.matches("</dict>").count());
    }
}
