"""Record commands of deepcoder in a terminal and draw them as docs/demo.svg.

    python docs/lab/picture.py PATH_OF_DEEPCODER docs/demo.svg

Makes the sample repository of `deepcoder demo`, so that the picture shows a real run of the default model.
"""

import html
import os
import pty
import re
import subprocess
import sys
import tempfile

PROGRAM, PICTURE = os.path.abspath(sys.argv[1]), sys.argv[2]
EDIT = """deepcoder edit 'add an optional parameter separator to slug, with the default "-"' src/util.py"""
TRY = """python3 -c 'from src.util import slug; print(slug("Hello, World!", "_"))'"""
STEPS = [(EDIT, b"y\n"), (TRY, b""), ("deepcoder undo", b"")]
COLOURS = {"1": "font-weight:bold", "31": "fill:#cf222e", "32": "fill:#1a7f37", "36": "fill:#0550ae", "2": "fill:#6e7781"}


def run(command, typed, folder):
    """The output of a command that sees a terminal."""
    words = command.replace("deepcoder ", f"{PROGRAM} --color always ", 1)
    master, slave = pty.openpty()
    child = subprocess.Popen(["bash", "-c", words], stdin=slave, stdout=slave, stderr=slave, cwd=folder,
                             env={**os.environ, "TERM": "dumb"})
    os.close(slave)
    if typed:
        os.write(master, typed)
    output = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        output += piece
    if child.wait() != 0:
        sys.exit(f"{command}: {output.decode()}")
    text = output.decode().replace("\r\n", "\n")
    # The terminal shows what is typed before the question; a person types it behind.
    answer = typed.decode().strip()
    return text.removeprefix(f"{answer}\n").replace("[y,N,h,r,?] ", f"[y,N,h,r,?] {answer}\n") if answer else text


def line(text):
    """A line with the colours of its escape sequences."""
    parts = re.split(r"\x1b\[([0-9;]*)m", text)
    drawn, styles = html.escape(parts[0]), []
    for codes, piece in zip(parts[1::2], parts[2::2]):
        for code in codes.split(";"):
            styles = [] if code in ("", "0") else [*styles, *filter(None, [COLOURS.get(code)])]
        drawn += f'<tspan style="{";".join(styles)}">{html.escape(piece)}</tspan>' if styles else html.escape(piece)
    return drawn


with tempfile.TemporaryDirectory() as scratch:
    folder = os.path.join(scratch, "demo")
    subprocess.run([PROGRAM, "demo", "--dir", folder], check=True, capture_output=True)
    subprocess.run(["git", "checkout", "-q", "."], cwd=folder, check=True)
    lines = []
    for command, typed in STEPS:
        lines += [f"\x1b[1m$ {command}\x1b[0m", *run(command, typed, folder).rstrip("\n").split("\n"), ""]
lines.pop()
width = max(len(re.sub(r"\x1b\[[0-9;]*m", "", text)) for text in lines) * 8.43 + 32
height = len(lines) * 19 + 30
with open(PICTURE, "w", encoding="utf-8") as file:
    file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}">\n'
               f'<rect width="100%" height="100%" rx="8" fill="#f6f8fa" stroke="#d0d7de"/>\n'
               '<g font-family="ui-monospace,Menlo,DejaVu Sans Mono,monospace" font-size="14" fill="#24292f" '
               'xml:space="preserve">\n')
    for number, text in enumerate(lines):
        file.write(f'<text x="16" y="{number * 19 + 28}">{line(text)}</text>\n')
    file.write("</g>\n</svg>\n")
