"""A daemon that speaks the lines of PROTOCOL.md, whose jobs a test moves by hand, and whose model says what a test wants."""

import json
import os
import socket
import threading
from pathlib import Path
from typing import Any

import deepcoder

HINT = "`deepcoder jobs list` shows them"

USAGE = ("prompt_tokens", "cached_tokens", "completion_tokens", "drafted_tokens", "accepted_tokens")

#: A result of a task that needs a review.
HELD: dict[str, Any] = {
    "id": "5f1c",
    "title": "do it",
    "diff": "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n",
    "files": [{"path": "a.py", "status": "modified", "hunks": 1, "old_sha256": "aa", "new_sha256": "bb"}],
    "verification": {"passed": True, "findings": [{"path": "a.py", "severity": "review", "message": "look"}]},
    "applicability": "needs-review",
    "rationale": "because",
    "partial": False,
    "answer": None,
    "targets": ["a.py"],
    "skipped": [],
    "model": "m",
    "seed": 0,
    "stats": {"calls": 1, "usage": dict.fromkeys(USAGE, 0), "model_ms": 1.0, "first_token_ms": 1.0, "repaired": False},
    "verdict": {"held": ["a.py: review: look", "because"]},
    "landed": None,
}


def refused(reason: str, message: str, hint: str | None = None) -> dict[str, Any]:
    """The event of a refusal."""
    return {"error": {"message": message, "kind": {"refused": {"reason": reason, "message": message, "hint": hint}}}}


