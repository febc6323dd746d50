"""What was looked for: names and numbers stand in no address, which logs and histories keep."""

from dataclasses import dataclass
from datetime import timedelta

from pairing_server.ports import Ports
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import new_id

#: As long as somebody may go back to what they found.
LIFETIME = timedelta(minutes=30)
MAX_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Search:
    """A text, and the session in which it was typed: no other one reads it."""

    session: str
    text: str


class Searches:
    """Keeps what was typed, and gives it back to who typed it."""

    def __init__(self, ports: Ports) -> None:
        self._searches = Shelf(ports.store, "admin-search", Search)
        self._random = ports.random

    async def keep(self, session: str, text: str) -> str:
        """Keep a text.  Returns by what it is found again."""
        identifier = new_id(self._random)
        await self._searches.create(identifier, Search(session, text), LIFETIME)
        return identifier

    async def text(self, session: str, identifier: str) -> str | None:
        """Return what was typed in this session; `None` of any other one, or too late."""
        stored = await self._searches.get(identifier)
        if stored is None or stored.value.session != session:
            return None
        return stored.value.text
