"""Compare core/edit's formats with `git apply`, codex-apply-patch and mpatch: outcome and content.

Not part of `make test`: it needs two wheels.

    python -m venv V && V/bin/pip install codex-apply-patch==0.4.0 mpatch==1.8.1
    cargo build -p deepcoder-edit --example formats
    V/bin/python tests/oracle/formats.py --count 1000

Two sets: the recorded cases of core/edit/cases, and edits of this repository's own files, written down as a diff, as a
patch and as blocks, and then spoilt in ways in which models spoil them. What is right is known for the latter: the new
text, or a refusal where the context is not that of the file.
"""

import argparse
import difflib
import json
import pathlib
import random
import subprocess
import tempfile
from collections import Counter, defaultdict

import codex_apply_patch
import mpatch

ROOT = pathlib.Path(__file__).resolve().parents[2]


def ours(binary, cases):
    """The new text of each case, or None."""
    lines = "".join(json.dumps({"format": f, "text": t, "reply": r}) + "\n" for f, t, r in cases)
    run = subprocess.run([binary], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line).get("text") for line in run.stdout.splitlines()]


def git(text, diff, folder):
    path = pathlib.Path(folder) / "a.txt"
    path.write_text(text, newline="")
    run = subprocess.run(["git", "apply", "--recount", "-"], input=diff, capture_output=True, text=True, cwd=folder)
    return path.read_bytes().decode() if run.returncode == 0 else None


def codex(text, patch):
    try:
        return codex_apply_patch.apply_patch_in_memory(patch, {"a.txt": text}).files.get("a.txt")
    except BaseException:  # its panics are no Exception
        return None


def fuzzy(text, reply):
    try:
        return mpatch.patch_content(reply, text)
    except BaseException:
        return None


def edited(rng, lines):
    """One to three places of a file changed."""
    new = list(lines)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(new))
        kind = rng.choice(["change", "change", "insert", "delete", "copy"])
        if kind == "delete":
            del new[at : at + rng.randint(1, 3)]
        elif kind == "insert":
            new[at:at] = [new[at][: len(new[at]) - len(new[at].lstrip())].rstrip("\n") + f"added_{rng.randrange(99)}\n"]
        elif kind == "copy":
            new[at:at] = new[at : at + 2]
        else:
            new[at] = new[at].rstrip("\n") + f" changed_{rng.randrange(99)}\n"
        if not new:
            return lines
    return new


def hunks(old, new):
    """Header numbers and signed lines, with three lines of context."""
    out = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(3):
        body = []
        for tag, a, b, c, d in group:
            if tag == "equal":
                body += [" " + line for line in old[a:b]]
            else:
                body += ["-" + line for line in old[a:b]] + ["+" + line for line in new[c:d]]
        first, last = group[0], group[-1]
        out.append(([first[1] + 1, last[2] - first[1], first[3] + 1, last[4] - first[3]], body))
    return out


def as_diff(parts, header=True):
    name = "--- a/a.txt\n+++ b/a.txt\n"
    head = lambda n: f"@@ -{n[0]},{n[1]} +{n[2]},{n[3]} @@\n" if header else "@@ ... @@\n"
    return name + "".join(head(n) + "".join(body) for n, body in parts)


def as_patch(parts):
    body = "".join("@@\n" + "".join(body) for _, body in parts)
    return f"*** Begin Patch\n*** Update File: a.txt\n{body}*** End Patch"


def as_blocks(parts):
    side = lambda body, sign: "".join(l[1:] or l for l in body if l[0] in " \n" + sign)
    block = lambda body: f"<<<<<<< SEARCH\n{side(body, '-')}=======\n{side(body, '+')}>>>>>>> REPLACE\n"
    return "a.txt\n" + "\n".join(block(body) for _, body in parts)


def spoil(rng, kind, parts):
    """The hunks as a model might have written them; whether they still name what the file has."""
    parts = [(list(n), list(b)) for n, b in parts]
    if kind == "numbers":
        by = rng.choice([-40, -7, -1, 1, 5, 60])
        for n, _ in parts:
            n[0], n[2] = max(1, n[0] + by), max(1, n[2] + by)
    elif kind == "counts":
        for n, _ in parts:
            n[1], n[3] = n[1] + rng.randint(1, 4), max(0, n[3] - rng.randint(0, 2))
    elif kind == "blanks":
        for _, body in parts:
            for i, line in enumerate(body):
                if line[0] == " " and rng.random() < 0.5:
                    body[i] = line.rstrip("\n") + "  \n" if line.strip() else "\n"
    elif kind == "context":
        _, body = rng.choice(parts)
        at = [i for i, l in enumerate(body) if l[0] in " -" and l.strip(" -\n")]
        if at:
            i = rng.choice(at)
            body[i] = body[i].rstrip("\n") + " something else\n"
    return parts


