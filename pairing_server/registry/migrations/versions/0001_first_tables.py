"""The first tables, and the triggers that keep the audit log append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: What may not be done to a table's rows.
REFUSED = {
    "audit_event": ("UPDATE", "DELETE"),
    "audit_checkpoint": ("UPDATE", "DELETE"),
    "auth_answer": ("UPDATE",),
    "redemption": ("UPDATE",),
}


def upgrade() -> None:
    _people()
    _credentials()
    _clients()
    _keys()
    _decisions()
    _audit()
    if op.get_context().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _people() -> None:
    op.create_table(
        "organisation",
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("registered_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("ura", name=op.f("pk_organisation")),
        sa.CheckConstraint("status IN ('active', 'closed')", name=op.f("ck_organisation_status")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("uzi_number", sa.Text),
        sa.Column("first_names", sa.Text, nullable=False),
        sa.Column("last_name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("birth_digest", sa.Text),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("uzi_number", name=op.f("uq_person_uzi_number")),
        sa.UniqueConstraint("user_name", name=op.f("uq_person_user_name")),
        sa.CheckConstraint("status IN ('active', 'closed')", name=op.f("ck_person_status")),
    )
    op.create_index(op.f("ix_person_name_key"), "person", ["name_key"])
    op.create_table(
        "membership",
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("role_code", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("administrative_role", sa.Text),
        sa.Column("valid_until", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "ura", name=op.f("pk_membership")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_membership_person_id")
        ),
        sa.ForeignKeyConstraint(["ura"], ["organisation.ura"], name=op.f("fk_membership_ura")),
        sa.CheckConstraint("kind IN ('employee', 'guest')", name=op.f("ck_membership_kind")),
        sa.CheckConstraint(
            "administrative_role IN ('administrator', 'operator')",
            name=op.f("ck_membership_administrative_role"),
        ),
    )
    op.create_index(op.f("ix_membership_ura"), "membership", ["ura"])
    op.create_table(
        "notice",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("read_by", sa.Text),
        sa.Column("read_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.ForeignKeyConstraint(["ura"], ["organisation.ura"], name=op.f("fk_notice_ura")),
    )
    op.create_index(op.f("ix_notice_ura"), "notice", ["ura"])


def _credentials() -> None:
    op.create_table(
        "credential",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("aaguid", sa.Text, nullable=False),
        sa.Column("attestation_format", sa.Text, nullable=False),
        sa.Column("attestation_verdict", sa.Text, nullable=False),
        sa.Column("backup_eligible", sa.Boolean, nullable=False),
        sa.Column("backed_up", sa.Boolean, nullable=False),
        sa.Column("acr", sa.Text, nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("app_version", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("bound_by", sa.Text, nullable=False),
        sa.Column("pairing_id", sa.Text, nullable=False),
        sa.Column("device_token_digest", sa.Text, nullable=False),
        sa.Column("next_device_token_digest", sa.Text),
        sa.Column("push_service", sa.Text),
        sa.Column("push_address", sa.Text),
        sa.Column("bound_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("last_used_workstation", sa.Text),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_credential_person_id")
        ),
        sa.UniqueConstraint("pairing_id", name=op.f("uq_credential_pairing_id")),
        sa.UniqueConstraint("device_token_digest", name=op.f("uq_credential_device_token_digest")),
        sa.UniqueConstraint(
            "next_device_token_digest", name=op.f("uq_credential_next_device_token_digest")
        ),
        sa.CheckConstraint("kind IN ('phone', 'smartcard')", name=op.f("ck_credential_kind")),
        sa.CheckConstraint(
            "status IN ('active', 'blocked', 'revoked')", name=op.f("ck_credential_status")
        ),
    )
    op.create_index(op.f("ix_credential_person_id"), "credential", ["person_id"])


def _clients() -> None:
    op.create_table(
        "client",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("jwks", sa.Text, nullable=False),
        sa.Column("redirect_uris", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
        sa.CheckConstraint("status IN ('active', 'closed')", name=op.f("ck_client_status")),
    )
    op.create_table(
        "client_organisation",
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("ura", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("client_id", "ura", name=op.f("pk_client_organisation")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_client_organisation_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["ura"], ["organisation.ura"], name=op.f("fk_client_organisation_ura")
        ),
    )


def _keys() -> None:
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("retired_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
        sa.CheckConstraint(
            "state IN ('next', 'current', 'retired')", name=op.f("ck_signing_key_state")
        ),
    )
    unless_retired = sa.text("state IN ('next', 'current')")
    op.create_index(
        "uq_signing_key_state",
        "signing_key",
        ["state"],
        unique=True,
        sqlite_where=unless_retired,
        postgresql_where=unless_retired,
    )
    op.create_table(
        "server_secret",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_server_secret")),
    )


def _decisions() -> None:
    op.create_table(
        "auth_answer",
        sa.Column("auth_request", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("answer_digest", sa.Text, nullable=False),
        sa.Column("credential_id", sa.Text, nullable=False),
        sa.Column("answered_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("auth_request", name=op.f("pk_auth_answer")),
        sa.CheckConstraint(
            "decision IN ('approve', 'deny')", name=op.f("ck_auth_answer_decision")
        ),
    )
    op.create_table(
        "redemption",
        sa.Column("auth_request", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("credential_id", sa.Text, nullable=False),
        sa.Column("jti", sa.Text, nullable=False),
        sa.Column("redeemed_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("auth_request", name=op.f("pk_redemption")),
        sa.UniqueConstraint("jti", name=op.f("uq_redemption_jti")),
    )


def _audit() -> None:
    op.create_table(
        "audit_event",
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("object", sa.Text, nullable=False),
        sa.Column("ura", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("chain", "sequence", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_event_id")),
    )
    op.create_index(op.f("ix_audit_event_object"), "audit_event", ["object"])
    op.create_index(op.f("ix_audit_event_time"), "audit_event", ["time"])
    op.create_table(
        "audit_chain",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_chain")),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("number", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("heads", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_checkpoint")),
    )


def _sqlite_triggers() -> None:
    for table, verbs in REFUSED.items():
        for verb in verbs:
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, 'rows of {table} stay as they are'); END"
            )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'rows of % stay as they are', TG_TABLE_NAME; END$$"
    )
    for table, verbs in REFUSED.items():
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE {' OR '.join(verbs)} ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        if "DELETE" in verbs:
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
