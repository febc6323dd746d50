"""The languages that people are spoken to in: which one is wanted, and the words of it.

Messages are written in English, which is also what they are looked up by.
"""

import gettext
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib import resources

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


class Language(StrEnum):
    """A language tag (RFC 5646)."""

    EN = "en"
    NL = "nl"


#: Whoever asks for neither, or for nothing.
DEFAULT = Language.EN

#: A language range and its weight (RFC 9110 section 12.5.4; RFC 4647 section 2.1).
_RANGE = re.compile(
    r"\s*(?P<range>\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)"
    r"(?:\s*;\s*[qQ]=(?P<weight>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?\s*",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    tag: str
    weight: float


def negotiate(accept_language: str) -> Language:
    """Choose by `Accept-Language` (RFC 9110 section 12.5.4, lookup of RFC 4647 section 3.4).

    What is malformed in it is passed over.  Of two that are wanted alike, the first one named.
    """
    wanted = list(_wanted(accept_language))
    spoken = [Language(each.tag) for each in wanted if each.tag in set(Language)]
    inorder = dict.fromkeys([*spoken, DEFAULT, *Language])
    best = max(inorder, key=lambda language: _weight(language, wanted))
    return best if _weight(best, wanted) > 0 else DEFAULT


def language_named(name: str) -> Language | None:
    """Return the language of that tag, if it is one of ours."""
    return Language(name) if name in set(Language) else None


@lru_cache(maxsize=len(Language))
def translations(language: Language) -> gettext.NullTranslations:
    """Read the words of a language; what is not among them stays English."""
    if language is DEFAULT:
        return gettext.NullTranslations()
    catalogue = Catalog(locale=language)
    folder = resources.files("pairing_server") / "locale" / language / "LC_MESSAGES"
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        # Read as it is written, so that nothing has to be compiled and kept in step.
        part = read_po(io.BytesIO(file.read_bytes()), locale=language, abort_invalid=True)
        for message in (each for each in part if each.id):
            catalogue[message.id] = message
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def translate(language: Language, message: str) -> str:
    """Say a message in a language."""
    # An empty message is the catalogue's own header.
    return translations(language).gettext(message) if message else ""


def N_(message: str) -> str:  # noqa: N802  (gettext's own name for it)
    """Mark a message for the catalogue, where it is looked up later."""
    return message


def _wanted(accept_language: str) -> Iterator[_Wanted]:
    for part in accept_language.split(","):
        match = _RANGE.fullmatch(part)
        if match is not None:
            # A page for one region is better than none: `nl-BE` is `nl` here.
            primary = match["range"].lower().partition("-")[0]
            yield _Wanted(primary, float(match["weight"] or 1))


def _weight(language: Language, wanted: list[_Wanted]) -> float:
    named = [each.weight for each in wanted if each.tag == language]
    others = [each.weight for each in wanted if each.tag == "*"]
    return max(named or others or [0.0])
