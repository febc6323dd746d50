"""The words for a role code, for people to read; no rule depends on them."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import msgspec

from pairing_server.languages import Language

#: The specialism of a title alone.
NO_SPECIALISM = "000"


@dataclass(frozen=True, slots=True)
class Words:
    """A name in the languages of the pages."""

    nl: str
    en: str

    def in_language(self, language: Language | None) -> str:
        """Return the name in a language; in Dutch, which the register's are in, where none is."""
        return self.en if language is Language.EN else self.nl


@dataclass(frozen=True, slots=True)
class RoleCodes:
    """Titles, and under each title its specialisms (CPS annex 3, tables 19 to 27)."""

    titles: dict[str, Words]
    specialisms: dict[str, dict[str, Words]]

    def name(self, code: str, language: Language | None) -> str:
        """Return the words for a code; see `role_name`."""
        title, _, specialism = code.partition(".")
        words = self.titles.get(title)
        if words is None:
            return code
        name = words.in_language(language)
        if specialism == NO_SPECIALISM:
            return name
        known = self.specialisms.get(title, {}).get(specialism)
        return f"{name} ({code})" if known is None else f"{name}, {known.in_language(language)}"


def role_name(code: str, language: Language | None) -> str:
    """Return the words for a code like `01.015`.

    The codes change, so that one not known here is shown as its number and never refused.

    Args:
        language: That of who reads it; none where nobody said, which is Dutch.
    """
    return _role_codes().name(code, language)


@lru_cache(maxsize=1)
def _role_codes() -> RoleCodes:
    """Read the role codes that come with the package."""
    file = resources.files("pairing_server") / "uzi" / "role_codes.toml"
    return msgspec.convert(tomllib.loads(file.read_text("utf-8")), RoleCodes)
