"""The whole recipe on a CPU in two minutes: data, pairs, tokenizer, both stages, resuming, export, our importer, our engine."""

import collections
import dataclasses
import gzip
import json
import lzma
import math
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

import pytest

torch = pytest.importorskip("torch", reason="pytorch: it is not installed, so the recipe was not run")
pytest.importorskip("tokenizers", reason="tokenizers: it is not installed, so the recipe was not run")

from train import config, count, evaluate, export, plot, samples, sets, tokenizer, train
from train.data import shards
from train.data.files import File
from train.model import DeepseekV2
from train.pairs import make

#: Modules of the standard library of every Python: what the test learns from is on every machine, and is not shipped.
MODULES = "argparse ast bisect calendar cmd codeop collections/__init__ colorsys configparser contextlib copy csv dataclasses "
MODULES += "difflib dis enum filecmp fnmatch fractions functools getopt glob gzip heapq inspect json/decoder json/encoder keyword "
MODULES += "logging/__init__ mimetypes numbers operator pathlib pprint queue random reprlib sched shelve shlex shutil statistics "
MODULES += "string tempfile textwrap timeit tokenize traceback types typing uuid weakref zipfile"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Shards, pairs, tokenizer and sets."""
    torch.set_num_threads(1)
    train.reproducible(torch.device("cpu"))
    folder = tmp_path_factory.mktemp("recipe")
    library = pathlib.Path(sysconfig.get_paths()["stdlib"])
    found = [
        File("stdlib", "", "python", f"{name}.py", (library / f"{name}.py").read_text("utf-8"))
        for name in MODULES.split()
        if (library / f"{name}.py").is_file()
    ]
    assert len(found) > 30
    held = [f for i, f in enumerate(found) if i % 8 == 0]
    shards.write_files(folder, "train", [f for f in found if f not in held])
    shards.write_files(folder, "validation", held)
    for split, most in (("train", 30), ("validation", 3)):
        some = [f for f in shards.read_files(folder, split) if len(f.text) < 40_000][:12]
        pairs = [p for f in some for p in make.pairs(f, 1, split != "train", collections.Counter())]
        rows = "".join(json.dumps(dataclasses.asdict(p)) + "\n" for p in make.balanced(pairs, most, 1))
        shards.atomically(folder / f"pairs-{split}.jsonl.xz", lzma.compress(rows.encode()))
    smoke = config.load("smoke")
    trained = tokenizer.trained(tokenizer.sampled(folder, 400_000), smoke.model.vocabulary)
    tokenizer.save(trained, folder)
    counts = samples.write_all(smoke, folder, folder / "tokens", samples.Encoder(trained))
    assert counts["pretrain"] > 100_000 and counts["finetune-000, learnt"] > 1000
    return folder


def _run(prepared, folder, stage, start=None):
    data, held = train.sets(prepared / "tokens", stage)
    return train.Run(config.load("smoke"), stage, folder, data, held, torch.device("cpu"), start)


@pytest.fixture(scope="module")
def trained(prepared, tmp_path_factory):
    """Both stages in one go."""
    folder = tmp_path_factory.mktemp("run")
    first = _run(prepared, folder / "pretrain", "pretrain")
    assert first.run()
    second = _run(prepared, folder / "finetune", "finetune", first.model.state_dict())
    assert second.run()
    return folder, first, second


def _rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_text_comes_back_from_tokens(prepared):
    """Protects the vocabulary: every text is tokens and the same text again, and holes have the ids that the engine gives."""
    encoder = samples.Encoder.load(prepared)
    for text in ("def f(x):\n    return 12.5 * x  # é ｜ ☃\n", "\t\r\n  \n", "a" * 50):
        assert encoder.tokenizer.decode(encoder.text(text)) == text
    assert encoder.fill("a", "b")[:2] == [samples.BOS, samples.BEGIN] and encoder.fill("a", "b")[-1] == samples.END
    with pytest.raises(ValueError, match="control"):
        encoder.text("x = '<｜fim▁hole｜>'")


def test_only_answers_are_learnt(prepared):
    """Protects the second stage: what is learnt of a pair are exactly the answer and its end, and no sample is cut."""
    encoder = samples.Encoder.load(prepared)
    pair = next(samples.read_pairs(prepared, "train"))
    question, answer = encoder.pair(pair)
    tokens, learnt = samples.packed([(question, answer), (question, answer)], len(question) + len(answer) + 5)
    assert tokens.shape[0] == 2 and tokens[0][learnt[0]].tolist() == answer
    assert encoder.tokenizer.decode(answer[:-1]) == samples.rendered(pair)[1] and answer[-1] == samples.EOS
    path = prepared / "again.xz"
    sets.write(path, tokens, learnt)
    again = sets.read([path])
    assert (again.tokens == tokens).all() and (again.learnt == learnt).all()


def test_the_loss_falls(trained):
    """Protects training: both stages learn, on what they train on and on what they do not."""
    folder, first, _ = trained
    for stage, least in (("pretrain", 1.0), ("finetune", 0.2)):
        rows = _rows(folder / stage)
        losses = [r["loss"] for r in rows if "loss" in r]
        assert all(math.isfinite(v) for v in losses) and losses[-1] < losses[0] - least, losses
    held = [r["validation"] for r in _rows(folder / "pretrain") if r.get("set") == "python"]
    assert held[-1] < held[0] and held[-1] < math.log(first.config.model.vocabulary) - 0.6
    assert (folder / "finetune/DONE").is_file()


def test_prompts_count_by_their_weight(prepared, tmp_path):
    """Protects the second stage: a prompt's tokens count by their weight, and what fills a window up not at all."""

    def loss(weight):
        run = _run(prepared, tmp_path, "finetune")
        run.settings = dataclasses.replace(run.settings, prompt_weight=weight, log_every=1)
        return run.train_step()["loss"]

    run = _run(prepared, tmp_path, "finetune")
    tokens, learnt = run.batches.at(0)
    filled = ~learnt & (tokens == samples.EOS)
    assert learnt.any() and filled.any() and not (learnt | filled).all()
    for weight in (0.0, 0.5, 1.0):
        mask = torch.where(learnt, 1.0, weight).masked_fill(filled, 0.0)[:, 1:]
        with torch.no_grad():
            wanted = run.model.loss(tokens[:, :-1], tokens[:, 1:], mask)[0] / mask.sum()
        assert loss(weight) == pytest.approx(wanted.item(), rel=1e-5)


