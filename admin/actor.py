"""Who acts in the administrator's portal and at its API: one role, for one organisation."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What an actor is for the organisation."""

    #: End-responsible: appoints others.
    ADMINISTRATOR = "administrator"
    #: People and their phones, day by day.
    OPERATOR = "operator"
    #: Finds and blocks, and undoes nothing.
    SERVICE_DESK = "service_desk"
    #: A program of the organisation, at the API.
    MACHINE = "machine"


#: Those that a person has; `membership.administrative_role` names one.
OF_PEOPLE = frozenset({Role.ADMINISTRATOR, Role.OPERATOR, Role.SERVICE_DESK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, for one organisation: for another one they log in there.

    Attributes:
        person_id: Absent for a machine.
        client_id: The machine; absent for a person.
        authenticated_at: Of the newest approval by phone or card; for a machine, of the
            assertion that its key signed.
        acts: What a machine was registered for (`admin.access.Act`); nothing to a person.
        sid: Of the session in which a person acts.
    """

    role: Role
    ura: str
    person_id: str | None
    client_id: str | None
    authenticated_at: datetime
    acts: frozenset[str] = frozenset()
    sid: str | None = None

    def __post_init__(self) -> None:
        """Make sure that it is either.

        Raises:
            ValueError: it is a person and a machine, or neither, or has the other one's role.
        """
        named = (self.person_id is not None, self.client_id is not None)
        if named != (self.role in OF_PEOPLE, self.role is Role.MACHINE):
            raise ValueError("an actor is a person or a machine")

    @property
    def name(self) -> str:
        """As audit events name actors."""
        if self.person_id is None:
            return f"client:{self.client_id}"
        return f"person:{self.person_id}"
