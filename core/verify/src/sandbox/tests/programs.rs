//! Real programs that must run inside: the walls are of no use if the tests of a repository do not pass them. The test of a
//! program that this machine lacks is skipped.

use super::*;

/// Run `script` with `sh` as a tool, with room for compilers; where it fails, what it said.
fn works(name: &str, readable: &[PathBuf], env: &[(&str, &Path)], script: &str) {
    let dir = tempfile::tempdir().expect("dir");
    let mut program = shell(dir.path(), script);
    program.readable = readable.to_vec();
    program.env = env.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    // Node and Java reserve far more address space than they use.
    program.limits.memory_bytes = 1 << 40;
    program.limits.wall = Duration::from_secs(120);
    program.limits.processes = 200;
    program.require_confinement = true;
    let output = run(&program, &Cancel::new()).expect("runs");
    let said = (output.stdout.to_text(), output.stderr.to_text());
    assert!(output.success(), "{name}: {:?}\n{}\n{}", output.ended, said.0, said.1);
    assert!(said.0.trim_end().ends_with("all well"), "{name}:\n{}\n{}", said.0, said.1);
}

/// The first of `names` on the path, and what it says to `ask`. (Some are scripts that find the real program.)
fn found(name: &str, ask: &[&str]) -> Option<String> {
    let output = Command::new(name).args(ask).stderr(Stdio::null()).output().ok().filter(|o| o.status.success());
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

const PYTHON: &str = r#"
import asyncio, concurrent.futures, ctypes, fcntl, hashlib, json, logging, mmap, multiprocessing, os, pathlib, queue
import random, re, selectors, shutil, signal, socket, sqlite3, ssl, subprocess, sys, tempfile, threading, time, unittest

class Everyday(unittest.TestCase):
    def test_threads(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.assertEqual(list(pool.map(lambda n: n * n, range(50)))[-1], 2401)
        lock, seen = threading.Condition(), queue.Queue()
        threading.Timer(0.01, lambda: seen.put(1)).start()
        self.assertEqual(seen.get(timeout=10), 1)
    def test_subprocess(self):
        self.assertEqual(subprocess.run(['sort'], input=b'b\na\n', capture_output=True, check=True).stdout, b'a\nb\n')
        self.assertEqual(subprocess.check_output('echo $((6*7)) | cat', shell=True, text=True), '42\n')
        with self.assertRaises(subprocess.TimeoutExpired):
            subprocess.run(['sleep', '30'], timeout=0.2)
        out = subprocess.run([sys.executable, '-c', 'import sys; sys.exit(3)'], close_fds=True)
        self.assertEqual(out.returncode, 3)
    def test_multiprocessing(self):
        for method in ('fork', 'spawn'):
            context = multiprocessing.get_context(method)
            ours, theirs = context.Pipe()
            process = context.Process(target=print, args=(method,), kwargs={'flush': True})
            process.start(); process.join(20)
            self.assertEqual(process.exitcode, 0)
        theirs.send({'a': [1]}); self.assertEqual(ours.recv(), {'a': [1]})
    def test_sqlite(self):
        with tempfile.TemporaryDirectory() as folder:
            for mode in ('delete', 'wal'):
                base = sqlite3.connect(os.path.join(folder, mode))
                base.execute(f'pragma journal_mode={mode}')
                base.execute('create table t(x)'); base.executemany('insert into t values(?)', [(n,) for n in range(1000)])
                base.commit()
                self.assertEqual(base.execute('select sum(x) from t').fetchone(), (499500,))
                base.close()
    def test_files(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        file = folder / 'a'
        file.write_text('text'); file.chmod(0o755); os.utime(file, (1, 1))
        shutil.copy2(file, folder / 'b'); shutil.copytree(folder, folder.parent / 'copy'); shutil.make_archive(str(folder.parent / 'arc'), 'gztar', folder)
        os.link(file, folder / 'hard'); os.symlink('a', folder / 'soft'); os.rename(folder / 'hard', folder / 'moved')
        os.mkfifo(folder / 'fifo')
        with open(file, 'r+b') as f:
            fcntl.flock(f, fcntl.LOCK_EX); os.posix_fallocate(f.fileno(), 0, 10000); os.fsync(f.fileno())
            m = mmap.mmap(f.fileno(), 0); m[:2] = b'TE'; m.flush(); m.close()
        self.assertEqual(file.read_bytes()[:4], b'TExt'); self.assertEqual(file.stat().st_size, 10000)
        with tempfile.TemporaryFile() as f: f.write(b'x'); f.truncate(100)
        shutil.rmtree(folder)
    def test_asyncio(self):
        async def main():
            process = await asyncio.create_subprocess_exec('cat', stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
            out, _ = await process.communicate(b'hello' * 100000)
            left, right = socket.socketpair()
            reader, kept = await asyncio.open_connection(sock=left); _, writer = await asyncio.open_connection(sock=right)
            writer.write(b'line\n'); await writer.drain()
            line = await reader.readline()
            await asyncio.gather(*(asyncio.sleep(0.001) for _ in range(100)))
            return len(out), line, await asyncio.get_running_loop().run_in_executor(None, lambda: 5)
        self.assertEqual(asyncio.run(main()), (500000, b'line\n', 5))
    def test_signals(self):
        got = []
        signal.signal(signal.SIGALRM, lambda *_: got.append(1)); signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(0.2)
        signal.signal(signal.SIGUSR1, lambda *_: got.append(2)); os.kill(os.getpid(), signal.SIGUSR1)
        self.assertEqual(got, [1, 2])
    def test_rest(self):
        ctypes.CDLL(None).getpid(); os.urandom(8); hashlib.sha256(b'').hexdigest(); ssl.create_default_context()
        self.assertGreater(os.cpu_count(), 0); os.nice(0); os.getloadavg(); time.get_clock_info('monotonic')
        self.assertEqual(os.waitstatus_to_exitcode(os.system('exit 7')), 7)
        pid = os.fork()
        if not pid: os._exit(5)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 5)
        with self.assertRaises(PermissionError): socket.socket()

result = unittest.main(exit=False, argv=['x']).result
print('all well' if result.wasSuccessful() else 'not well', flush=True)
"#;

/// Protects the tests of Python projects.
#[test]
fn python_runs() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let ask = "import os, sys; print(sys.executable, sys.prefix, sys.base_prefix, os.path.realpath(sys.executable), sep='\\n')";
    let Some(places) = found("python3", &["-I", "-c", ask]) else { skip!("python3", "it is not installed") };
    let readable: Vec<PathBuf> = places.lines().map(PathBuf::from).collect();
    std::fs::write(dir.path().join("everyday.py"), PYTHON).expect("file");
    let script = format!("'{}' -I '{}'", readable[0].display(), dir.path().join("everyday.py").display());
    let readable = readable.into_iter().chain([dir.path().to_owned()]).collect::<Vec<_>>();
    works("python", &readable, &[], &script);
}

/// Protects the tests of JavaScript projects.
#[test]
fn node_runs() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let Some(place) = found("node", &["-p", "process.execPath"]) else { skip!("node", "it is not installed") };
    let script = format!(
        r#"'{place}' -e '
        const fs = require("fs"), {{ Worker }} = require("worker_threads"), child = require("child_process");
        const assert = require("assert"), zlib = require("zlib"), crypto = require("crypto"), os = require("os");
        (async () => {{
            fs.mkdirSync("a/b", {{ recursive: true }}); fs.writeFileSync("a/b/c", "x"); fs.chmodSync("a/b/c", 0o755);
            fs.cpSync("a", "d", {{ recursive: true }}); await fs.promises.rm("a", {{ recursive: true }});
            assert.equal(child.execFileSync("cat", {{ input: "in" }}).toString(), "in");
            assert.equal(child.spawnSync("exit 4", {{ shell: true }}).status, 4);
            fs.writeFileSync("forked.js", "process.send(process.pid)"); const forked = child.fork("forked.js");
            await new Promise((done) => forked.once("message", done));
            const worker = new Worker("require(`worker_threads`).parentPort.postMessage(42)", {{ eval: true }});
            assert.equal(await new Promise((done) => worker.once("message", done)), 42);
            assert(zlib.gunzipSync(zlib.gzipSync("x".repeat(1e5))).length === 1e5); crypto.scryptSync("a", "b", 16);
            os.cpus(); process.memoryUsage(); await new Promise((done) => setTimeout(done, 5));
            console.log("all well");
        }})();'"#
    );
    works("node", &[PathBuf::from(place)], &[], &script);
}

/// Protects the tests of C projects: the compiler, the linker, make, and what they make.
#[test]
fn a_compiler_of_c_runs() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    if found("cc", &["--version"]).is_none() || found("make", &["--version"]).is_none() {
        skip!("a-c-compiler", "there is no cc or no make");
    }
    let script = r#"cat > a.c <<'END'
#include <pthread.h>
#include <stdio.h>
static void *work(void *arg) { return arg; }
int main(void) { pthread_t t; pthread_create(&t, 0, work, 0); pthread_join(t, 0); puts("all well"); return 0; }
END
printf 'a: a.o lib.a\n\tcc -pipe -pthread a.o lib.a -o a\na.o: a.c\n\tcc -O2 -g -c a.c\nlib.a: a.o\n\tar rcs lib.a a.o\n' > Makefile
make -j2 && strip a && touch -r a b && cp -a a c && ./c"#;
    works("cc", &[], &[], script);
}

