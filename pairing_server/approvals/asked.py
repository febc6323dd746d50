"""What a client asks of a person, before it is a request."""

from dataclasses import dataclass
from datetime import timedelta

from pairing_server.approvals.auth_request import Grant, Shown
from pairing_server.approvals.fatigue import Gate
from pairing_server.tokens import digest

#: 128 of the 256 bits of the digest: as much as any other identifier.
ID_CHARACTERS = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a client asks, once its words have been checked.

    Attributes:
        person_id: `None` for a hint that names nobody this client may know of.
        gate: From which workstations the client may wake the person.
        is_discreet: Whether the client is not to learn that anybody is there.
        needs_known_place: Whether a phone's yes counts only where its person has logged in before.
        is_for_whoever_scans: Nobody is woken: the request is whose phone scans it first.
        role_codes: The roles among which the person chooses.
    """

    client_id: str
    person_id: str | None
    workstation_id: str
    scope: str
    shown: Shown
    code: str
    lifetime: timedelta
    gate: Gate = Gate.VOUCHED
    is_discreet: bool = False
    needs_known_place: bool = False
    grant: Grant = Grant.CIBA
    is_for_whoever_scans: bool = False
    role_codes: tuple[str, ...] = ()


def request_id(auth_req_id: str) -> str:
    """Return the id under which the phone sees a client's auth request; it tells nothing of it."""
    return digest(auth_req_id)[:ID_CHARACTERS]
