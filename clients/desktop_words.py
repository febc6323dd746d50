"""What the desktop agent says, in Dutch and English; the words themselves are data."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("nl", "en")


class Trouble(Exception):  # noqa: N818 - what the person is told; not a fault of the program.
    """Something stands in the way, and the person is told what to do next.

    Attributes:
        code: Of the sentence, in `desktop_words.toml` under `trouble`.
        facts: What the sentence names.
        told: Whether the person has seen the sentence.
    """

    def __init__(self, code: str, **facts: str) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts
        self.told = False


class Refused(Trouble):
    """The server says no, in a code of its own: it never reads as a trouble of the agent.

    Attributes:
        code: Of the sentence, in `desktop_words.toml` under `refusal`.
        description: The server's own words, for a code that stands not there.
    """

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.description = description


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language, one of `LANGUAGES`."""

    language: str

    def word(self, name: str, **facts: str) -> str:
        """Return a label or a question.

        Raises:
            KeyError: there is no such word.
        """
        return str(_table()["word"][name][self.language]).format(**facts)

    def purpose(self, purpose: str) -> str:
        """Name what the card is asked for.

        Raises:
            KeyError: another purpose than those of the wire.
        """
        return str(_table()["purpose"][purpose][self.language])

    def sentence(self, trouble: Trouble) -> str:
        """Say what happened and what to do next; of an unknown code what the server said.

        Raises:
            KeyError: a trouble of the agent's without a sentence.
        """
        entry = _entry(trouble)
        if entry is not None:
            return str(entry[self.language]).format(**trouble.facts)
        if isinstance(trouble, Refused) and trouble.description:
            return trouble.description
        return self.word("refused", code=trouble.code)


def exit_code(trouble: Trouble) -> int:
    """Return what the program exits with after this trouble."""
    entry = _entry(trouble) or {}
    return int(entry.get("exit", _table()["refusal"]["exit"]))


def may_try_again(trouble: Trouble) -> bool:
    """Tell whether the person can mend it, so that the agent waits for it."""
    return bool((_entry(trouble) or {}).get("again", False))


def choose_language(asked: str, environment: Mapping[str, str]) -> str:
    """Choose a language: as asked, else as POSIX locale variables say, else Dutch."""
    if asked in LANGUAGES:
        return asked
    named = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    first = next(filter(None, named), "")
    return "en" if first.startswith("en") else "nl"


def _entry(trouble: Trouble) -> Mapping[str, Any] | None:
    table = _table()
    if not isinstance(trouble, Refused):
        return table["trouble"][trouble.code]  # type: ignore[no-any-return]
    entry = table["refusal"].get(table["like"].get(trouble.code, trouble.code))
    return entry if isinstance(entry, dict) else None


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(files("clients").joinpath("desktop_words.toml").read_text("utf-8"))
