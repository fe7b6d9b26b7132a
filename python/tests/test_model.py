"""The model from Python, on real weights."""

import threading
import time
from pathlib import Path

import pytest

import deepcoder

ASK = "Write a Python function add(a, b) that returns their sum. Only the code."


def test_generate_is_deterministic_and_streams_the_same(model: deepcoder.Model) -> None:
    """Protects reproducibility: same prompt and seed, same text, whole or streamed."""
    whole = model.generate(ASK, max_tokens=48, seed=1)
    assert "def add(a, b):" in whole.text
    assert whole.finish in {"end", "length"}
    assert whole.usage["prompt_tokens"] > 10
    assert whole.timing["decode_tps"] > 0
    stream = model.stream(ASK, max_tokens=48, seed=1)
    assert "".join(event.text for event in stream) == whole.text
    assert stream.result().text == whole.text
    assert str(whole) == whole.text


def test_chat_turns_prefill_and_stop(model: deepcoder.Model) -> None:
    """Protects chats: a last turn of the assistant is continued, and a stop string ends the text before itself."""
    turns = [
        {"role": "system", "content": "You answer with code only."},
        {"role": "user", "content": ASK},
        {"role": "assistant", "content": "```python\n"},
    ]
    made = model.generate(turns, max_tokens=64, stop=["```"])
    assert made.text.startswith("def add(")
    assert "```" not in made.text


def test_fill_in_the_middle(model: deepcoder.Model) -> None:
    """Protects completion: the text after the hole is seen."""
    assert model.supports_fill
    made = model.generate("def area(radius):\n    return ", suffix=" * radius ** 2\n", max_tokens=8)
    assert "pi" in made.text or "3.14" in made.text


def test_cancel_from_another_thread(model: deepcoder.Model) -> None:
    """Protects responsiveness: a cancelled call returns within a step, and the model is free again."""
    cancel = deepcoder.Cancel()
    timer = threading.Timer(0.3, cancel.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(deepcoder.Cancelled):
        model.generate("Count from 1 to 10000.", max_tokens=4000, cancel=cancel)
    assert time.monotonic() - started < 20
    assert model.generate(ASK, max_tokens=4).usage["completion_tokens"] <= 4


def test_what_cannot_be_done_says_so(model: deepcoder.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects users: nothing is cut or guessed, and errors carry a hint."""
    with pytest.raises(deepcoder.ModelError, match="exceeds the context"):
        model.generate("x " * (model.context_length + 1), max_tokens=1)
    with pytest.raises(TypeError, match="sequence of strings"):
        model.generate(ASK, stop="ab")
    with pytest.raises(ValueError, match="not a role"):
        model.generate([{"role": "tool", "content": ""}])
    monkeypatch.setenv("DEEPCODER_HOME", str(tmp_path))
    with pytest.raises(deepcoder.ModelError, match="deepcoder pull") as caught:
        deepcoder.Model.load("qwen2.5-coder-1.5b-instruct")
    assert caught.value.hint is not None
