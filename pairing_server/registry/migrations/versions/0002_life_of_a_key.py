"""What a phone's key lives through: names, places of use, reasons, policies and notices."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite makes the table anew, and does not tell Alembic of its checks.
    checks = (
        sa.CheckConstraint("kind IN ('phone', 'smartcard')", name=op.f("ck_credential_kind")),
        sa.CheckConstraint(
            "status IN ('active', 'blocked', 'revoked')", name=op.f("ck_credential_status")
        ),
    )
    with op.batch_alter_table("credential", table_args=checks) as credential:
        credential.add_column(sa.Column("name", sa.Text, nullable=False, server_default=""))
        credential.add_column(sa.Column("bound_ura", sa.Text))
        credential.add_column(sa.Column("status_at", sa.BigInteger))
        credential.add_column(sa.Column("status_reason", sa.Text))
        credential.add_column(sa.Column("last_used_location", sa.Text))
        credential.add_column(sa.Column("last_used_ura", sa.Text))
        credential.alter_column("device_token_digest", existing_type=sa.Text, nullable=True)
        credential.create_index(op.f("ix_credential_expires_at"), ["expires_at"])
    op.add_column(
        "organisation", sa.Column("key_policy", sa.Text, nullable=False, server_default="{}")
    )
    op.add_column("person", sa.Column("default_phone", sa.Text))
    op.add_column("person", sa.Column("signed_out_at", sa.BigInteger))
    op.create_table(
        "phone_notice",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("credential_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_notice")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_phone_notice_person_id")
        ),
    )
    op.create_index(op.f("ix_phone_notice_person_id"), "phone_notice", ["person_id", "at"])
    op.create_index(op.f("ix_audit_event_actor"), "audit_event", ["actor", "time"])
