"""Where people are mailed about their phones, and what is still to be mailed."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("email", sa.Text))
    # What was told before is not mailed: nobody is warned of what was months ago.
    op.add_column("phone_notice", sa.Column("mail_due_at", sa.BigInteger))
    op.add_column(
        "phone_notice", sa.Column("mail_attempts", sa.Integer, nullable=False, server_default="0")
    )
    op.create_index(op.f("ix_phone_notice_mail_due_at"), "phone_notice", ["mail_due_at"])
