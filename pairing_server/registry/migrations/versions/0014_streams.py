"""Streams of security events, and up to where the audit log was told on them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_stream",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("events_requested", sa.Text, nullable=False),
        sa.Column("endpoint_url", sa.Text, nullable=False),
        sa.Column("authorization_header", sa.LargeBinary),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("verification", sa.Text),
        sa.Column("verification_asked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_stream")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_event_stream_client_id")
        ),
        sa.UniqueConstraint("client_id", name=op.f("uq_event_stream_client_id")),
        sa.CheckConstraint(
            "status IN ('enabled', 'paused', 'disabled')", name=op.f("ck_event_stream_status")
        ),
    )
    op.create_table(
        "event_stream_cursor",
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "chain", name=op.f("pk_event_stream_cursor")),
        sa.ForeignKeyConstraint(
            ["stream_id"], ["event_stream.id"], name=op.f("fk_event_stream_cursor_stream_id")
        ),
    )
