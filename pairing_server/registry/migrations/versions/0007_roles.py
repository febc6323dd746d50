"""Several roles of a person at one organisation, and what an answer was given on."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "membership",
        sa.Column("other_role_codes", sa.Text, nullable=False, server_default="[]"),
    )
    for name in ("role_code", "facts_digest"):
        op.add_column("auth_answer", sa.Column(name, sa.Text, nullable=False, server_default=""))
