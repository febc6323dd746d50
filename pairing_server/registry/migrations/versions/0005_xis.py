"""Sessions, transactions and events of XIS that speak ZORG-ID's own session interface."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "xis_session",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("auth_request", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text),
        sa.Column("credential_id", sa.Text),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_xis_session")),
        sa.UniqueConstraint("auth_request", name=op.f("uq_xis_session_auth_request")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_xis_session_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_xis_session_person_id")
        ),
        sa.CheckConstraint(
            "status IN ('offered', 'open', 'closed', 'cancelled')",
            name=op.f("ck_xis_session_status"),
        ),
    )
    op.create_index(op.f("ix_xis_session_client_id"), "xis_session", ["client_id", "status"])
    op.create_index(op.f("ix_xis_session_person_id"), "xis_session", ["person_id", "status"])
    op.create_table(
        "xis_transaction",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("auth_request", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("signing", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_xis_transaction")),
        sa.UniqueConstraint("auth_request", name=op.f("uq_xis_transaction_auth_request")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["xis_session.id"], name=op.f("fk_xis_transaction_session_id")
        ),
        sa.CheckConstraint(
            "status IN ('offered', 'finished', 'cancelled')",
            name=op.f("ck_xis_transaction_status"),
        ),
    )
    op.create_index(
        op.f("ix_xis_transaction_client_id"), "xis_transaction", ["client_id", "status"]
    )
    op.create_table(
        "xis_event",
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("type", sa.Integer, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("client_id", "number", name=op.f("pk_xis_event")),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_xis_event_client_id")),
    )
    op.create_index(op.f("ix_xis_event_client_id"), "xis_event", ["client_id", "at"])
    op.create_table(
        "xis_event_head",
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("drained", sa.BigInteger, nullable=False),
        sa.Column("forgotten", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_xis_event_head")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_xis_event_head_client_id")
        ),
    )
