"""What pre-commit and lint-staged do to unstaged changes when they are killed, or when somebody saves a file meanwhile.

    python hooks.py pre-commit PATH-OF-PRE-COMMIT  [ROUNDS]
    python hooks.py lint-staged PATH-OF-LINT-STAGED [ROUNDS]

A repository has a staged change in a.txt, another change of a.txt that is not staged, and one in b.txt. A hook runs that
changes nothing and takes a moment. Needs git; works in a temporary folder.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

BASE = "".join(f"line {n}\n" for n in range(40))
STAGED = BASE.replace("line 2\n", "staged\n")
UNSTAGED = STAGED.replace("line 35\n", "not staged, and nowhere else\n")
OTHER = BASE.replace("line 20\n", "not staged either\n")
SAVED = BASE.replace("line 20\n", "saved while the hook ran\n")


def git(root, *args):
    own = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(["git", *own, *args], cwd=root, check=True, capture_output=True).stdout


def repository(root, tool):
    git(root, "init", "-q", "-b", "main")
    for name in ("a.txt", "b.txt"):
        (root / name).write_text(BASE)
    task = "sleep 0.15"
    if tool == "pre-commit":
        hook = {"id": "wait", "name": "wait", "language": "system", "entry": task, "pass_filenames": False}
        (root / ".pre-commit-config.yaml").write_text(json.dumps({"repos": [{"repo": "local", "hooks": [hook]}]}))
    else:
        (root / "package.json").write_text(json.dumps({"name": "x", "lint-staged": {"*.txt": f"sh -c '{task}'"}}))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    (root / "a.txt").write_text(STAGED)
    git(root, "add", "a.txt")
    (root / "a.txt").write_text(UNSTAGED)
    (root / "b.txt").write_text(OTHER)


def start(root, tool, program):
    command = [program, "run"] if tool == "pre-commit" else [program]
    env = dict(os.environ, PRE_COMMIT_HOME=str(root.parent / "home"), PRE_COMMIT_ALLOW_NO_CONFIG="1")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=root, env=env, start_new_session=True, **quiet)


def somewhere(root, text):
    """Whether the bytes are in a patch that the tool has left, or in an object of git's."""
    for patch in (root.parent / "home").glob("patch*"):
        if text in patch.read_text(errors="replace"):
            return True
    for line in git(root, "cat-file", "--batch-all-objects", "--batch-check").decode().splitlines():
        name, kind, _ = line.split()
        if kind == "blob" and text in git(root, "cat-file", "blob", name).decode(errors="replace"):
            return True
    return any(text in p.read_text(errors="replace") for p in (root / ".git").glob("lint-staged*"))


def one(tool, program, span, saving):
    """Whether what was not staged is gone from the tree, and whether it is gone altogether."""
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place) / "repo"
        root.mkdir()
        repository(root, tool)
        process = start(root, tool, program)
        time.sleep(random.uniform(0, span))
        if saving:
            (root / "b.txt").write_text(SAVED)
            process.wait()
            wanted = [("b.txt", "saved while the hook ran\n")]
        else:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            wanted = [("a.txt", "not staged, and nowhere else\n"), ("b.txt", "not staged either\n")]
        missing = [text for name, text in wanted if text not in (root / name).read_text()]
        return bool(missing), any(not somewhere(root, text) for text in missing)


def main():
    tool, program = sys.argv[1], str(pathlib.Path(sys.argv[2]).absolute())
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    random.seed(1)
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place) / "repo"
        root.mkdir()
        repository(root, tool)
        began = time.monotonic()
        code = start(root, tool, program).wait()
        span = time.monotonic() - began
        assert code == 0, f"{tool} fails by itself: {code}"
    for saving, what in ((False, "killed at a random moment"), (True, "a file saved at a random moment")):
        ends = [one(tool, program, span, saving) for _ in range(rounds)]
        away, gone = (sum(end[n] for end in ends) for n in (0, 1))
        print(f"{tool}: {rounds} times {what}: {away} without the changes in the tree, {gone} with bytes nowhere")


main()
