#!/usr/bin/env python3
"""Feed the commits of a clone to the example `alarms` of core/verify: how often do its checks hold back what people did?

usage: alarms.py CLONE COUNT PROGRAM   (CLONE is checked out at each parent: give a scratch clone)
"""
import collections, json, re, subprocess, sys

clone, count, program = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def git(*args):
    return subprocess.run(["git", "-C", clone, *args], capture_output=True, check=True).stdout


def text(rev, path):
    try:
        return git("show", f"{rev}:{path}").decode()
    except (subprocess.CalledProcessError, UnicodeDecodeError):
        return None


checker = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
kinds, edits, held, seen = collections.Counter(), 0, 0, 0
for commit in git("rev-list", "--no-merges", "HEAD").decode().split():
    if edits >= count:
        break
    parents = git("rev-list", "--parents", "-n1", commit).decode().split()[1:]
    if len(parents) != 1:
        continue
    changes = []
    for line in git("diff", "--no-renames", "--name-status", parents[0], commit).decode().splitlines():
        status, path = line.split("\t", 1)
        old = text(parents[0], path) if status != "A" else None
        new = text(commit, path) if status != "D" else None
        if (status != "A" and old is None) or (status != "D" and new is None):
            continue
        changes.append({"path": path, "old": old, "new": new})
    if not changes or len(changes) > 8:
        continue
    git("checkout", "-qf", parents[0])
    files = git("ls-files", "-z").decode(errors="replace").split("\0")[:-1]
    message = git("log", "-1", "--format=%B", commit).decode(errors="replace")
    checker.stdin.write(json.dumps({"root": clone, "files": files, "instruction": message, "changes": changes}) + "\n")
    checker.stdin.flush()
    found = [f for f in json.loads(checker.stdout.readline()) if f["severity"] != "warning"]
    edits += 1
    held += bool(found)
    for finding in found:
        kinds[re.sub(r"`[^`]*`|\d+", "_", finding["message"])[:70]] += 1
        print(f"{commit[:8]} {message.splitlines()[0][:60]!r} {finding['severity']} {finding['path']}: {finding['message']}")
print(f"{edits} edits, {held} held back")
for kind, n in kinds.most_common():
    print(f"{n:5} {kind}")