/// Protects the tests of Rust projects: cargo without a network, rustc, the linker, and the tests that it runs.
#[test]
fn cargo_runs() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let Some(sysroot) = found("rustc", &["--print", "sysroot"]).map(PathBuf::from) else {
        skip!("cargo", "there is no rustc")
    };
    let bin = sysroot.join("bin");
    if !bin.join("cargo").exists() || found("cc", &["--version"]).is_none() {
        skip!("cargo", "it is not beside rustc, or there is no cc");
    }
    let script = r#"export PATH="$RUST:$PATH" CARGO_NET_OFFLINE=true
mkdir sample && cd sample && cargo init -q --vcs none --lib && cat > src/lib.rs <<'END'
#[test] fn threads() { assert_eq!(std::thread::spawn(|| 5).join().unwrap(), 5); }
#[test] fn children() { assert!(std::process::Command::new("true").status().unwrap().success()); }
#[test] #[should_panic] fn panics() { panic!("x"); }
END
cargo test -q --offline && cargo build -q --offline && echo all well"#;
    works("cargo", std::slice::from_ref(&sysroot), &[("RUST", &bin)], script);
}

/// Protects the tests of Java projects.
#[test]
fn java_runs() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    if found("javac", &["-version"]).is_none() || found("java", &["--version"]).is_none() {
        skip!("java", "there is no javac or no java");
    }
    let script = r#"cat > A.java <<'END'
