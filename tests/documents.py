"""The documents, and the blocks in them that are made from the code.

`make vectors` sets `DOCS_REWRITE`: the blocks are then written anew, and the diff is reviewed.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
REWRITE = bool(os.environ.get("DOCS_REWRITE"))

_BLOCK = re.compile(
    r"(?P<open><!-- (?P<kind>\w+): (?P<name>[^\n]+?) -->\n)"
    r"(?P<text>.*?)(?P<close><!-- /(?P=kind) -->)",
    re.DOTALL,
)


def documents() -> list[Path]:
    """Return the documents that people read, SOURCES of fixtures aside."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def kinds(name: str) -> set[str]:
    """Return the kinds of made blocks in a document."""
    return {match["kind"] for match in _BLOCK.finditer(read(name))}


def read(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(name: str, kind: str) -> dict[str, str]:
    """Return the made blocks of one kind by name: `<!-- kind: name -->` to `<!-- /kind -->`."""
    found = [match for match in _BLOCK.finditer(read(name)) if match["kind"] == kind]
    assert len({match["name"] for match in found}) == len(found)
    return {match["name"]: match["text"] for match in found}


def check_blocks(name: str, kind: str, made: Mapping[str, str]) -> None:
    """Compare the blocks of one kind with what was made, or write them anew.

    Not all that was made has to stand there, but all that stands there has to have been made.
    """
    if REWRITE:

        def rewritten(match: re.Match[str]) -> str:
            if match["kind"] != kind or match["name"] not in made:
                return match[0]
            return match["open"] + made[match["name"]] + match["close"]

        (ROOT / name).write_text(_BLOCK.sub(rewritten, read(name)))
    written = blocks(name, kind)
    assert written == {key: made.get(key) for key in written}, (
        f"{name} is not what the code does: run `make vectors` and read the diff"
    )
    assert written


def fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```\n"
