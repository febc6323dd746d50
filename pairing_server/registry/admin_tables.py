"""The table of what administrators do together."""

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
