"""The step of an auth request whose QR code a phone scanned at the workstation."""

from pairing_server.approvals import auth_request as rules
from pairing_server.approvals.auth_request import AuthRequest
from pairing_server.approvals.flow import inbox_channel
from pairing_server.errors import NotFound
from pairing_server.ports import Ports
from pairing_server.store.shelf import Shelf


class ScanFlow:
    """Hear of a scan."""

    def __init__(self, ports: Ports) -> None:
        self._store = ports.store
        self._requests = Shelf(ports.store, "auth-request", AuthRequest)
        self._clock = ports.clock

    async def scanned(self, person_id: str, identifier: str, credential_id: str | None) -> None:
        """Hear that a phone of this person scanned the workstation's QR code.

        Args:
            credential_id: Of the phone whose camera saw it; without one nothing changes.

        Raises:
            NotFound: unknown, or another person's.
        """
        stored = await self._requests.get(identifier)
        if stored is None or stored.value.person_id != person_id:
            raise NotFound
        if credential_id is None:
            return
        now = self._clock()
        await self._requests.change(identifier, lambda held: rules.scan(held, credential_id, now))
        # To that phone the request is another one than it was.
        await self._store.signal(inbox_channel(person_id))
