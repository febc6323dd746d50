"""Every "no" of the package is one that its caller can act on."""

import importlib
import pkgutil
import re
from types import ModuleType

import pytest

import admin
import pairing_server
from pairing_server import errors
from pairing_server.errors import InvalidRequest, Refusal

CODE = re.compile(r"[a-z]+(?:_[a-z]+)*")
#: RFC 6749 section 5.2, and what fits into `WWW-Authenticate`.
SHOWABLE = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]+")


def modules() -> list[ModuleType]:
    walked = [
        found
        for package in (pairing_server, admin)
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    names = [found.name for found in walked if "migrations" not in found.name]
    return [importlib.import_module(name) for name in names if not name.endswith("__main__")]


def refusals() -> list[type[Refusal]]:
    modules()
    found, left = [], [Refusal]
    while left:
        for kind in left.pop().__subclasses__():
            if kind.__module__.startswith(("pairing_server.", "admin.")):
                found.append(kind)
                left.append(kind)
    return sorted(set(found), key=lambda kind: (kind.__module__, kind.__qualname__))


def raised() -> list[type[Refusal]]:
    """Those with a code; the others only gather them for who catches several at once."""
    return [kind for kind in refusals() if hasattr(kind, "code")]


@pytest.mark.parametrize("kind", raised(), ids=lambda kind: kind.__qualname__)
def test_a_refusal_says_what_happened_and_what_to_do(kind):
    assert CODE.fullmatch(kind.code)
    assert 400 <= kind.status < 500 or kind.status == 503
    assert SHOWABLE.fullmatch(kind.description)
    assert kind.description.endswith((".", "?"))
    assert kind.description[0].isupper()


@pytest.mark.parametrize("kind", refusals(), ids=lambda kind: kind.__qualname__)
def test_a_refusal_names_its_source_or_its_reason(kind):
    assert kind.__doc__
    assert kind.__doc__.split("\n")[0].endswith((".", ")."))


def test_a_refusal_without_a_code_gathers_others():
    assert [
        kind for kind in refusals() if not hasattr(kind, "code") and not kind.__subclasses__()
    ] == []


def test_the_tree_names_what_stands_in_the_module():
    tree = re.findall(r"── (\w+) +(\d{3}) (\w+)", errors.__doc__)
    here = [kind for kind in refusals() if kind.__module__ == errors.__name__]

    assert {(name, int(status), code) for name, status, code in tree} == {
        (kind.__name__, kind.status, kind.code) for kind in here
    }


def test_the_tree_names_the_parts_that_have_their_own():
    elsewhere = {kind.__module__.removeprefix("pairing_server.") for kind in refusals()}
    named = set(re.findall(r"`(\w+\.\w+)`", errors.__doc__))

    assert {name for name in elsewhere if name.endswith(".refusals")} == named


def test_what_a_refusal_is_told_stays_private():
    refusal = InvalidRequest("Send the nonce.", "detail", place=1)

    assert (refusal.description, refusal.args, refusal.members) == (
        "Send the nonce.",
        ("detail",),
        {"place": 1},
    )
    assert InvalidRequest.description == InvalidRequest().description
