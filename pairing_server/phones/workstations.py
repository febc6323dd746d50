"""Where a person logs in, and whence they said not to be woken: seen and undone on their phone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pairing_server.audit.events import PushOpened
from pairing_server.errors import NotFound
from pairing_server.keys.flow import BoundPhone
from pairing_server.ports import Ports
from pairing_server.registry import Query, Transaction, person_workstations
from pairing_server.registry.person_workstations import PersonWorkstation
from pairing_server.tokens import digest

#: Hears that a workstation may wake a person again: person, client, workstation.
Opened = Callable[[str, str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Listed:
    """A workstation as its person is told of it.

    Attributes:
        id: A digest of whose it is and its name there, which the person need not know.
        client: The name of the program.
    """

    id: str
    client: str
    workstation: PersonWorkstation


class WorkstationFlow:
    """Lists, and opens again."""

    def __init__(self, ports: Ports, opened: Opened) -> None:
        self._registry = ports.registry
        self._opened = opened

    async def of_person(self, person_id: str) -> list[Listed]:
        """Return the person's workstations, newest first."""
        return await self._registry.read(lambda tx: _listed(tx, person_id))

    async def open_push(self, phone: BoundPhone, identifier: str) -> None:
        """Let a workstation wake the person again; once more changes nothing.

        Raises:
            NotFound: this person has no such workstation.
        """
        found = await self.of_person(phone.person.id)
        places = [each.workstation.place for each in found if each.id == identifier]
        if not places:
            raise NotFound("no such workstation")
        place = places[0]
        key = (place.person_id, place.client_id, place.workstation_id)

        def change(tx: Transaction) -> None:
            if person_workstations.open_push(tx, *key):
                evidence = {
                    "credential": phone.credential.id,
                    "workstation_id": place.workstation_id,
                    "workstation": place.workstation,
                    "location": place.location,
                }
                tx.record(
                    PushOpened(
                        actor=f"person:{place.person_id}",
                        object=f"client:{place.client_id}",
                        ura=phone.credential.bound_ura,
                        evidence=evidence,
                    )
                )

        await self._registry.commit(change)
        await self._opened(*key)


def _listed(tx: Query, person_id: str) -> list[Listed]:
    return [
        Listed(digest(f"{each.place.client_id}\n{each.place.workstation_id}")[:22], name, each)
        for each, name in person_workstations.of_person(tx, person_id)
    ]
