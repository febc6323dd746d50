"""Checks of an identity document."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pairing_server.registry import identity_checks
from pairing_server.registry.identity_checks import CheckStatus, DocumentKind, IdentityCheck
from tests.registry.people import COLLEAGUE, NOW, ORGANISATION, add_everybody

CHECK = IdentityCheck(
    id="check-1",
    person_id=COLLEAGUE.id,
    ura=ORGANISATION.ura,
    document_kind=DocumentKind.PASSPORT,
    document_ending="AB12",
    document_country="NLD",
    checked_on=date(2026, 11, 22),
    checked_by="person-1",
    made_at=NOW,
    status=CheckStatus.AWAITS_SECOND,
)
LATER = replace(CHECK, id="check-2", made_at=NOW + timedelta(hours=1), status=CheckStatus.READY)


@pytest.fixture
async def filled(registry):
    def change(tx):
        add_everybody(tx)
        identity_checks.add(tx, CHECK)
        identity_checks.add(tx, LATER)

    await registry.commit(change)
    return registry


async def test_what_was_written_is_found(filled):
    def read(tx):
        return [
            identity_checks.get(tx, CHECK.id),
            identity_checks.get_for_update(tx, CHECK.id),
            identity_checks.get(tx, "unknown"),
            identity_checks.get_for_update(tx, "unknown"),
            identity_checks.of_person(tx, COLLEAGUE.id, ORGANISATION.ura),
            identity_checks.of_person(tx, COLLEAGUE.id, "00000000"),
            identity_checks.awaiting(tx, ORGANISATION.ura),
            identity_checks.awaiting(tx, "00000000"),
        ]

    assert await filled.commit(read) == [
        CHECK,
        CHECK,
        None,
        None,
        [LATER, CHECK],
        [],
        [CHECK],
        [],
    ]


async def test_a_check_moves_on_once_from_where_it_was_seen(filled):
    at = NOW + timedelta(minutes=5)

    def move(tx):
        return [
            identity_checks.move(tx, CHECK, CheckStatus.READY, at, "person-9"),
            identity_checks.move(tx, CHECK, CheckStatus.REFUSED, at, "person-8"),
        ]

    assert await filled.commit(move) == [True, False]
    ready = replace(CHECK, status=CheckStatus.READY, seconded_by="person-9", settled_at=at)
    assert await filled.read(lambda tx: identity_checks.get(tx, CHECK.id)) == ready
    assert await filled.commit(lambda tx: identity_checks.move(tx, ready, CheckStatus.USED, at))
    used = await filled.read(lambda tx: identity_checks.get(tx, CHECK.id))
    assert (used.status, used.seconded_by) == (CheckStatus.USED, "person-9")
