"""The tables of ZORG-ID's own session interface."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)

from pairing_server.registry.tables import metadata

# What XIS that speak ZORG-ID's own session interface opened: who is logged in there.
xis_session = Table(
    "xis_session",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, ForeignKey("client.id"), nullable=False),
    Column("ura", Text, nullable=False),
    Column("auth_request", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    # Where the person is asked, as JSON: for the transactions that follow.
    Column("place", Text, nullable=False),
    Column("person_id", Text, ForeignKey("person.id")),
    Column("credential_id", Text),
    Column("expires_at", BigInteger, nullable=False),
    CheckConstraint("status IN ('offered', 'open', 'closed', 'cancelled')", name="status"),
    Index(None, "client_id", "status"),
    Index(None, "person_id", "status"),
)

# What is to be signed in such a session.
xis_transaction = Table(
    "xis_transaction",
    metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("xis_session.id"), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("auth_request", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    # The identifiers and hashes that the client sent, as JSON.
    Column("signing", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    CheckConstraint("status IN ('offered', 'finished', 'cancelled')", name="status"),
    Index(None, "client_id", "status"),
)

# What happened in them, by which every reader of a client goes on where it was.  The number is
# given out under the lock of the client's row in `xis_event_head`, so that no reader sees a later
# one before an earlier one.
xis_event = Table(
    "xis_event",
    metadata,
    Column("client_id", Text, ForeignKey("client.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("type", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "client_id", "at"),
)

xis_event_head = Table(
    "xis_event_head",
    metadata,
    Column("client_id", Text, ForeignKey("client.id"), primary_key=True),
    # The last that was given out, the last that was told to readers without a cursor, and the last
    # that is not kept any more.
    Column("number", BigInteger, nullable=False),
    Column("drained", BigInteger, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
)