def generated(rng, count):
    names = subprocess.run(["git", "ls-files", "*.rs", "*.py", "*.toml"], cwd=ROOT, capture_output=True, text=True).stdout
    files = [p for p in (ROOT / n for n in names.split()) if 400 < p.stat().st_size < 30_000]
    while count:
        text = rng.choice(files).read_text()
        if "*** " in text or "<<<<<<<" in text or "\n=====" in text or not text.endswith("\n"):
            continue
        old = text.splitlines(keepends=True)
        new = edited(rng, old)
        if new == old or not new:
            continue
        kind = rng.choice(["as written", "numbers", "counts", "blanks", "context", "stale"])
        parts = spoil(rng, kind, hunks(old, new))
        right = "".join(new)
        if kind == "stale":
            extra = [f"// a line of another person {rng.randrange(99)}\n"] * rng.randint(1, 5)
            text, right = "".join(extra) + text, "".join(extra) + right
        yield kind, text, None if kind == "context" else right, parts
        count -= 1


def verdict(got, right):
    if got is None:
        return "right" if right is None else "refused"
    return "right" if got == right else "wrong"


def recorded(binary, folder):
    """Both outcomes for the recorded cases: ours and that of a program which reads the same format."""
    agree, differ = Counter(), defaultdict(list)
    for line in (ROOT / "core/edit/cases/roo.jsonl").read_text().splitlines():
        case = json.loads(line)
        call = case["calls"][0]
        text, args = call["args"][0], call["args"]
        if case["file"] == "apply":
            body = ""
            for chunk in args[2]:
                body += f"@@ {chunk['changeContext'] or ''}".rstrip() + "\n"
                body += "".join(f"-{l}\n" for l in chunk["oldLines"]) + "".join(f"+{l}\n" for l in chunk["newLines"])
                body += "*** End of File\n" if chunk["isEndOfFile"] else ""
            reply = f"*** Begin Patch\n*** Update File: a.txt\n{body}*** End Patch"
            pairs = [("codex", "patch", reply, codex(text, reply))]
        elif case["file"] == "unified":
            reply = "--- a/a.txt\n+++ b/a.txt\n" + args[1].split("\n", 2)[2] + "\n"
            pairs = [("git", "diff", reply, git(text, reply, folder)), ("mpatch", "diff", reply, fuzzy(text, reply))]
        elif case["file"] == "search-replace" and len(args) == 2:
            reply = args[1].replace("test.ts\n", "a.txt\n") + "\n"
            pairs = [("mpatch", "blocks", reply, fuzzy(text, reply))]
        else:
            continue
        for name, form, reply, other in pairs:
            mine = ours(binary, [(form, text, reply)])[0]
            if mine == other:
                agree[name, case["file"]] += 1
            else:
                told = lambda t: "refuses" if t is None else "applies" if t.strip() else "empties"
                how = "content" if mine is not None and other is not None else f"we: {told(mine)}, {name}: {told(other)}"
                final = mine is not None and other is not None and mine.rstrip() == other.rstrip()
                differ[name, "final newline" if final else how].append(case["test"])
    return agree, differ


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=str(ROOT / "target/debug/examples/formats"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", help="print the first case of this class, such as ours/diff/numbers/wrong")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        agree, differ = recorded(args.binary, folder)
        print("recorded cases, the same outcome and content:")
        for key, count in sorted(agree.items()):
            print("  ", *key, count)
        for key, names in sorted(differ.items()):
            print("  differs:", *key, len(names), *(f"\n      {n}" for n in names))
        table, asked, rows = Counter(), [], []
        for kind, text, right, parts in generated(random.Random(args.seed), args.count):
            replies = {"diff": as_diff(parts), "patch": as_patch(parts), "blocks": as_blocks(parts)}
            others = {
                ("git", "diff"): git(text, replies["diff"], folder),
                ("mpatch", "diff"): fuzzy(text, replies["diff"]),
                ("codex", "patch"): codex(text, replies["patch"]),
                ("mpatch", "blocks"): fuzzy(text, replies["blocks"]),
            }
            for form, reply in replies.items():
                asked.append((form, text, reply))
                rows.append((kind, right, {k: v for k, v in others.items() if k[1] == form}))
        for (form, text, reply), (kind, right, others), got in zip(asked, rows, ours(args.binary, asked)):
            for (who, _), result in [(("ours", form), got), *others.items()]:
                key = (who, form, kind, verdict(result, right))
                if "/".join(key) == args.show and not table[key]:
                    print(reply)
                    print("".join(difflib.unified_diff((right or "").splitlines(1), (result or "").splitlines(1))))
                table[key] += 1
    print(f"{args.count} generated edits:")
    for who, form, kind in sorted({k[:3] for k in table}):
        counts = {v: table[who, form, kind, v] for v in ("right", "refused", "wrong")}
        print(f"   {who:7} {form:7} {kind:11}", *(f"{v} {n:4}" for v, n in counts.items()))


if __name__ == "__main__":
    main()
