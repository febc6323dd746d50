"""Whom a key will belong to, as its holder sees it before they make it."""

from dataclasses import dataclass

import msgspec

from pairing_server.languages import Language
from pairing_server.uzi.roles import role_name


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a key will belong to; without a role where they have none any more."""

    name: str
    uzi_number: str
    role_code: str
    organisation: str
    ura: str

    def told(self, language: Language | None) -> "ToldIdentity":
        """Return what the app shows."""
        return ToldIdentity(
            name=self.name,
            uzi_number=self.uzi_number,
            role=role_name(self.role_code, language),
            organisation=self.organisation,
            ura=self.ura,
        )


class ToldIdentity(msgspec.Struct):
    """What the app shows before its holder makes the key."""

    name: str
    uzi_number: str
    role: str
    organisation: str
    ura: str
