"""`python -m train.data pin|fetch|build`: see README.md."""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import sys

from . import build, card, files, licences, sources
from .decontaminate import Benchmarks
from .fetch import Cache

HERE = pathlib.Path(__file__).parent.parent


def pin(args: argparse.Namespace) -> int:
    """Fetches the newest version of what has none yet and writes version, licence and hash into the list."""
    listed = sources.read(args.list)
    cache = Cache(args.cache)
    done, failed = cache.fetch(listed)
    out = []
    for source in done:
        package = files.opened(source, cache.data(source))
        licence, why = licences.judged(package.expression, package.licence_texts)
        if licence is None:
            print(f"{source.key}: left out of the list: {why}", file=sys.stderr)
            continue
        out.append(dataclasses.replace(source, licence=licence))
    sources.write(args.list, out)
    print(f"{len(out)} pinned, {len(done) - len(out)} refused, {len(failed)} not to be had", file=sys.stderr)
    return 0


def fetch(args: argparse.Namespace) -> int:
    done, failed = Cache(args.cache).fetch(_pinned(args.list))
    for key, why in failed.items():
        print(f"{key}: {why}", file=sys.stderr)
    print(f"{len(done)} of {len(done) + len(failed)} are there", file=sys.stderr)
    return 1 if failed else 0


def make(args: argparse.Namespace) -> int:
    account = build.Account()
    benchmarks = Benchmarks.read(args.benchmarks)
    found = build.gathered(_pinned(args.list), Cache(args.cache), account)
    kept = build.cleaned(found, benchmarks, account)
    build.written(kept, args.out, account)
    args.card.write_text(card.render(account), "utf-8")
    print(f"{len(kept)} of {len(found)} files are kept; {args.card.name} has the account", file=sys.stderr)
    return 0


def _pinned(path: pathlib.Path) -> list[sources.Source]:
    listed = sources.read(path)
    loose = [s.name for s in listed if not s.pinned]
    if loose:
        raise SystemExit(f"error: not pinned: {', '.join(loose)}; hint: python -m train.data pin")
    return listed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m train.data", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    for name, function in (("pin", pin), ("fetch", fetch), ("build", make)):
        verb = verbs.add_parser(name, help=function.__doc__)
        verb.set_defaults(function=function)
        verb.add_argument("--list", type=pathlib.Path, default=HERE / "sources.tsv")
        verb.add_argument("--cache", type=pathlib.Path, required=True, help="folder for the archives")
        if name == "build":
            verb.add_argument("--benchmarks", type=pathlib.Path, action="append", required=True)
            verb.add_argument("--out", type=pathlib.Path, required=True, help="folder for the shards")
            verb.add_argument("--card", type=pathlib.Path, default=HERE / "DATA.md")
    args = parser.parse_args()
    return args.function(args)


if __name__ == "__main__":
    sys.exit(main())
