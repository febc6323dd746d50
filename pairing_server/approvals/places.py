"""Where a person answers: what the registry keeps of it, and what the log is told."""

from datetime import datetime

from pairing_server.approvals.auth_request import AuthRequest
from pairing_server.audit.events import WorkstationFirstUsed
from pairing_server.registry import Transaction, person_workstations
from pairing_server.registry.person_workstations import Place


def place_of(request: AuthRequest, person_id: str) -> Place:
    """Return the place as the person was shown it."""
    shown = request.shown
    return Place(
        person_id, request.client_id, request.workstation_id, shown.workstation, shown.location
    )


def evidence_of(request: AuthRequest, place: Place) -> dict[str, str]:
    """Return what the log is told of a place."""
    return {
        "auth_request": request.id,
        "workstation_id": place.workstation_id,
        "workstation": place.workstation,
        "location": place.location,
    }


def record_place(tx: Transaction, request: AuthRequest, place: Place, now: datetime) -> None:
    """Write down that a person logged in there; where that is new to them it is an event."""
    if person_workstations.record_use(tx, place, now):
        tx.record(
            WorkstationFirstUsed(
                actor=f"person:{place.person_id}",
                object=f"client:{place.client_id}",
                ura=request.shown.ura,
                evidence=evidence_of(request, place),
            )
        )
