"""What aider leaves behind when it is killed while it applies an edit of several files, or when somebody saves one of them.

    python edits.py PATH-OF-AIDER [ROUNDS]

The model is a server in this program that always answers with the same SEARCH/REPLACE blocks, one for each of ten files.
The tree is to be as before or as after. Needs git; works in a temporary folder.
"""

import http.server
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

FILES = [f"f{n}.txt" for n in range(10)]
# Large enough that writing takes a moment.
BASE = "old\n" + "".join(f"line {n}\n" for n in range(20_000))
DONE = BASE.replace("old\n", "new\n", 1)
ANSWER = "".join(f"{f}\n```\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```\n\n" for f in FILES)
answered = threading.Event()


class Model(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": ANSWER}
        choice = {"index": 0, "finish_reason": "stop"}
        head = {"id": "x", "created": 0, "model": asked.get("model", "m")}
        if asked.get("stream"):
            chunk = dict(head, object="chat.completion.chunk", choices=[dict(choice, delta=message)])
            body, kind = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode(), "text/event-stream"
        else:
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            reply = dict(head, object="chat.completion", choices=[dict(choice, message=message)], usage=usage)
            body, kind = json.dumps(reply).encode(), "application/json"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        answered.set()

    def log_message(self, *_):
        pass


def git(root, *args):
    own = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *own, *args], cwd=root, check=True, capture_output=True)


def run(program, port, place, act):
    """Start it on a new tree, and call `act` with the process and the tree once the answer was sent."""
    root = pathlib.Path(place) / "repo"
    root.mkdir()
    for name in FILES:
        (root / name).write_text(BASE)
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "t")
    git(root, "config", "user.email", "t@example.org")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    command = [program, "--model", "openai/stub", "--edit-format", "diff", "--yes-always", "--no-stream", "--no-gitignore",
               "--no-check-update", "--no-analytics", "--no-show-model-warnings", "--map-tokens", "0", "--no-pretty",
               "--message", "replace old by new", *FILES]
    env = dict(os.environ, OPENAI_API_BASE=f"http://127.0.0.1:{port}/v1", OPENAI_API_KEY="x", HOME=place,
               LITELLM_LOCAL_MODEL_COST_MAP="True")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    answered.clear()
    process = subprocess.Popen(command, cwd=root, env=env, start_new_session=True, **quiet)
    if not answered.wait(120):
        os.killpg(process.pid, signal.SIGKILL)
        raise SystemExit("it does not ask the model")
    act(process, root)
    process.wait()
    return [(root / name).read_text() for name in FILES]


def main():
    program = str(pathlib.Path(sys.argv[1]).absolute())
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    random.seed(1)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    window = [0.0, 0.0]

    def watch(process, root):
        """When it begins to write, and when it has written."""
        began = time.monotonic()
        for n, name in enumerate((FILES[0], FILES[-1])):
            while (root / name).stat().st_size and (root / name).read_text()[:3] != "new" and process.poll() is None:
                time.sleep(0.002)
            window[n] = time.monotonic() - began

    with tempfile.TemporaryDirectory() as place:
        assert run(program, port, place, watch) == [DONE] * len(FILES), "it does not edit by itself"

    def moment(process, root):
        """Somewhere between its first write and its last."""
        while (root / FILES[0]).read_text() == BASE and process.poll() is None:
            time.sleep(0.0005)
        time.sleep(random.uniform(0, (window[1] - window[0]) * 1.1))

    def kill(process, root):
        moment(process, root)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def save(process, root):
        moment(process, root)
        (root / FILES[5]).write_text(BASE + "saved by somebody else\n")

    mixed = short = lost = 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            found = run(program, port, place, kill)
            mixed += found not in ([BASE] * len(FILES), [DONE] * len(FILES))
            short += any(text not in (BASE, DONE) for text in found)
        with tempfile.TemporaryDirectory() as place:
            found = run(program, port, place, save)
            lost += "saved by somebody else" not in found[5]
    print(f"aider: {rounds} times killed while it applied: {mixed} trees between, {short} with a file cut short")
    print(f"aider: {rounds} times a file saved meanwhile: {lost} overwritten")


main()
