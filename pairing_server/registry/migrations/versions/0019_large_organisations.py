"""Indexes from which large organisations, and people with a long history, are read alone."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

#: By name the table, what it was an index of, and what it is from now on.
_WIDENED = {
    # What is done with a person's phones is rare; that they logged in is not.
    "ix_audit_event_object": ("audit_event", ["object", "action", "time"]),
    # Counting members and their phones reads no row of either.
    "ix_membership_ura": ("membership", ["ura", "valid_until", "person_id"]),
    "ix_credential_person_id": (
        "credential",
        [
            *("person_id", "status", "expires_at", "id"),
            *("attestation_verdict", "backup_eligible"),
        ],
    ),
    "ix_notice_ura": ("notice", ["ura", "at"]),
}


def upgrade() -> None:
    for name, (table, columns) in _WIDENED.items():
        op.drop_index(name, table)
        op.create_index(name, table, columns)
    there = sa.text("administrative_role IS NOT NULL")
    op.create_index(
        "ix_membership_administrative_role",
        "membership",
        ["ura", "administrative_role", "person_id"],
        sqlite_where=there,
        postgresql_where=there,
    )
    unreached = sa.text("last_error_at >= coalesce(last_ok_at, 0)")
    op.create_index(
        "ix_push_health_unreached",
        "push_health",
        ["credential_id", "last_error_at", "last_ok_at"],
        sqlite_where=unreached,
        postgresql_where=unreached,
    )
    if op.get_context().dialect.name == "sqlite":
        # As 0013 has it: what SQLite was told of an index goes with it.
        op.execute(
            "INSERT INTO sqlite_stat1 (tbl, idx, stat)"
            " VALUES ('audit_event', 'ix_audit_event_object', '5000000 2 1 1')"
        )
