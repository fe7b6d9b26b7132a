"""The prompts that are trained on are those of the plugin, compared with the plugin's own cases."""

import re

from train.pairs import prompts

CASES = prompts.PROMPTS.parent / "cases"


def _case(name):
    text = (CASES / f"{name}.md").read_text("utf-8")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    fence = sections["Prompt"].split("\n", 1)[0]
    return sections, sections["Prompt"].split(fence + "\n", 1)[1].split("\n" + fence, 1)[0]


def test_the_question_is_the_plugins():
    """Protects what the model learns: the words of `plugins/edit` for a whole file, to the letter."""
    sections, wanted = _case("whole")
    tree = re.search(r"### `src/calc.py`\n``` crlf\n(.*?)\n```", sections["Tree"], re.S)[1] + "\n"
    asked = prompts.question("whole", "src/calc.py", tree.replace("\n", "\r\n"), sections["Instruction"])
    assert asked == wanted


def test_the_answer_begins_in_an_open_fence():
    """Protects the place where the model goes on: right behind the opening line, with no blank after `Assistant:`."""
    before, fence = prompts.chat("edit it", "a.rs", "fn f() {}\n")
    assert before == "User: edit it\n\nAssistant:```rust\n" and fence == "```"
    before, fence = prompts.chat("edit it", "a.py", '"""\n```\n"""\n')
    assert before.endswith("Assistant:````python\n") and fence == "````"


def test_templates_are_filled_once():
    """Protects files that hold braces: what is filled in is not looked into."""
    assert prompts.filled("{{a}}{{b}} {{c}}", {"a": "{{b}}", "b": "x"}) == "{{b}}x {{c}}"
