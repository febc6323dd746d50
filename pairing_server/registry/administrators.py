"""Who administers an organisation in an open session, read anew with every request."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query
from pairing_server.registry.people import AdministrativeRole
from pairing_server.registry.sessions import IS_OPEN, STANDS
from pairing_server.registry.tables import membership, organisation, person, session


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """Whom an open session is of, and what they are there.

    Attributes:
        expires_at: When the session is over at the latest.
    """

    person_id: str
    name: str
    ura: str
    organisation: str
    role: AdministrativeRole
    expires_at: datetime


_standing = (
    sa.select(
        person.c.id,
        person.c.first_names,
        person.c.last_name,
        membership.c.ura,
        membership.c.administrative_role,
        organisation.c.name.label("organisation"),
        session.c.expires_at,
    )
    .select_from(
        session.join(person, person.c.id == session.c.person_id)
        .join(
            membership,
            sa.and_(
                membership.c.person_id == session.c.person_id,
                membership.c.ura == session.c.ura,
            ),
        )
        .join(organisation, organisation.c.ura == session.c.ura)
    )
    .where(
        session.c.sid == sa.bindparam("of_sid"),
        session.c.client_id == sa.bindparam("of_client"),
        IS_OPEN,
        STANDS,
        membership.c.administrative_role.is_not(None),
        # Who was signed out everywhere is here, too, whatever they logged in with.
        sa.or_(person.c.signed_out_at.is_(None), person.c.signed_out_at < session.c.opened_at),
    )
)


def of_session(tx: Query, sid: str, client_id: str, at: datetime) -> Administrator | None:
    """Return who administers in a session, if all that it rests on stands at this moment.

    Args:
        client_id: At which client; a session at any other one opens nothing here.
    """
    row = tx.one(_standing, of_sid=sid, of_client=client_id, at=to_milliseconds(at))
    if row is None:
        return None
    return Administrator(
        person_id=row["id"],
        name=f"{row['first_names']} {row['last_name']}",
        ura=row["ura"],
        organisation=row["organisation"],
        role=AdministrativeRole(row["administrative_role"]),
        expires_at=from_milliseconds(row["expires_at"]),
    )
