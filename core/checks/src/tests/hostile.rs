//! Checks that do harm.

use super::{Bench, reason};
use deepcoder_types::{Cancel, CheckOutcome};

/// Every file of the repository and its bytes.
fn snapshot(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let listed = bench.repo.git(&["ls-files", "-co"]);
    let mut all: Vec<_> = listed.lines().map(|path| (path.to_owned(), bench.repo.read(path))).collect();
    all.sort();
    all
}

/// Protects the user's tree: a check that writes into files, removes them, follows a link to the outside, or replaces its
/// directory by a link to the user's own reaches the copy only, and the copy is whole again for the next run.
#[test]
fn the_users_tree_is_out_of_reach() {
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("secret"), "precious").expect("written");
    let files = [("a.txt", "a\n"), ("src/b.txt", "b\n"), ("src/deep/c.txt", "c\n")];
    let bench = Bench::script("build", "", "true\n", &files);
    let (root, secret) = (bench.repo.path().display().to_string(), outside.path().join("secret").display().to_string());
    std::os::unix::fs::symlink(&secret, bench.repo.join("link")).expect("a link");
    std::os::unix::fs::symlink("src/b.txt", bench.repo.join("inner")).expect("a link");
    bench.repo.git(&["add", "-A"]);
    let script = format!(
        "cat inner src/deep/c.txt >/dev/null || exit 5\n[ -e link ] && exit 6\ncat {secret} && exit 7\n\
         echo x > {root}/a.txt && exit 8\necho evil > a.txt; rm -r src; ln -s {root}/src src; chmod 000 check.sh\n\
         mkdir -p p/q; touch p/q/f; chmod 000 p/q p\nexit 0\n"
    );
    bench.repo.write("check.sh", script.as_bytes());
    let before = snapshot(&bench);
    for text in ["b2\n", "b3\n", "b4\n"] {
        let report = bench.report(&[("src/b.txt", Some(text)), ("src/deep/c.txt", Some("c2\n"))]);
        assert_eq!(report.outcome, CheckOutcome::Passed, "{report:?}");
    }
    assert_eq!(snapshot(&bench), before);
    assert_eq!(std::fs::read(outside.path().join("secret")).expect("read"), b"precious");
}

/// Protects the user's patience and the machine: a check that hangs ends at its timeout and with it the children that would
/// outlive it, and it does not pass.
#[test]
fn a_check_that_hangs_is_ended() {
    let script = "(setsid sleep 300 &) ; (sleep 300 &) ; sleep 300\n";
    let bench = Bench::script("test", "timeout = 0.5\n", script, &[("a.txt", "a\n")]);
    let report = bench.report(&[("a.txt", Some("b\n"))]);
    assert_eq!(reason(&report), "before the edit: it did not finish in 0.5 s");
    // One that passed before the edit and hangs after it is the edit's doing.
    let script = "grep -q hang a.txt && sleep 300; exit 0\n";
    let bench = Bench::script("test", "timeout = 0.5\n", script, &[("a.txt", "a\n")]);
    let report = bench.report(&[("a.txt", Some("hang\n"))]);
    assert_eq!(report.outcome, CheckOutcome::Failed);
    assert!(report.added[0].message.starts_with("after the edit, it did not finish in 0.5 s"), "{report:?}");
    // Children that outlive their parent keep nobody waiting: the time of the next run shows that they are gone.
    let bench =
        Bench::script("test", "timeout = 30\n", "(sleep 25 &) ; (setsid sleep 25 &) ; exit 0\n", &[("a.txt", "a\n")]);
    let report = bench.report(&[("a.txt", Some("b\n"))]);
    assert!(report.outcome == CheckOutcome::Passed && report.ms < 20_000, "{report:?}");
}

/// Protects the disk: a check that fills its directory is ended, and what it wrote is gone with the next run.
#[test]
fn a_check_that_fills_the_disk_is_ended() {
    let script = "grep -q small a.txt && exit 0\ni=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > $XDG_CACHE_HOME/f$i; done\n";
    let mut bench = Bench::script("build", "timeout = 60\n", script, &[("a.txt", "small\n")]);
    bench.scratch_bytes = Some(20 << 20);
    let report = bench.report(&[("a.txt", Some("big\n"))]);
    assert_eq!(reason(&report), "it wrote too much");
    let report = bench.report(&[("a.txt", Some("small too\n"))]);
    assert_eq!(report.outcome, CheckOutcome::Passed, "{report:?}");
}

/// Protects memory, and everything that shows a message: 100 MB of output are cut, and escapes and controls are taken out.
#[test]
fn endless_output_is_cut_and_plain() {
    let script = "printf '\\033]0;title\\007\\033[31ma.txt:1: error: red\\033[0m\\033[2J\\r\\n'\n\
                  head -c 100000000 /dev/zero | tr '\\0' 'x'\nexit 1\n";
    let bench = Bench::script("build", "", script, &[("a.txt", "a\n")]);
    let reports = bench.trusted().run_now(&[], &Cancel::new(), &|_, _| {}, &mut |_| {}).expect("runs");
    assert_eq!(reports[0].outcome, CheckOutcome::Failed);
    for diagnostic in &reports[0].added {
        assert!(diagnostic.message.len() < 2000 && !diagnostic.message.contains(char::is_control), "{diagnostic:?}");
    }
}

/// Protects the network and the home directory: a check reaches neither.
#[test]
fn a_check_has_no_network_and_no_home() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("key"), "secret").expect("written");
    let script = format!(
        "[ \"$(ls -A \"$HOME\")\" = '' ] || exit 3\ncat {} && exit 4\n\
         python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))' && exit 5\n\
         python3 -c 'import sys; sys.exit(9)'; [ $? -eq 9 ] || exit 6\nexit 0\n",
        home.path().join("key").display()
    );
    let bench = Bench::script("build", "", &script, &[("a.txt", "a\n")]);
    std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("reachable from here");
    assert_eq!(bench.report(&[("a.txt", Some("b\n"))]).outcome, CheckOutcome::Passed);
}