def test_a_run_in_pieces_has_the_same_bits(prepared, trained, tmp_path):
    """Protects resuming: stopped twice, once after a checkpoint that later steps are lost behind, it is the same run."""
    _, first, _ = trained
    run = _run(prepared, tmp_path, "pretrain")
    run.run(until=17)
    for _ in range(3):
        run.train_step()  # Lost, as in a crash.
    for until in (31, None):
        run = _run(prepared, tmp_path, "pretrain")
        assert run.resume() and run.step == (17 if until else 31)
        run.run(until=until)
    for (name, a), b in zip(first.model.state_dict().items(), run.model.state_dict().values()):
        assert torch.equal(a, b), name
    steps = [r["step"] for r in _rows(tmp_path) if "loss" in r]
    assert steps == sorted(set(steps)) and steps[-1] == run.settings.steps


def test_training_needs_no_tokenizer():
    """Protects the run on another machine: PyTorch and numpy are all that the trainer imports."""
    code = "import sys; sys.modules['tokenizers'] = None; import train.train"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=config.HERE.parent)


def test_a_checkpoint_of_another_model_is_refused(prepared, trained):
    """Protects a run's folder from being gone on with under other settings."""
    folder, _, _ = trained
    run = _run(prepared, folder / "pretrain", "pretrain")
    run.identity = "another"
    with pytest.raises(ValueError, match="another model"):
        run.resume()


def test_minutes_are_kept(prepared, tmp_path):
    """Protects the loan of a GPU: a run that would go beyond its minutes stops before, with a checkpoint."""
    now = iter(range(0, 100_000, 10))
    run = _run(prepared, tmp_path, "pretrain")
    run.clock = lambda: float(next(now))
    assert not run.run(minutes=10) and 0 < run.step < run.settings.steps and run.checkpoint.is_file()


def test_the_count_is_the_models(trained):
    """Protects the plan: parameters are counted as the model has them."""
    _, first, _ = trained
    assert count.parameters(first.config.model).total == sum(p.numel() for p in first.model.parameters())
    report = count.report(config.load("nano"), "h100", 0.15, None)
    assert report["parameters"] < 100e6 and report["MB at 4 bits"] <= 60 and report["pretrain"]["fits"]


