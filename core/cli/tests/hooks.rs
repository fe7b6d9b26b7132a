//! Hooks as git runs them, with the program itself.

use crate::fake_daemon::FakeDaemon;
use crate::workbench::Workbench;
use deepcoder_test_support::FakeModel;
use insta::assert_snapshot;
use std::process::Output;
use std::sync::Arc;

const CONFIG: &[u8] = b"[[hook.action]]\nuse = \"trailing-space\"\n\n[[hook.action]]\nuse = \"document\"\n\n\
                        [[hook.action]]\nuse = \"refuse-secrets\"\n";

impl Workbench {
    /// `git` with the surroundings of the program, so that the hook has them.
    fn commit(&self, args: &[&str]) -> Output {
        let program = self.command(&[]);
        let vars = program.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        std::process::Command::new("git")
            .current_dir(self.repo.path())
            .env_clear()
            .envs(vars)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "commit", "-q"])
            .args(args)
            .output()
            .expect("git runs")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Protects the whole way: installed, a commit takes its fix and the model's words along, in the index and in the file;
/// what is refused is refused; uninstalled, there is no hook.
#[test]
fn commits_with_an_installed_hook() {
    let bench = Workbench::new(&[("deepcoder.toml", CONFIG), ("a.py", b"x = 1\n")]);
    let documented = "def f(a):\n    \"\"\"Give it back.\"\"\"\n    return a\n";
    let _daemon = FakeDaemon::start(&bench, Arc::new(FakeModel::saying([documented])));
    let install =
        bench.command(&["hook", "install", "--type", "pre-commit", "--type", "commit-msg"]).output().expect("it runs");
    assert!(install.status.success(), "{}", said(&install));
    bench.repo.write("b.py", b"def f(a):\n    return a\n");
    bench.repo.write("a.py", b"x = 1 \n");
    bench.repo.git(&["add", "b.py"]);
    let commit = bench.commit(&["-m", "x"]);
    assert!(commit.status.success(), "{}", said(&commit));
    assert_eq!(bench.repo.git(&["show", "HEAD:b.py"]), documented);
    assert_eq!(bench.repo.read("b.py"), documented.as_bytes());
    assert_eq!(bench.repo.git(&["status", "--porcelain"]), " M a.py\n");
    let secret = format!("k = 'AKIA{}'", "QWERTYUIOPASDFGH");
    assert!(!bench.commit(&["-a", "-m", &secret]).status.success());
    bench.repo.write("a.py", format!("{secret}\n").as_bytes());
    let refused = bench.commit(&["-a", "-m", "y"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("a.py:1: this looks like an AWS access key"), "{}", said(&refused));
    assert!(bench.command(&["hook", "uninstall"]).status().expect("it runs").success());
    assert!(bench.commit(&["-a", "-m", "z"]).status.success());
}

/// Protects whoever has to see to something: what is said, where, and with which exit code.
#[test]
fn what_hooks_say() {
    let bench = Workbench::new(&[("deepcoder.toml", CONFIG)]);
    bench.repo.write("b.py", b"def f(a): \n    return a\n");
    bench.repo.git(&["add", "."]);
    let mut text = vec![
        bench.transcript(&["hook", "status"]),
        bench.transcript(&["hook", "uninstall"]),
        bench.transcript(&["hook", "run"]),
    ];
    bench.repo.write("c.py", b"<<<<<<< x\n");
    bench.repo.write("deepcoder.toml", b"[hook]\n\n[[hook.action]]\nuse = \"conflict-marker\"\n");
    bench.repo.git(&["add", "."]);
    text.push(bench.transcript(&["hook", "run"]));
    text.push(bench.transcript(&["hook", "install"]));
    std::fs::remove_file(bench.repo.join("deepcoder.toml")).expect("removed");
    text.push(bench.transcript(&["hook", "run"]));
    text.push(bench.transcript(&["hook", "run", "--json"]));
    text.push(bench.transcript(&["hook", "run", "--files", "c.py"]));
    assert_snapshot!(text.join("\n"));
}
