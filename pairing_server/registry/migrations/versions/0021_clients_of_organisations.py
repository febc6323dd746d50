"""An index by which the clients of an organisation are found: the key begins with the client."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_client_organisation_ura"), "client_organisation", ["ura", "client_id"]
    )
