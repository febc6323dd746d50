"""The tables of event streams (OpenID Shared Signals Framework 1.0)."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from pairing_server.registry.tables import metadata

event_stream = Table(
    "event_stream",
    metadata,
    Column("id", Text, primary_key=True),
    # One for each client.
    Column("client_id", Text, ForeignKey("client.id"), nullable=False, unique=True),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # As the client asked, as JSON.
    Column("events_requested", Text, nullable=False),
    Column("endpoint_url", Text, nullable=False),
    Column("authorization_header", LargeBinary),
    Column("description", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # From when on it may be served; who serves it has put it off by then.
    Column("due_at", BigInteger, nullable=False),
    Column("failing_since", BigInteger),
    Column("attempts", Integer, nullable=False),
    # What waits to be verified with, as JSON, and when that was asked for last.
    Column("verification", Text),
    Column("verification_asked_at", BigInteger),
    # When the client last heard something, and why it did not since.
    Column("heard_at", BigInteger),
    Column("last_error", Text, nullable=False, server_default=""),
    CheckConstraint("status IN ('enabled', 'paused', 'disabled')", name="status"),
)

# Up to where a chain of the audit log has been told on a stream.
event_stream_cursor = Table(
    "event_stream_cursor",
    metadata,
    Column("stream_id", Text, ForeignKey("event_stream.id"), primary_key=True),
    Column("chain", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
)
