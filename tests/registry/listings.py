"""What is listed of members and their phones has to be what it is made of, whatever was done."""

import sqlalchemy as sa

from pairing_server.registry import member_listings, phone_listings
from pairing_server.registry.member_listings import found_by, listed_as
from pairing_server.registry.people_tables import member_listing, phone_listing
from pairing_server.registry.tables import credential, membership, person

_c, _m, _p = credential.c, membership.c, person.c
_elsewhere = {"credential_id": _c.id, "ura": _m.ura, "valid_until": _m.valid_until}
_listed_phones = sa.select(phone_listing)
_phones = sa.select(
    *(_elsewhere.get(each.name, _c.get(each.name)).label(each.name) for each in phone_listing.c)
).join_from(credential, membership, _m.person_id == _c.person_id)
_listed_members = sa.select(member_listing)
_members = sa.select(_m.ura, _p.id, _p.first_names, _p.last_name).join_from(
    person, membership, _m.person_id == _p.id
)
_everybody = sa.select(_p.id)
_names = sa.select(_c.person_id, _c.name, _c.model).order_by(_c.bound_at.desc(), _c.id)


def amiss(tx):
    """Return every row of a listing that is not as it should be, and every one that is missing."""
    return [
        *(_rows(tx, _listed_phones) ^ _rows(tx, _phones)),
        *(_rows(tx, _listed_members) ^ _expected_members(tx)),
    ]


def _rows(tx, statement):
    return {tuple(row.values()) for row in tx.all(statement)}


def _expected_members(tx):
    called = {}
    for row in tx.all(_names):
        called.setdefault(row["person_id"], []).extend(filter(None, (row["name"], row["model"])))
    found = set()
    for row in tx.all(_members):
        by = listed_as(row["first_names"], row["last_name"])
        phones = called.get(row["id"], [])
        found.add((row["ura"], row["id"], by, found_by(by, phones)))
    return found


def written_past(tx, statement):
    """Write past the registry, which would have listed it, and return how many rows it is."""
    written = tx.run(statement)
    for listing in (member_listing, phone_listing):
        tx.run(sa.delete(listing))
    for row in tx.all(_everybody):
        member_listings.refresh(tx, row["id"])
        phone_listings.refresh(tx, row["id"])
    return written
