"""When a client last heard on its stream, and why it did not."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event_stream", sa.Column("heard_at", sa.BigInteger))
    op.add_column(
        "event_stream", sa.Column("last_error", sa.Text, nullable=False, server_default="")
    )
