"""What an organisation settles about its people: offers, merged records, option 2B."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "membership_offer",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("uzi_number", sa.Text, nullable=False),
        sa.Column("first_names", sa.Text, nullable=False),
        sa.Column("last_name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("role_codes", sa.Text, nullable=False),
        sa.Column("valid_until", sa.BigInteger),
        sa.Column("offered_by", sa.Text, nullable=False),
        sa.Column("offered_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("settled_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership_offer")),
        sa.ForeignKeyConstraint(
            ["ura"], ["organisation.ura"], name=op.f("fk_membership_offer_ura")
        ),
        sa.CheckConstraint("kind IN ('employee', 'guest')", name=op.f("ck_membership_offer_kind")),
        sa.CheckConstraint(
            "status IN ('open', 'accepted', 'declined', 'withdrawn')",
            name=op.f("ck_membership_offer_status"),
        ),
    )
    op.create_index(op.f("ix_membership_offer_ura"), "membership_offer", ["ura", "status"])
    op.create_index(op.f("ix_membership_offer_uzi_number"), "membership_offer", ["uzi_number"])
    op.create_index(
        "uq_membership_offer_open",
        "membership_offer",
        ["ura", "uzi_number"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "person_alias",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("merged_by", sa.Text, nullable=False),
        sa.Column("merged_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_alias")),
        sa.ForeignKeyConstraint(["id"], ["person.id"], name=op.f("fk_person_alias_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_alias_person_id")
        ),
    )
    op.create_index(op.f("ix_person_alias_person_id"), "person_alias", ["person_id"])
    op.create_table(
        "identity_check",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("document_kind", sa.Text, nullable=False),
        sa.Column("document_ending", sa.Text, nullable=False),
        sa.Column("document_country", sa.Text, nullable=False),
        sa.Column("checked_on", sa.Text, nullable=False),
        sa.Column("checked_by", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("seconded_by", sa.Text),
        sa.Column("settled_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_check")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_identity_check_person_id")
        ),
        sa.ForeignKeyConstraint(["ura"], ["organisation.ura"], name=op.f("fk_identity_check_ura")),
        sa.CheckConstraint(
            "status IN ('awaits_second', 'ready', 'used', 'refused')",
            name=op.f("ck_identity_check_status"),
        ),
    )
    op.create_index(op.f("ix_identity_check_person_id"), "identity_check", ["person_id"])
    op.create_index(op.f("ix_identity_check_ura"), "identity_check", ["ura", "status"])
    op.add_column("credential", sa.Column("only_ura", sa.Text))
