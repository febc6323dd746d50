"""What `zorgid-phone watch` does by itself: read from a script, one step for each request."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Verdict(StrEnum):
    """What becomes of a request."""

    APPROVE = "approve"
    DENY = "deny"
    NOT_ME = "not-me"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Step:
    """What to do with one request, after `delay` seconds.

    Attributes:
        code: To approve with; `None` when a person types it.
        file: A file that the code appears in, in the place of `code`.
    """

    verdict: Verdict
    code: str | None = None
    file: str | None = None
    delay: float = 0.0

    @classmethod
    def approval(cls, argument: str | None, delay: float = 0.0) -> Self:
        """Approve with a code, with the code in a file (`@file`), or with one that is typed."""
        if argument is not None and argument.startswith("@"):
            return cls(Verdict.APPROVE, file=argument[1:], delay=delay)
        return cls(Verdict.APPROVE, code=argument, delay=delay)


class BadScript(Exception):  # noqa: N818 - what was handed in.
    """A line that is no step."""


_WAIT = re.compile(r"\d+(\.\d+)?")


def read_script(text: str) -> list[Step]:
    """Read steps, one a line: `approve CODE`, `approve @FILE`, `deny`, `not-me`, `ignore`.

    `wait SECONDS` puts off the step behind it; what follows a `#` is left out.

    Raises:
        BadScript: a line is none of these, or there is no step at all.
    """
    steps: list[Step] = []
    delay = 0.0
    for number, line in enumerate(text.splitlines(), 1):
        match line.partition("#")[0].split():
            case []:
                continue
            case ["wait", seconds] if _WAIT.fullmatch(seconds):
                delay += float(seconds)
                continue
            case ["approve"]:
                steps.append(Step.approval(None, delay))
            case ["approve", code]:
                steps.append(Step.approval(code, delay))
            case [("deny" | "not-me" | "ignore") as verdict]:
                steps.append(Step(Verdict(verdict), delay=delay))
            case _:
                raise BadScript(f"line {number} is no step: {line.strip()}")
        delay = 0.0
    if not steps:
        raise BadScript("there is no step in it")
    return steps