def test_evaluation_and_plot(prepared, trained, tmp_path):
    """Protects the report: it has each language, each kind of edit and holes, and the plot shows both stages."""
    folder, _, second = trained
    encoder = samples.Encoder.load(prepared)
    lines = tmp_path / "lines.jsonl.gz"
    task = {"language": "py", "prompt": "def f(a):", "suffix": "    return b\n", "canonical_solution": "    b = a"}
    lines.write_bytes(gzip.compress((json.dumps(task) + "\n").encode() * 3))
    report = evaluate.report(evaluate.Trained(second.model, encoder), encoder, prepared, lines, most=2, tokens=48)
    assert report["fim-lines"]["py"]["of"] == 2
    assert evaluate.losses(second.model, prepared / "tokens")["python"] > 0
    assert report["edits"]["all"]["of"] >= 2 and report["holes"]["of"] == 2
    svg = plot.drawn([folder / "pretrain/metrics.jsonl", folder / "finetune/metrics.jsonl"])
    assert svg.startswith("<svg") and "pretrain" in svg and "finetune" in svg and "python" in svg


class _Perfect:
    """An imported model that knows every answer."""

    context_length = 4096

    def __init__(self, pairs):
        self.answers = dict(samples.rendered(pair) for pair in pairs)

    def generate(self, prompt, *, max_tokens, suffix=None, draft=None):
        self.text = ""
        if suffix is None:
            user, assistant = (turn["content"] for turn in prompt)
            self.text = self.answers[f"User: {user}\n\nAssistant:{assistant}"]
        return self


def test_the_imported_model_is_asked_what_it_was_taught(prepared):
    """Protects the numbers of the imported model: it gets the prompts of training, and one that answers well has all points."""
    pairs = list(samples.read_pairs(prepared, "validation"))
    encoder = samples.Encoder.load(prepared)
    report = evaluate.report(evaluate.Imported(_Perfect(pairs)), encoder, prepared, None, most=len(pairs))
    assert report["edits"]["all"]["right"] == report["edits"]["to the letter"]["right"] == len(pairs) > 10
    assert report["holes"]["right"] == 0 < report["holes"]["of"]


@pytest.fixture(scope="module")
def command():
    found = os.environ.get("DEEPCODER_TEST_COMMAND") or shutil.which("deepcoder")
    if not found:
        pytest.skip("deepcoder: there is no command to import with; set DEEPCODER_TEST_COMMAND")
    return found


def _steps(said):
    """The tokens of an answer with the likeliest ones at each step."""
    tokens = json.loads(said.splitlines()[-1])["tokens"]
    return [(t["id"], [(o["id"], o["logprob"]) for o in t["top"]]) for t in tokens]


def test_the_engine_computes_what_torch_does(prepared, trained, command, tmp_path):
    """Protects the way into the product: the exported checkpoint goes through our importer, and the engine's probabilities
    are PyTorch's at every step of a greedy continuation, with the weights as they are; at 4 bits it still runs."""
    _, _, second = trained
    model = second.model.eval()
    export.write(model, prepared, tmp_path / "checkpoint")
    environment = os.environ | {"DEEPCODER_HOME": str(tmp_path / "home")}

    def deepcoder(*args):
        done = subprocess.run([command, *args], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    deepcoder("import", str(tmp_path / "checkpoint"), "--name", "smoke", "--exact")
    encoder = samples.Encoder.load(prepared)
    prompt = "import os\n\n\ndef read(path):\n"
    said = deepcoder(
        "generate", "--raw", "--json", "--no-daemon", "--threads", "1", "--model", "smoke", "--logprobs", "20",
        "--max-tokens", "24", prompt,
    )  # fmt: skip
    steps = _steps(said)
    assert len(steps) > 4
    ids, worst = [samples.BOS, *encoder.text(prompt)], 0.0
    with torch.no_grad():
        for token, top in steps:
            wanted = model(torch.tensor([ids]))[0, -1].log_softmax(-1)
            worst = max(worst, *(abs(wanted[i].item() - p) for i, p in top))
            ids.append(token)
    assert 0 < worst < 1e-3, worst
    deepcoder("import", str(tmp_path / "checkpoint"), "--name", "smoke-4", "--bits", "4")
    assert _steps(deepcoder(
        "generate", "--raw", "--json", "--no-daemon", "--threads", "1", "--model", "smoke-4", "--logprobs", "1",
        "--max-tokens", "4", prompt,
    ))  # fmt: skip
