"""How the phones of an organisation's members stand, kept beside what it is read from.

Whoever changes a membership, or whose a phone is and how it stands, calls `refresh` in the same
commit.
"""

import sqlalchemy as sa

from pairing_server.registry import Transaction
from pairing_server.registry.people_tables import phone_listing
from pairing_server.registry.tables import credential, membership, person

_c, _m, _l = credential.c, membership.c, phone_listing.c
_of_person: sa.BindParameter[str] = sa.bindparam("of_person")
# One after the other: else of a phone that is blocked while its holder joins an organisation
# that organisation would go on counting it.
_lock = sa.select(person.c.id).where(person.c.id == _of_person).with_for_update(key_share=True)
_forget = sa.delete(phone_listing).where(
    _l.credential_id.in_(sa.select(_c.id).where(_c.person_id == _of_person))
)
_holder = sa.select(_c.person_id).where(_c.id == sa.bindparam("key"))
_facts = (_c.status, _c.status_at, _c.expires_at, _c.attestation_verdict, _c.backup_eligible)
_put = sa.insert(phone_listing).from_select(
    ["credential_id", "ura", "valid_until", *(fact.name for fact in _facts)],
    sa.select(_c.id, _m.ura, _m.valid_until, *_facts)
    .join_from(credential, membership, _m.person_id == _c.person_id)
    .where(_c.person_id == _of_person),
)


def refresh(tx: Transaction, person_id: str) -> None:
    """List a person's phones anew wherever they are or were a member."""
    tx.one(_lock, of_person=person_id)
    for statement in (_forget, _put):
        tx.run(statement, of_person=person_id)


def refresh_of(tx: Transaction, credential_id: str) -> None:
    """List the phones of a phone's holder anew."""
    if (holder := tx.one(_holder, key=credential_id)) is not None:
        refresh(tx, holder["person_id"])
