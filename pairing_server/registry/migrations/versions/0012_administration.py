"""A service desk, what an organisation wants two people for, and whose a block is."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


_ROLE = "ck_membership_administrative_role"
_ROLES = "administrative_role IN ('administrator', 'operator', 'service_desk')"


#: What the table has up to here.
_COLUMNS = (
    "person_id, ura, role_code, kind, administrative_role, valid_until, created_at,"
    " other_role_codes"
)


def _membership_anew() -> None:
    """Make the table anew, since SQLite changes no checks of one that is there."""
    op.drop_index(op.f("ix_membership_ura"), "membership")
    op.rename_table("membership", "membership_before")
    op.create_table(
        "membership",
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("role_code", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("administrative_role", sa.Text),
        sa.Column("valid_until", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("other_role_codes", sa.Text, nullable=False, server_default="[]"),
        sa.PrimaryKeyConstraint("person_id", "ura", name=op.f("pk_membership")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_membership_person_id")
        ),
        sa.ForeignKeyConstraint(["ura"], ["organisation.ura"], name=op.f("fk_membership_ura")),
        sa.CheckConstraint("kind IN ('employee', 'guest')", name=op.f("ck_membership_kind")),
        sa.CheckConstraint(_ROLES, name=op.f(_ROLE)),
    )
    op.execute(
        f"INSERT INTO membership ({_COLUMNS}) SELECT {_COLUMNS} FROM membership_before"  # noqa: S608
    )
    op.drop_table("membership_before")
    op.create_index(op.f("ix_membership_ura"), "membership", ["ura"])


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        _membership_anew()
    else:
        op.drop_constraint(op.f(_ROLE), "membership", type_="check")
        op.create_check_constraint(op.f(_ROLE), "membership", _ROLES)
    op.add_column(
        "organisation", sa.Column("admin_policy", sa.Text, nullable=False, server_default="{}")
    )
    op.add_column("credential", sa.Column("status_ura", sa.Text))
    op.create_table(
        "pending_act",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("settled_by", sa.Text),
        sa.Column("settled_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_act")),
        sa.ForeignKeyConstraint(["ura"], ["organisation.ura"], name=op.f("fk_pending_act_ura")),
        sa.CheckConstraint(
            "status IN ('open', 'done', 'withdrawn')", name=op.f("ck_pending_act_status")
        ),
    )
    op.create_index(op.f("ix_pending_act_ura"), "pending_act", ["ura", "status", "expires_at"])
