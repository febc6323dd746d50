"""The registry's tables, the same in SQLite and PostgreSQL; `schema` has all of them.

Times are milliseconds since 1970 (`pairing_server.clock`), lists and maps are JSON text, so that
both databases store the same values and raw statements need no conversion by the driver.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

organisation = Table(
    "organisation",
    metadata,
    Column("ura", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("registered_at", BigInteger, nullable=False),
    # Which phones' keys it takes, and what they earn (`pairing_server.keys.policy`), as JSON.
    Column("key_policy", Text, nullable=False, server_default="{}"),
    # What its administrators have settled among themselves (`admin.policy`), as JSON.
    Column("admin_policy", Text, nullable=False, server_default="{}"),
    CheckConstraint("status IN ('active', 'closed')", name="status"),
)

person = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),
    # Stable for card types Z and N (CPS section 7.1.4); absent until a card has been shown.
    Column("uzi_number", Text, unique=True),
    Column("first_names", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    # By which who registers is recognised (`pairing_server.registry.names`).
    Column("name_key", Text, nullable=False),
    # The date of birth under a key of the server; the date itself is kept nowhere.
    Column("birth_digest", Text),
    Column("user_name", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # The phone that is woken, where the person chose one.
    Column("default_phone", Text),
    # Browser sessions that were opened up to then are over.
    Column("signed_out_at", BigInteger),
    # Where they hear of their phones, too.
    Column("email", Text),
    CheckConstraint("status IN ('active', 'closed')", name="status"),
    Index(None, "name_key"),
)

membership = Table(
    "membership",
    metadata,
    Column("person_id", Text, ForeignKey("person.id"), primary_key=True),
    Column("ura", Text, ForeignKey("organisation.ura"), primary_key=True),
    Column("role_code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("administrative_role", Text),
    Column("valid_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    # The other roles among which the person chooses at each login, as JSON.
    Column("other_role_codes", Text, nullable=False, server_default="[]"),
    CheckConstraint("kind IN ('employee', 'guest')", name="kind"),
    CheckConstraint(
        "administrative_role IN ('administrator', 'operator', 'service_desk')",
        name="administrative_role",
    ),
    # Members are counted by it, and no row is read.
    Index(None, "ura", "valid_until", "person_id"),
)
Index(
    "ix_membership_administrative_role",
    membership.c.ura,
    membership.c.administrative_role,
    membership.c.person_id,
    sqlite_where=membership.c.administrative_role.is_not(None),
    postgresql_where=membership.c.administrative_role.is_not(None),
)

# What an organisation is told, for its administrators to see.
notice = Table(
    "notice",
    metadata,
    Column("id", Text, primary_key=True),
    Column("ura", Text, ForeignKey("organisation.ura"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("read_by", Text),
    Column("read_at", BigInteger),
    Index(None, "ura", "at"),
)

credential = Table(
    "credential",
    metadata,
    # The WebAuthn credential id, base64url.
    Column("id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("kind", Text, nullable=False),
    # COSE_Key as the authenticator gave it (WebAuthn section 6.5.1).
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("aaguid", Text, nullable=False),
    Column("attestation_format", Text, nullable=False),
    Column("attestation_verdict", Text, nullable=False),
    Column("backup_eligible", Boolean, nullable=False),
    Column("backed_up", Boolean, nullable=False),
    Column("acr", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("app_version", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("bound_by", Text, nullable=False),
    Column("pairing_id", Text, nullable=False, unique=True),
    # SHA-256 of the phone's bearer tokens: the one in use, and the one announced to follow it.
    # A revoked key has none.
    Column("device_token_digest", Text, unique=True),
    Column("next_device_token_digest", Text, unique=True),
    Column("push_service", Text),
    Column("push_address", Text),
    Column("bound_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("last_used_workstation", Text),
    # What its holder calls the phone.
    Column("name", Text, nullable=False, server_default=""),
    # The organisation for which it was bound, which may revoke it.
    Column("bound_ura", Text),
    Column("status_at", BigInteger),
    Column("status_reason", Text),
    Column("last_used_location", Text),
    Column("last_used_ura", Text),
    # The one organisation that it opens, where no card stands behind it (option 2B).
    Column("only_ura", Text),
    # For which organisation it was blocked, which may unblock it, too.
    Column("status_ura", Text),
    CheckConstraint("kind IN ('phone', 'smartcard')", name="kind"),
    CheckConstraint("status IN ('active', 'blocked', 'revoked')", name="status"),
    Index(None, "person_id"),
    Index(None, "expires_at"),
)

# How phones can be woken; not in the key's own row, which is written while its holder logs in.
push_health = Table(
    "push_health",
    metadata,
    Column("credential_id", Text, ForeignKey("credential.id"), primary_key=True),
    Column("last_ok_at", BigInteger),
    Column("last_error_at", BigInteger),
    Column("last_error", Text, nullable=False),
)

_unreached = text("last_error_at >= coalesce(last_ok_at, 0)")
Index(
    "ix_push_health_unreached",
    push_health.c.credential_id,
    push_health.c.last_error_at,
    push_health.c.last_ok_at,
    sqlite_where=_unreached,
    postgresql_where=_unreached,
)

# What a person is told on their other phones.
phone_notice = Table(
    "phone_notice",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("credential_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    # When it is to be mailed, if it is still.
    Column("mail_due_at", BigInteger),
    Column("mail_attempts", Integer, nullable=False, server_default="0"),
    Index(None, "person_id", "at"),
    Index(None, "mail_due_at"),
)

client = Table(
    "client",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("jwks", Text, nullable=False),
    Column("redirect_uris", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # `pairing_server.registry.client_metadata`, as JSON.
    Column("metadata", Text, nullable=False, server_default="{}"),
    CheckConstraint("status IN ('active', 'closed')", name="status"),
)

# At which of a client's workstations a person has logged in, and whence they will not be woken.
person_workstation = Table(
    "person_workstation",
    metadata,
    Column("person_id", Text, ForeignKey("person.id"), primary_key=True),
    Column("client_id", Text, primary_key=True),
    # The client's own name for it; empty where it gives none.
    Column("workstation_id", Text, primary_key=True),
    # As the person saw it last.
    Column("workstation", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("last_used_at", BigInteger),
    # Since they said "not me" there.
    Column("push_closed_at", BigInteger),
)

client_organisation = Table(
    "client_organisation",
    metadata,
    Column("client_id", Text, ForeignKey("client.id"), primary_key=True),
    Column("ura", Text, ForeignKey("organisation.ura"), primary_key=True),
    Index(None, "ura", "client_id"),
)

# What a login opened at a client; once ended also the word to the client that waits to be sent.
session = Table(
    "session",
    metadata,
    Column("sid", Text, primary_key=True),
    Column("client_id", Text, ForeignKey("client.id"), nullable=False),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    # A phone's key, or the card that was shown.
    Column("credential_id", Text, nullable=False),
    Column("ura", Text, nullable=False),
    Column("sub", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("end_reason", Text),
    Column("notice_due_at", BigInteger),
    Column("notice_attempts", Integer, nullable=False),
    Index(None, "credential_id"),
    Index(None, "person_id"),
    Index(None, "notice_due_at"),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("retired_at", BigInteger),
    CheckConstraint("state IN ('next', 'current', 'retired')", name="state"),
)
# At most one key signs and one waits, whoever rotates at the same moment.
Index(
    "uq_signing_key_state",
    signing_key.c.state,
    unique=True,
    sqlite_where=signing_key.c.state.in_(["next", "current"]),
    postgresql_where=signing_key.c.state.in_(["next", "current"]),
)

server_secret = Table(
    "server_secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# The decision on an auth request, once for ever.
auth_answer = Table(
    "auth_answer",
    metadata,
    Column("auth_request", Text, primary_key=True),
    Column("decision", Text, nullable=False),
    Column("answer_digest", Text, nullable=False),
    Column("credential_id", Text, nullable=False),
    Column("answered_at", BigInteger, nullable=False),
    # In which role the person said yes, and by which the request is known that they said it to
    # (`pairing_server.approvals.facts`); both empty for a no.
    Column("role_code", Text, nullable=False, server_default=""),
    Column("facts_digest", Text, nullable=False, server_default=""),
    CheckConstraint("decision IN ('approve', 'deny')", name="decision"),
)

# The redemption of an approved auth request, once for ever: a Store that lost its last second in
# a failover cannot make a second assertion.
redemption = Table(
    "redemption",
    metadata,
    Column("auth_request", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("credential_id", Text, nullable=False),
    Column("jti", Text, nullable=False, unique=True),
    Column("redeemed_at", BigInteger, nullable=False),
)

# Append-only: triggers refuse UPDATE, and DELETE of what is younger than five years or not behind
# its chain's start (see the migration 0013).
audit_event = Table(
    "audit_event",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("time", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("ura", Text),
    Column("outcome", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    # Under which the event is listed (`pairing_server.audit.filing`): said in it, and not hashed.
    Column("person", Text),
    Column("credential", Text),
    Column("workstation", Text),
    Index(None, "object", "action", "time"),
    Index(None, "time"),
    Index(None, "actor", "time", "action"),
)
_e = audit_event.c
for _name, _columns, _where in (
    ("ura", (_e.ura, _e.time), _e.ura),
    ("action", (_e.ura, _e.action, _e.time), _e.ura),
    ("person", (_e.person, _e.time, _e.action), _e.person),
    ("credential", (_e.credential, _e.time, _e.action), _e.credential),
    ("workstation", (_e.ura, _e.workstation, _e.time, _e.action), _e.workstation),
):
    Index(
        f"ix_audit_event_{_name}",
        *_columns,
        sqlite_where=_where.is_not(None),
        postgresql_where=_where.is_not(None),
    )

# The head of each writer's chain, moved in the same commit as the events.
audit_chain = Table(
    "audit_chain",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

# What went before was deleted when it was older than is kept: the last event that is not there any
# more.  No row, or 0, for a chain that is whole.
audit_start = Table(
    "audit_start",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

# All heads at one moment, signed: who rewrites a chain to its end is found all the same.  Numbers
# are given out by `pairing_server.audit.checkpoint`, not by the database, which would leave gaps.
audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("made_at", BigInteger, nullable=False),
    Column("heads", Text, nullable=False),
    Column("signature", Text, nullable=False),
)
