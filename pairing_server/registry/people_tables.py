"""The tables of what an organisation settles about its people."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
)

from pairing_server.registry.tables import metadata

# That an organisation wants somebody with this UZI number, who says yes or no; whether anybody
# has the number is nothing that the organisation learns from it.
membership_offer = Table(
    "membership_offer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("ura", Text, ForeignKey("organisation.ura"), nullable=False),
    Column("uzi_number", Text, nullable=False),
    # As the organisation typed it.
    Column("first_names", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # As JSON, first the one that is offered first.
    Column("role_codes", Text, nullable=False),
    # Of the membership, and of the offer.
    Column("valid_until", BigInteger),
    Column("offered_by", Text, nullable=False),
    Column("offered_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("settled_at", BigInteger),
    CheckConstraint("kind IN ('employee', 'guest')", name="kind"),
    CheckConstraint("status IN ('open', 'accepted', 'declined', 'withdrawn')", name="status"),
    Index(None, "ura", "status"),
    Index(None, "uzi_number"),
)
Index(
    "uq_membership_offer_open",
    membership_offer.c.ura,
    membership_offer.c.uzi_number,
    unique=True,
    sqlite_where=membership_offer.c.status == "open",
    postgresql_where=membership_offer.c.status == "open",
)

# Under what the members of an organisation are listed and found, in an order that no setting of a
# database changes (`pairing_server.registry.member_listings`).  Its index has all that a search
# reads: one that finds nobody costs a walk through the part of that organisation.
_IN_ORDER = Text().with_variant(Text(collation="C"), "postgresql")
member_listing = Table(
    "member_listing",
    metadata,
    Column("ura", Text, ForeignKey("organisation.ura"), primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), primary_key=True),
    Column("listed_as", _IN_ORDER, nullable=False),
    Column("found_by", _IN_ORDER, nullable=False),
    Index(None, "person_id"),
)
_l = member_listing.c
Index("ix_member_listing_ura", _l.ura, _l.listed_as, _l.person_id, _l.found_by)

# How the phones of members stand, wherever they are members, kept by
# `pairing_server.registry.phone_listings`.  Its index has all that they are counted by: 20,000 of
# them are one walk through it.
phone_listing = Table(
    "phone_listing",
    metadata,
    Column("credential_id", Text, ForeignKey("credential.id"), primary_key=True),
    Column("ura", Text, ForeignKey("organisation.ura"), primary_key=True),
    # Until when its holder is a member.
    Column("valid_until", BigInteger),
    Column("status", Text, nullable=False),
    Column("status_at", BigInteger),
    Column("expires_at", BigInteger, nullable=False),
    Column("attestation_verdict", Text, nullable=False),
    Column("backup_eligible", Boolean, nullable=False),
    Index(
        *(None, "ura", "status", "expires_at", "credential_id", "valid_until", "status_at"),
        *("attestation_verdict", "backup_eligible"),
    ),
)

# A record that was merged into another one of the same person: what the audit log, which cannot be
# changed, calls by the old id is the other's.
person_alias = Table(
    "person_alias",
    metadata,
    Column("id", Text, ForeignKey("person.id"), primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("user_name", Text, nullable=False),
    Column("ura", Text, nullable=False),
    Column("merged_by", Text, nullable=False),
    Column("merged_at", BigInteger, nullable=False),
    Index(None, "person_id"),
)

# That an operator saw a person with an identity document (option 2B); never its whole number.
identity_check = Table(
    "identity_check",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("ura", Text, ForeignKey("organisation.ura"), nullable=False),
    Column("document_kind", Text, nullable=False),
    Column("document_ending", Text, nullable=False),
    Column("document_country", Text, nullable=False),
    Column("checked_on", Text, nullable=False),
    Column("checked_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("seconded_by", Text),
    Column("settled_at", BigInteger),
    CheckConstraint("status IN ('awaits_second', 'ready', 'used', 'refused')", name="status"),
    Index(None, "person_id"),
    Index(None, "ura", "status"),
)
