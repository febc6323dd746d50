"""The tables of what administrators do together, and of what programs were answered."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text

from pairing_server.registry.tables import metadata

# What one administrator asked for and another one does, where their organisation wants two.
pending_act = Table(
    "pending_act",
    metadata,
    Column("id", Text, primary_key=True),
    Column("ura", Text, ForeignKey("organisation.ura"), nullable=False),
    Column("act", Text, nullable=False),
    # What it is to be done to, and why: JSON.
    Column("subject", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("settled_by", Text),
    Column("settled_at", BigInteger),
    CheckConstraint("status IN ('open', 'done', 'withdrawn')", name="status"),
    Index(None, "ura", "status", "expires_at"),
)

# What a program was answered to an act that it named by an `Idempotency-Key`.
idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("client_id", Text, ForeignKey("client.id"), primary_key=True),
    # Of the key, which may tell of a person.
    Column("digest", Text, primary_key=True),
    # Of where it was sent and of its body.
    Column("fingerprint", Text, nullable=False),
    # As JSON; no more than identifiers.
    Column("answer", Text, nullable=False),
    Column("kept_at", BigInteger, nullable=False),
    Index(None, "client_id", "kept_at"),
)
