"""The prompts of the plugins, to the letter: what is trained on is what the model is asked later.

The templates are read from `plugins/edit/prompts`, so that they are never two things. What the plugin does around them
is done again here, and `tests/test_prompts.py` compares it with the plugin's own cases.
"""

from __future__ import annotations

import functools
import pathlib

PROMPTS = pathlib.Path(__file__).resolve().parents[3] / "plugins/edit/prompts"

BOS = "<｜begin▁of▁sentence｜>"
EOS = "<｜end▁of▁sentence｜>"
HOLE, BEGIN, END = "<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>"
#: In the order of their ids.
SPECIAL = (BOS, EOS, HOLE, BEGIN, END)

_TAGS = {
    "py": "python", "pyi": "python", "rs": "rust", "js": "javascript", "mjs": "javascript", "cjs": "javascript",
    "jsx": "jsx", "ts": "typescript", "mts": "typescript", "cts": "typescript", "tsx": "tsx", "go": "go", "java": "java",
    "c": "c", "h": "c", "cc": "cpp", "cpp": "cpp", "cxx": "cpp", "hpp": "cpp", "hh": "cpp", "hxx": "cpp",
}  # fmt: skip


@functools.cache
def template(name: str) -> str:
    return (PROMPTS / f"{name}.md").read_text("utf-8")


def filled(text: str, values: dict[str, str]) -> str:
    """As the plugin contract fills a template in: values are not looked into."""
    out, rest = [], text
    while (start := rest.find("{{")) >= 0:
        out.append(rest[:start])
        tail = rest[start + 2 :]
        end = tail.find("}}")
        if end >= 0 and tail[:end] in values:
            out.append(values[tail[:end]])
            rest = tail[end + 2 :]
        else:
            out.append("{{")
            rest = tail
    return "".join([*out, rest])


def tag(path: str) -> str:
    return _TAGS.get(path.rsplit(".", 1)[-1].lower(), "") if "." in path else ""


def fence_for(text: str) -> str:
    """A fence that no line of the text closes."""
    longest = 0
    for line in text.splitlines():
        inner = line.lstrip(" ")
        if len(line) - len(inner) <= 3:
            longest = max(longest, len(inner) - len(inner.lstrip("`")))
    return "`" * (max(longest, 2) + 1)


def ended(text: str) -> str:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return text if not text or text.endswith("\n") else text + "\n"


def shown(path: str, text: str) -> str:
    text = ended(text)
    values = {"path": path, "fence": fence_for(text), "language": tag(path), "text": text}
    return filled(template("file"), values)


def question(form: str, path: str, text: str, instruction: str) -> str:
    """The user's message; `form` is the name of a template: whole, region or short."""
    values = {"context": "", "outline": "", "file": shown(path, text), "instruction": instruction.strip()}
    return filled(template(form), values).rstrip()


def begun(path: str, text: str) -> tuple[str, str]:
    """How the answer begins, and the line that ends it."""
    # The draft of the answer is the text, so that both have the same fence.
    fence = fence_for(text + "\n" + ended(text))
    return f"{fence}{tag(path)}\n", fence


def chat(message: str, path: str, text: str) -> tuple[str, str]:
    """What stands before the answer, without BOS, and the line that ends it: DeepSeek's chat with the answer begun."""
    start, fence = begun(path, text)
    return f"User: {message}\n\nAssistant:{start}", fence