class FakeDaemon:
    """Serves at the socket of ``home`` until it is closed; ``command`` is the program that clients think it is."""

    def __init__(self, home: Path, command: Path) -> None:
        stat = command.stat()
        seconds, nanoseconds = divmod(stat.st_mtime_ns, 10**9)
        self.version = f"{deepcoder.__version__}+{seconds:x}.{nanoseconds:x}.{stat.st_size:x}"
        self.jobs: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.watched: list[str] = []
        self.tasks: dict[str, dict[str, Any]] = {}
        #: The end of each task that is submitted, as fields of it; empty for one that runs on.
        self.outcome: dict[str, Any] = {"state": "review", "result": HELD}
        self.asked: list[Any] = []
        #: The answer of the model to whatever it is asked.
        self.answer = ""
        self.followers = 0
        self.changed = threading.Condition()
        self.stuck = threading.Event()
        self.connections: list[socket.socket] = []
        self.path = home / "run" / "deepcoder.sock"
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.listen()

    def listen(self) -> None:
        """Begin, or begin again, to accept clients."""
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(128)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def close(self) -> None:
        """Vanish, as by kill -9."""
        self.path.unlink(missing_ok=True)
        if self.listener.fileno() != -1:
            # A close alone does not wake a thread that accepts.
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        with self.changed:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.connections.clear()
            self.changed.notify_all()

    def move(self, id: str, state: str, **fields: Any) -> None:
        """Put a job into ``state``."""
        with self.changed:
            self.jobs[id].update(state=state, **fields)
            self._happen(id, {"state": {"to": state}})

    def progress(self, id: str, stage: str, tokens: int) -> None:
        """Let a job be further."""
        with self.changed:
            self._happen(id, {"progress": {"stage": stage, "tokens": tokens}})

    def _happen(self, id: str, what: dict[str, Any]) -> None:
        events = self.events[id]
        events.append({"job": id, "seq": len(events) + 1, "at_ms": 1, "what": what})
        self.changed.notify_all()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.changed:
                self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        cancelled: set[int] = set()
        lock = threading.Lock()

        def say(id: int, event: Any) -> None:
            with lock:
                connection.sendall(json.dumps({"id": id, "event": event}).encode() + b"\n")

        try:
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    request = json.loads(line)
                    id, do = request["id"], request["do"]
                    self.asked.append(do)
                    if isinstance(do, dict) and "cancel" in do:
                        with self.changed:
                            cancelled.add(do["cancel"]["target"])
                            self.changed.notify_all()
                        say(id, "ok")
                    elif isinstance(do, dict) and isinstance(do.get("jobs"), dict) and "follow" in do["jobs"]:
                        args = (connection, id, do["jobs"]["follow"], cancelled, say)
                        threading.Thread(target=self._follow, args=args, daemon=True).start()
                    elif isinstance(do, dict) and isinstance(do.get("task"), dict) and "follow" in do["task"]:
                        args = (connection, id, do["task"]["follow"], cancelled, say)
                        threading.Thread(target=self._follow_task, args=args, daemon=True).start()
                    else:
                        say(id, self._answer(do))
        except OSError:
            pass
        finally:
            with self.changed:
                if connection in self.connections:
                    self.connections.remove(connection)
                self.changed.notify_all()

    def _answer(self, do: Any) -> Any:
        if do == "status":
            return {
                "status": {"pid": os.getpid(), "version": self.version, "protocol": 4, "uptime_ms": 1, "model": None}
                | {"memory": 1, "served": 0, "busy": False, "queued": 0, "clients": 1, "idle_limit_ms": 1}
            }
        (kind, what), = do.items()
        if kind in {"model-info", "count-tokens", "generate"}:
            return self._model(kind, what)
        if kind == "hello":
            return {"hello": {"protocol": 4, "version": self.version, "pid": os.getpid()}}
        if kind == "watching":
            return self._watching(what)
        if kind == "task":
            return self._task(what)
        if self.stuck.is_set():
            threading.Event().wait(30)
        if what == "counts":
            return {"job-counts": {"waiting": 0, "queued": len(self.jobs), "running": 0, "review": 0}}
        (verb, given), = what.items()
        with self.changed:
            if verb == "add":
                return self._add(given["spec"])
            if verb == "list":
                return {"jobs": [self._listed(job) for job in reversed(self.jobs.values())]}
            id = next((id for id in self.jobs if id.startswith(given["id"])), None)
            if id is None:
                return refused("not-found", f"there is no job `{given['id']}`", HINT)
            if verb == "events":
                after, limit = given["after"], given["limit"]
                return {"job-events": self.events[id][after : after + limit]}
        if verb == "review":
            applicability = (self.jobs[id].get("result") or {}).get("applicability")
            accept = given["decision"]["accept"] if given["decision"] != "reject" else None
            if accept and applicability == "display-only":
                return refused("checks", "not applied: it is only a suggestion")
            if accept and applicability == "needs-review" and not accept["consent"]["reviewed"]:
                return refused("needs-review", "not applied: it needs a review", "accept it with reviewed=True")
            self.move(id, "rejected" if given["decision"] == "reject" else "done")
        elif verb != "get":
            self.move(id, {"cancel": "cancelled", "retry": "queued", "pause": "paused", "resume": "queued"}[verb])
        return {"job": self.jobs[id]}

    def _model(self, kind: str, what: dict[str, Any]) -> Any:
        if kind == "model-info":
            info = {"name": what["model"], "context_length": 8192, "supports_fill": True, "fingerprint": "1d96"}
            return {"model": info}
        if kind == "count-tokens":
            return {"count": len(what["text"]) // 4 + 1}
        # A model goes on where the prefill ends.
        prefill = what["request"]["prompt"].get("chat", {}).get("prefill", "")
        usage = dict.fromkeys(("prompt_tokens", "cached_tokens", "completion_tokens", "drafted_tokens"), 1)
        timing = dict.fromkeys(("prefill_tps", "decode_tps", "first_token_ms", "total_ms"), 1.0)
        done = {"text": self.answer.removeprefix(prefill), "finish": "end", "timing": timing}
        return {"done": done | {"usage": usage | {"accepted_tokens": 0}}}

    def _task(self, what: dict[str, Any]) -> Any:
        (verb, given), = what.items()
        with self.changed:
            if verb == "submit":
                id, request = f"{len(self.tasks):02}T", given["request"]
                self.tasks[id] = {"id": id, "request": request, "repository": request["directory"], "state": "running"}
                self.tasks[id] |= {"created_ms": 1, "finished_ms": None, "events": 1, "result": None, "failure": None}
                return {"task": self.tasks[id]}
            if verb == "list":
                listed = [task for task in reversed(self.tasks.values()) if task["repository"] == given["repository"]]
                return {"tasks": [task | {"result": task["result"] and task["result"] | {"diff": ""}} for task in listed]}
            id = next((id for id in self.tasks if id.startswith(given["id"])), "")
            if not id:
                return refused("not-found", f"there is no task {given['id']}", "`deepcoder tasks` lists the tasks")
            task = self.tasks[id]
            if verb == "text":
                return {"text": "x = 2\n"}
            if verb == "decide" and given["decision"] != "reject":
                if not given["decision"]["accept"]["consent"]["reviewed"]:
                    return refused("needs-review", "not applied: it needs a review: a.py: review: look")
                landed = {"edit": "5f1c", "files": ["a.py"]}
                task.update(state="done", result=HELD | {"verdict": "lands", "landed": landed})
            elif verb != "get":
                task["state"] = {"decide": "rejected", "cancel": "cancelled", "forget": "forgotten"}[verb]
            self.changed.notify_all()
            return "ok" if self.tasks[id]["state"] == "forgotten" and self.tasks.pop(id) else {"task": task}

    def _follow_task(self, connection: socket.socket, request: int, do: Any, cancelled: set[int], say: Any) -> None:
        task = self.tasks[do["id"]]
        try:
            if do["after"] == 0:
                warning = {"log": {"level": "warn", "message": "the model is old"}}
                say(request, {"task-event": {"seq": 1, "event": warning}})
            with self.changed:
                task.update(self.outcome if task["state"] == "running" else {})
                self.changed.wait_for(
                    lambda: task["state"] != "running" or request in cancelled or connection not in self.connections,
                    timeout=30,
                )
            if request in cancelled:
                return say(request, {"error": {"message": "cancelled", "kind": "cancelled"}})
            say(request, {"task": task})
        except OSError:
            pass

    def _add(self, spec: dict[str, Any]) -> Any:
        for job in self.jobs.values():
            if spec["key"] is not None and job["spec"]["key"] == spec["key"]:
                return {"added": {"job": job, "existed": True}}
        id = f"{len(self.jobs):02}J"
        self.jobs[id] = {"id": id, "spec": spec, "state": "queued", "attempts": 0, "created_ms": 1}
        self.events[id] = []
        self._happen(id, {"state": {"to": "queued"}})
        return {"added": {"job": self.jobs[id], "existed": False}}

    def _listed(self, job: dict[str, Any]) -> dict[str, Any]:
        result = job.get("result")
        return job | ({"result": result | {"diff": ""}} if result else {})

    def _watching(self, what: Any) -> Any:
        if what == "list":
            return {"watched": [{"root": root, "files": 2, "how": "events"} for root in self.watched]}
        (verb, given), = what.items()
        if verb == "remove":
            known = given["root"] in self.watched
            self.watched = [root for root in self.watched if root != given["root"]]
            return {"unwatched": known}
        self.watched.append(given["root"])
        return {"watched": [{"root": given["root"], "files": None, "how": "events"}]}

    def _follow(self, connection: socket.socket, request: int, do: Any, cancelled: set[int], say: Any) -> None:
        id, seen = do["id"], do["after"]
        with self.changed:
            self.followers += 1
        try:
            while True:
                with self.changed:
                    self.changed.wait_for(
                        lambda: len(self.events[id]) > seen
                        or request in cancelled
                        or connection not in self.connections,
                        timeout=30,
                    )
                    events, job = self.events[id][seen:], dict(self.jobs[id])
                for event in events:
                    say(request, {"job-event": event})
                seen += len(events)
                if request in cancelled:
                    return say(request, {"error": {"message": "cancelled", "kind": "cancelled"}})
                if job["state"] in {"done", "rejected", "failed", "cancelled"}:
                    return say(request, {"job": job})
                if connection not in self.connections:
                    return
        except OSError:
            pass
        finally:
            with self.changed:
                self.followers -= 1
