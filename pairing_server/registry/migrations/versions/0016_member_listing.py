"""Under what the members of an organisation are listed and found."""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

#: People who are listed at once.
PAGE = 1000
_MOST_LISTED, _MOST_FOUND = 100, 400
_HYPHEN = re.compile(r"\s*[-\u2010\u2011\u2012\u2013\u2212]\s*")
_APOSTROPHE = re.compile(r"[\u2018\u2019\u02bc`\u00b4]")


def upgrade() -> None:
    in_order = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "member_listing",
        sa.Column("ura", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("listed_as", in_order, nullable=False),
        sa.Column("found_by", in_order, nullable=False),
        sa.PrimaryKeyConstraint("ura", "person_id", name=op.f("pk_member_listing")),
        sa.ForeignKeyConstraint(["ura"], ["organisation.ura"], name=op.f("fk_member_listing_ura")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_member_listing_person_id")
        ),
    )
    _list_everybody()
    op.create_index(op.f("ix_member_listing_person_id"), "member_listing", ["person_id"])
    op.create_index(
        "ix_member_listing_ura", "member_listing", ["ura", "listed_as", "person_id", "found_by"]
    )


def _list_everybody() -> None:
    person = sa.table("person", sa.column("id"), sa.column("name_key"))
    phone = sa.table(
        "credential", *map(sa.column, ("id", "person_id", "name", "model", "bound_at"))
    )
    membership = sa.table("membership", sa.column("person_id"), sa.column("ura"))
    listing = sa.table(
        "member_listing", *map(sa.column, ("ura", "person_id", "listed_as", "found_by"))
    )
    connection, after = op.get_bind(), ""
    while True:
        named = connection.execute(
            sa.select(person).where(person.c.id > after).order_by(person.c.id).limit(PAGE)
        ).all()
        if not named:
            return
        keys = {each.id: each.name_key for each in named}
        first, after = named[0].id, named[-1].id
        phones = connection.execute(
            sa.select(phone)
            .where(phone.c.person_id.between(first, after))
            .order_by(phone.c.bound_at.desc(), phone.c.id)
        ).all()
        found: dict[str, list[str]] = {}
        for each in phones:
            found.setdefault(each.person_id, []).extend(filter(None, (each.name, each.model)))
        members = connection.execute(
            sa.select(membership).where(membership.c.person_id.between(first, after))
        ).all()
        rows = [
            {"ura": each.ura, "person_id": each.person_id, **_listed(keys[each.person_id], phones)}
            for each in members
            for phones in [found.get(each.person_id, [])]
        ]
        if rows:
            connection.execute(sa.insert(listing), rows)


def _listed(name_key: str, phones: list[str]) -> dict[str, str]:
    first, _, last = name_key.partition("\n")
    listed_as = f"{_plain(last)}\n{_plain(first)}"[:_MOST_LISTED]
    found_by = "\n".join([listed_as, *(_plain(each) for each in phones)])[:_MOST_FOUND]
    return {"listed_as": listed_as, "found_by": found_by}


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
    plain = _HYPHEN.sub("-", _APOSTROPHE.sub("'", unicodedata.normalize("NFC", folded)))
    apart = unicodedata.normalize("NFD", " ".join(plain.split()))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
