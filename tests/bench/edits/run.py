"""Runs the edits of tasks.toml through `deepcoder edit` and says which came out right (see README.md)."""

import argparse
import fnmatch
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTCOMES = ("right", "review", "refused", "wrong")
GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.org",
       "GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "ann@example.org"}


def tasks():
    with open(HERE / "tasks.toml", "rb") as file:
        return tomllib.load(file)["task"]


def digest(task):
    """The inputs of a result, so that a changed task is run again. The reference edit is no part of them."""
    kept = {key: value for key, value in task.items() if key != "reference"}
    state = hashlib.sha256(json.dumps(kept, sort_keys=True).encode())
    for path, content in sorted(tree(HERE / "repos" / task["repo"]).items()):
        state.update(repr((path, content)).encode())
    return state.hexdigest()[:12]


def tree(root):
    """Every file but git's, as bytes and whether it may be executed."""
    files = {}
    for folder, names, found in os.walk(root):
        names[:] = [name for name in names if name not in (".git", "__pycache__")]
        for name in found:
            path = Path(folder, name)
            content = os.readlink(path) if path.is_symlink() else path.read_bytes()
            files[path.relative_to(root).as_posix()] = (content, os.access(path, os.X_OK))
    return files


def git(root, *words):
    done = subprocess.run(["git", "-C", root, *words], env={**os.environ, **GIT}, capture_output=True, text=True, check=False)
    return done.stdout


def repository(task, folder):
    """A fresh git repository with one commit."""
    root = Path(folder, task["repo"])
    shutil.copytree(HERE / "repos" / task["repo"], root, ignore=shutil.ignore_patterns("__pycache__"))
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "start")
    return root


