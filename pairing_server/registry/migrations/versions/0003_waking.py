"""How phones can be woken, and where people log in or will not be woken from."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "push_health",
        sa.Column("credential_id", sa.Text, nullable=False),
        sa.Column("last_ok_at", sa.BigInteger),
        sa.Column("last_error_at", sa.BigInteger),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_push_health")),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credential.id"], name=op.f("fk_push_health_credential_id")
        ),
    )
    op.create_table(
        "person_workstation",
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("workstation_id", sa.Text, nullable=False),
        sa.Column("workstation", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("push_closed_at", sa.BigInteger),
        sa.PrimaryKeyConstraint(
            "person_id", "client_id", "workstation_id", name=op.f("pk_person_workstation")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_workstation_person_id")
        ),
    )
