"""How many dates of birth that are not a person's one who manages may give.

Whether a date fits is told to whoever has the document before them; who has not would find the
date by trying the 36,000 of a century.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from admin.actor import Actor
from admin.people_refusals import TooManyWrongDates
from pairing_server.store import Store
from pairing_server.store.shelf import Shelf

#: In so long, of one who manages, whatever they are given for.
MOST, MEMORY = 5, timedelta(hours=1)


class WrongDates:
    """Counts them, at all nodes together."""

    def __init__(self, store: Store) -> None:
        self._shelf = Shelf(store, "wrong-birth-dates", int)

    @asynccontextmanager
    async def counted(self, actor: Actor) -> AsyncIterator[None]:
        """Compare a date in the block, which raises where it does not fit.

        Raises:
            TooManyWrongDates: too many did not.
        """
        # Counted before it is compared: of many dates sent at once no more are compared.
        await self._count(actor)
        yield
        await self._shelf.change(actor.name, lambda counted: max(counted - 1, 0))

    async def _count(self, actor: Actor) -> None:
        counted = None
        while counted is None and not await self._shelf.create(actor.name, 1, MEMORY):
            counted = await self._shelf.change(actor.name, _one_more)


def _one_more(dates: int) -> int:
    if dates >= MOST:
        raise TooManyWrongDates
    return dates + 1