def python(task, code, root):
    """Runs a check, or a reference edit, in a repository."""
    env = {**os.environ, "ORIG": str(HERE / "repos" / task["repo"]), "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run([sys.executable, "-B", "-c", f"from checklib import *\n{code}"], cwd=root, env=env,
                              capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        return 1, "the check takes too long"
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    return done.returncode, (lines[-1] if lines else "")[:400]


def judge(task, root, before):
    """`right`, `incomplete` or `wrong`, and why."""
    after = tree(root)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    outside = [path for path in changed if not any(fnmatch.fnmatchcase(path, glob) for glob in task["only"])]
    if outside:
        return changed, "wrong", f"changed outside of what was asked for: {', '.join(outside[:5])}"
    code, why = python(task, task["check"], root)
    return changed, {0: "right", 3: "incomplete"}.get(code, "wrong"), why


def attempt(task, args):
    with tempfile.TemporaryDirectory(prefix="edits-") as folder:
        root = repository(task, folder)
        before = tree(root)
        words = [args.binary, "edit", task["instruction"], *task.get("paths", []), *task.get("flags", []),
                 "--yes", "--model", args.model, "--color", "never"]
        start, code = time.monotonic(), None
        # Files, not pipes: the daemon that this may start must not keep the runner waiting.
        with open(Path(folder, "out"), "w+b") as out, open(Path(folder, "err"), "w+b") as err:
            child = subprocess.Popen(words, cwd=root, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            try:
                code = child.wait(args.timeout)
            except subprocess.TimeoutExpired:
                child.terminate()
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
            seconds = time.monotonic() - start
            shown, said = (Path(file.name).read_bytes().decode(errors="replace") for file in (out, err))
        applied = tree(root) != before
        changed, verdict, why = judge(task, root, before) if applied else ([], "", "")
        if applied:
            outcome = "right" if verdict == "right" else "wrong"
        elif code == 1 and re.search(r"(?m)^@@ ", shown):
            outcome = "review"
        elif task.get("decline") and code is not None:
            outcome = "right"
        else:
            outcome = "refused"
        git(root, "add", "-A", "-N")
        return {
            "task": task["id"], "kind": task["kind"], "model": args.model, "label": args.label, "digest": digest(task),
            "outcome": outcome, "incomplete": verdict == "incomplete", "why": why, "exit": code, "timeout": code is None,
            "seconds": round(seconds, 1), "changed": changed, "message": said.strip()[-1500:],
            "blanks": bool(git(root, "diff", "--check")) if applied else False,
            "diff": (git(root, "diff") if applied else shown)[:6000],
        }


def load(paths):
    """The last result of each task, model and label."""
    found = {}
    for path in paths:
        if Path(path).exists():
            for line in Path(path).read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                found[row["label"], row["model"], row["task"]] = row
    return found


def table(rows):
    """Counts, and the standard error of each share in percentage points."""
    groups = {}
    for row in rows:
        groups.setdefault((row["label"], row["model"]), []).append(row)
    lines = []
    for (label, model), group in sorted(groups.items()):
        lines += [f"### {label}, {model}", "", "| kind | edits | right | review | refused | wrong, applied | of these incomplete | seconds, median |",
                  "| --- | --- | --- | --- | --- | --- | --- | --- |"]
        kinds = list(dict.fromkeys(row["kind"] for row in group))
        for kind in [*kinds, None]:
            some = [row for row in group if kind in (None, row["kind"])]
            counts = [sum(row["outcome"] == outcome for row in some) for outcome in OUTCOMES]
            cells = [str(count) for count in counts]
            if kind is None:
                size = len(some)
                cells = [f"**{count}** ({100 * count / size:.0f} ± {100 * math.sqrt(count / size * (1 - count / size) / size):.0f} %)"
                         for count in counts]
            missing = sum(row["outcome"] == "wrong" and row["incomplete"] for row in some)
            median = sorted(row["seconds"] for row in some)[len(some) // 2]
            lines.append(f"| {kind or '**all**'} | {len(some)} | {' | '.join(cells)} | {missing} | {median:.0f} |")
        blanks = sum(row["blanks"] for row in group)
        late = sum(row["timeout"] for row in group)
        lines += ["", f"Out of time: {late}. Trailing blanks or the like in what was applied (`git diff --check`): {blanks}.", ""]
    return "\n".join(lines)


def verify(chosen):
    """The checks must accept the reference edit and refuse the repository as it is."""
    bad = 0
    for task in chosen:
        with tempfile.TemporaryDirectory(prefix="edits-") as folder:
            root = repository(task, folder)
            before = tree(root)
            untouched = judge(task, root, before)
            code, why = python(task, task["reference"], root)
            changed, verdict, reason = judge(task, root, before)
            # A task that is to be declined has nothing to do: its check says only what must not break.
            wanted = "right" if task.get("decline") else "wrong"
            first = "right" if untouched[1] == "right" else "wrong"
            good = first == wanted and code == 0 and (verdict == "right") != bool(task.get("decline"))
            bad += not good
            print(f"{'ok  ' if good else 'FAIL'} {task['id']}: as it is: {untouched[1]} ({untouched[2]}); "
                  f"reference: {verdict} {why} {reason}", flush=True)
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="deepcoder", help="the program to try")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct")
    parser.add_argument("--label", default="now", help="a name for the binary in results and tables")
    parser.add_argument("--results", default="edits.jsonl", help="JSON lines; what is in there is not run again")
    parser.add_argument("--timeout", type=float, default=180, help="seconds for one edit; more counts as refused")
    parser.add_argument("--only", action="append", help="a task or a kind (may be given more than once)")
    parser.add_argument("--verify", action="store_true", help="try the checks themselves, without a model")
    parser.add_argument("--table", action="store_true", help="print the table and run nothing")
    args = parser.parse_args()
    chosen = [task for task in tasks() if not args.only or task["id"] in args.only or task["kind"] in args.only]
    if args.verify:
        return verify(chosen)
    if not args.table:
        args.binary = shutil.which(args.binary) or sys.exit(f"no program {args.binary}")
        args.binary = os.path.abspath(args.binary)
        for task in chosen:
            known = load([args.results]).get((args.label, args.model, task["id"]))
            if known and known["digest"] == digest(task):
                continue
            row = attempt(task, args)
            with open(args.results, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            said = row["why"] or next((line for line in row["message"].splitlines() if line.startswith("error")), "")
            print(f"{row['outcome']:8} {row['task']:22} {row['seconds']:6.1f} s  {said}", flush=True)
    ids = {task["id"] for task in chosen}
    print(table([row for row in load([args.results]).values() if row["task"] in ids]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