import java.nio.file.*; import java.util.concurrent.*;
public class A { public static void main(String[] a) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    if (pool.submit(() -> 42).get() != 42) throw new Error(); pool.shutdown();
    Path file = Files.createTempFile("a", "b"); Files.writeString(file, "text"); Files.delete(file);
    Process p = new ProcessBuilder("cat").start(); p.getOutputStream().close(); if (p.waitFor() != 0) throw new Error();
    System.gc(); System.out.println("all well"); } }
END
javac A.java && java -Djava.io.tmpdir="$TMPDIR" A"#;
    works("java", &[], &[], script);
}

/// Protects the tests of Go projects.
#[test]
fn go_runs() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let Some(root) = found("go", &["env", "GOROOT"]).map(PathBuf::from) else { skip!("go", "it is not installed") };
    let script = r#"export GOFLAGS=-mod=mod GOPROXY=off GOCACHE="$TMPDIR/cache" GOPATH="$TMPDIR/go" GOTOOLCHAIN=local
mkdir sample && cd sample && printf 'module sample\n' > go.mod
printf 'package sample\nimport ("testing"; "os/exec")\nfunc TestIt(t *testing.T) { if exec.Command("true").Run() != nil { t.Fatal() } }\n' > a_test.go
"$GO/bin/go" test ./... && echo all well"#;
    works("go", std::slice::from_ref(&root), &[("GO", &root)], script);
}

/// Protects tools that read the history, and scripts with the everyday programs.
#[test]
fn git_and_the_shell_run() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    if found("git", &["--version"]).is_none() {
        skip!("git", "it is not installed");
    }
    let script = r#"set -e
git init -q r && cd r && git config user.name a && git config user.email a@b
echo one > a && git add a && git commit -q -m one && echo two >> a
git status --short | grep -q a && git diff | grep -q two && git log --oneline | grep -q one && git grep -q one
git show HEAD:a > /dev/null && git blame a > /dev/null && git ls-files | xargs cat > /dev/null && git stash -q && git gc -q
cd .. && tar czf r.tgz r && mkdir x && tar xzf r.tgz -C x && diff -r r x/r && find . -name a -exec grep -l one {} + > /dev/null
seq 1 1000 | sort -R | sort -n | awk '{ s += $1 } END { exit s != 500500 }'
bash -c 'cat <(echo process substitution) > /dev/null; echo x > /dev/stdout; wait' && perl -e 'print `echo perl`' && ls -la > /dev/null
timeout 5 sleep 0.01; (sleep 0.05 & wait); trap 'echo all well' EXIT; kill -0 $$"#;
    works("git", &[], &[], script);
}
