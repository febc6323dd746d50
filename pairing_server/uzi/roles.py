"""The words for a role code, for people to read; no rule depends on them."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import msgspec

#: The specialism of a title alone.
NO_SPECIALISM = "000"


@dataclass(frozen=True, slots=True)
class RoleCodes:
    """Titles, and under each title its specialisms (CPS annex 3, tables 19 to 27)."""

    titles: dict[str, str]
    specialisms: dict[str, dict[str, str]]

    def name(self, code: str) -> str:
        """Return the Dutch words for a code like `01.015`.

        The codes change, so that one not known here is shown as its number and never refused.
        """
        title, _, specialism = code.partition(".")
        words = self.titles.get(title)
        if words is None:
            return code
        if specialism == NO_SPECIALISM:
            return words
        known = self.specialisms.get(title, {}).get(specialism)
        return f"{words} ({code})" if known is None else f"{words}, {known}"


@lru_cache(maxsize=1)
def role_codes() -> RoleCodes:
    """Read the role codes that come with the package."""
    file = resources.files("pairing_server") / "uzi" / "role_codes.toml"
    return msgspec.convert(tomllib.loads(file.read_text("utf-8")), RoleCodes)
