"""By what events are found, and from where on a chain is kept."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

#: Events that are filed at once.
PAGE = 1000

#: By name the columns, and of which only what is there is indexed.  The kind is behind the time,
#: so that a rare one is found among the events of one person without reading them all.
_INDEXES: dict[str, tuple[tuple[str, ...], str | None]] = {
    "ix_audit_event_actor": (("actor", "time", "action"), None),
    "ix_audit_event_ura": (("ura", "time"), "ura"),
    "ix_audit_event_action": (("ura", "action", "time"), "ura"),
    "ix_audit_event_person": (("person", "time", "action"), "person"),
    "ix_audit_event_credential": (("credential", "time", "action"), "credential"),
    "ix_audit_event_workstation": (("ura", "workstation", "time", "action"), "workstation"),
}


def upgrade() -> None:
    for name in ("person", "credential", "workstation"):
        op.add_column("audit_event", sa.Column(name, sa.Text))
    op.create_table(
        "audit_start",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_start")),
    )
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_event_no_update")
        op.execute("DROP TRIGGER audit_event_no_delete")
        _file_events()
        _sqlite_triggers()
    else:
        op.execute("DROP TRIGGER audit_event_no_change ON audit_event")
        _file_events()
        _postgresql_triggers()
    op.drop_index("ix_audit_event_actor", "audit_event")
    for name, (columns, needed) in _INDEXES.items():
        there = None if needed is None else sa.text(f"{needed} IS NOT NULL")
        op.create_index(
            name, "audit_event", list(columns), sqlite_where=there, postgresql_where=there
        )
    if op.get_context().dialect.name == "sqlite":
        _sqlite_statistics()


#: For SQLite, which without statistics takes the narrowest index that has the organisation: rows,
#: and how many of them have alike what stands in front.
_STATISTICS = {
    "sqlite_autoindex_audit_event_1": "5000000 1000000 1",
    "sqlite_autoindex_audit_event_2": "5000000 1",
    "ix_audit_event_object": "5000000 2",
    "ix_audit_event_time": "5000000 2",
    "ix_audit_event_actor": "5000000 50 1 1",
    "ix_audit_event_ura": "5000000 20000 1",
    "ix_audit_event_action": "5000000 20000 1000 1",
    "ix_audit_event_person": "2000000 50 1 1",
    "ix_audit_event_credential": "3000000 50 1 1",
    "ix_audit_event_workstation": "2000000 10000 200 1 1",
}


def _sqlite_statistics() -> None:
    op.execute("ANALYZE audit_event")
    op.execute("DELETE FROM sqlite_stat1 WHERE tbl = 'audit_event'")
    statistics = sa.table("sqlite_stat1", *map(sa.column, ("tbl", "idx", "stat")))
    told = [
        {"tbl": "audit_event", "idx": index, "stat": stat} for index, stat in _STATISTICS.items()
    ]
    op.get_bind().execute(sa.insert(statistics), told)


def _file_events() -> None:
    """File what was recorded before."""
    event = sa.table(
        "audit_event",
        *map(sa.column, ("chain", "sequence", "actor", "object", "evidence")),
        *map(sa.column, ("person", "credential", "workstation")),
    )
    place = sa.tuple_(event.c.chain, event.c.sequence)
    connection, after = op.get_bind(), ("", -(2**63))
    while True:
        rows = connection.execute(
            sa.select(event)
            .where(place > sa.tuple_(*map(sa.literal, after)))
            .order_by(event.c.chain, event.c.sequence)
            .limit(PAGE)
        ).all()
        if not rows:
            return
        filed = [
            {"in_chain": row.chain, "at": row.sequence, **found}
            for row in rows
            if any((found := _filing(row.actor, row.object, json.loads(row.evidence))).values())
        ]
        if filed:
            connection.execute(
                sa.update(event)
                .where(
                    event.c.chain == sa.bindparam("in_chain"),
                    event.c.sequence == sa.bindparam("at"),
                )
                .values({name: sa.bindparam(name) for name in filed[0] if name in event.c}),
                filed,
            )
        after = (rows[-1].chain, rows[-1].sequence)


def _filing(actor: str, about: str, evidence: dict[str, object]) -> dict[str, str | None]:
    person, credential = (_named(kind, about, evidence) for kind in ("person", "credential"))
    told = (evidence.get("signed"), evidence.get("shown"), evidence)
    names = (_text(each.get("workstation")) for each in told if isinstance(each, dict))
    return {
        "person": None if actor == f"person:{person}" else person,
        "credential": credential,
        "workstation": next(filter(None, names), None),
    }


def _named(kind: str, about: str, evidence: dict[str, object]) -> str | None:
    found, _, identifier = about.partition(":")
    return identifier if found == kind else _text(evidence.get(kind))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value and "\0" not in value else None


# 1830 days are five years, leap days and all.


def _sqlite_triggers() -> None:
    refused = "BEGIN SELECT RAISE(ABORT, 'rows of {} stay as they are'); END"
    op.execute(
        "CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event "
        + refused.format("audit_event")
    )
    kept = (
        "OLD.sequence > coalesce((SELECT sequence FROM audit_start WHERE name = OLD.chain), 0)"
        " OR OLD.time > CAST(strftime('%s', 'now') AS INTEGER) * 1000 - 1830 * 86400000 "
    )
    op.execute(
        f"CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event WHEN {kept}"
        + refused.format("audit_event")
    )
    op.execute(
        "CREATE TRIGGER audit_start_no_update BEFORE UPDATE ON audit_start WHEN"
        " NEW.name <> OLD.name OR NEW.sequence <= OLD.sequence " + refused.format("audit_start")
    )
    op.execute(
        "CREATE TRIGGER audit_start_no_delete BEFORE DELETE ON audit_start "
        + refused.format("audit_start")
    )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION refuse_unless_pruned() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
        " IF OLD.sequence >"
        " coalesce((SELECT sequence FROM audit_start WHERE name = OLD.chain), 0) OR OLD.time >"
        " extract(epoch FROM clock_timestamp()) * 1000 - 1830 * 86400000.0"
        " THEN RAISE EXCEPTION 'rows of % stay as they are', TG_TABLE_NAME; END IF;"
        " RETURN OLD; END$$"
    )
    op.execute(
        "CREATE TRIGGER audit_event_no_change BEFORE UPDATE ON audit_event"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event"
        " FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned()"
    )
    op.execute(
        "CREATE TRIGGER audit_start_no_update BEFORE UPDATE ON audit_start FOR EACH ROW WHEN"
        " (NEW.name <> OLD.name OR NEW.sequence <= OLD.sequence)"
        " EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER audit_start_no_delete BEFORE DELETE ON audit_start"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER audit_start_no_truncate BEFORE TRUNCATE ON audit_start"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
