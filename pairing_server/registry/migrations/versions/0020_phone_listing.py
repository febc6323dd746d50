"""How the phones of an organisation's members stand, from which they are counted."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_FACTS = "status, status_at, expires_at, attestation_verdict, backup_eligible"


def upgrade() -> None:
    op.create_table(
        "phone_listing",
        sa.Column("credential_id", sa.Text, nullable=False),
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("valid_until", sa.BigInteger),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("status_at", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("attestation_verdict", sa.Text, nullable=False),
        sa.Column("backup_eligible", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("credential_id", "ura", name=op.f("pk_phone_listing")),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credential.id"], name=op.f("fk_phone_listing_credential_id")
        ),
        sa.ForeignKeyConstraint(["ura"], ["organisation.ura"], name=op.f("fk_phone_listing_ura")),
    )
    op.execute(
        f"INSERT INTO phone_listing (credential_id, ura, valid_until, {_FACTS})"  # noqa: S608
        f" SELECT credential.id, ura, valid_until, {_FACTS}"
        " FROM credential JOIN membership ON membership.person_id = credential.person_id"
    )
    op.create_index(
        "ix_phone_listing_ura",
        "phone_listing",
        [
            *("ura", "status", "expires_at", "credential_id", "valid_until", "status_at"),
            *("attestation_verdict", "backup_eligible"),
        ],
    )
    op.drop_index("ix_credential_person_id", "credential")
    op.create_index(op.f("ix_credential_person_id"), "credential", ["person_id"])
