"""What a login opened: who ends it, and that its client is told of it once, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from pairing_server.registry import clients, sessions
from pairing_server.registry.sessions import AT_ONCE, KEPT_FOR, EndReason, Session
from pairing_server.registry.tables import client as client_table
from pairing_server.registry.tables import credential as credential_table
from pairing_server.registry.tables import membership as membership_table
from pairing_server.registry.tables import organisation as organisation_table
from pairing_server.registry.tables import person as person_table
from tests.keys.handset import URA, add_handset, add_person
from tests.registry.test_person_workstations import CLIENT

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def session(registry):
    person = await add_person(registry, NOW)
    handset = await add_handset(registry, person, NOW)
    await registry.commit(lambda tx: clients.add(tx, CLIENT))
    opened = Session(
        sid="s",
        client_id=CLIENT.id,
        person_id=person.id,
        credential_id=handset.credential_id,
        ura=URA,
        sub="pairwise",
        opened_at=NOW,
        expires_at=NOW + 12 * HOUR,
    )
    await registry.commit(lambda tx: sessions.add(tx, opened))
    return opened


async def get(registry, sid="s"):
    return await registry.read(lambda tx: sessions.get(tx, sid))


async def test_a_session_is_read_as_it_was_opened(registry, session):
    assert await get(registry) == session
    assert session.is_open(NOW)
    assert not session.is_open(session.expires_at)
    assert await get(registry, "other") is None


async def test_it_ends_once_and_its_client_is_to_be_told(registry, session):
    def end(tx):
        return sessions.end(tx, "s", EndReason.LOGOUT, NOW)

    assert await registry.commit(end)
    assert not await registry.commit(end)
    ended = await get(registry)
    assert (ended.ended_at, ended.end_reason, ended.notice_due_at) == (NOW, "logout", NOW)
    assert not ended.is_open(NOW)


async def test_a_client_that_asked_for_it_is_not_told(registry, session):
    await registry.commit(lambda tx: sessions.end(tx, "s", EndReason.LOGOUT, NOW, is_told=False))
    assert (await get(registry)).notice_due_at is None


async def test_what_is_over_by_itself_is_not_ended_again(registry, session):
    at = session.expires_at
    assert not await registry.commit(lambda tx: sessions.end(tx, "s", EndReason.LOGOUT, at))
    assert not await registry.commit(
        lambda tx: sessions.end_of_credential(tx, session.credential_id, at)
    )


async def test_a_phones_sessions_end_together(registry, session):
    others = (
        replace(session, sid="t"),
        replace(session, sid="u", credential_id="other"),
    )
    for each in others:
        await registry.commit(lambda tx, each=each: sessions.add(tx, each))

    ended = await registry.commit(
        lambda tx: sessions.end_of_credential(tx, session.credential_id, NOW)
    )

    assert ended == 2
    assert (await get(registry, "t")).end_reason is EndReason.PHONE
    assert (await get(registry, "u")).is_open(NOW)


async def test_a_persons_sessions_for_an_organisation_end_together(registry, session):
    elsewhere = replace(session, sid="t", ura="90000099")
    await registry.commit(lambda tx: sessions.add(tx, elsewhere))

    ended = await registry.commit(
        lambda tx: sessions.end_of_member(tx, session.person_id, URA, NOW)
    )

    assert ended == 1
    assert (await get(registry)).end_reason is EndReason.UNLINKED
    assert (await get(registry, "t")).is_open(NOW)


def set_in(table, **values):
    return sa.update(table).values(**values)


MS = 1795694400000
FALLS = {
    "person": set_in(person_table, status="closed"),
    "membership": set_in(membership_table, valid_until=MS),
    "organisation": set_in(organisation_table, status="closed"),
    "client": set_in(client_table, status="closed"),
    "phone": set_in(credential_table, status="blocked", status_at=MS + 1),
}


@pytest.mark.parametrize("what", FALLS)
async def test_a_session_falls_with_what_it_rests_on(registry, session, what):
    assert await registry.commit(lambda tx: sessions.end_fallen(tx, NOW)) == []
    await registry.commit(lambda tx: tx.run(FALLS[what]))

    assert await registry.commit(lambda tx: sessions.end_fallen(tx, NOW)) == ["s"]
    assert (await get(registry)).end_reason is EndReason.UNLINKED
    assert await registry.commit(lambda tx: sessions.end_fallen(tx, NOW)) == []


async def test_a_phone_that_was_blocked_and_unblocked_ends_what_it_opened(registry, session):
    again = set_in(credential_table, status="active", status_at=MS + 1)
    await registry.commit(lambda tx: tx.run(again))
    assert await registry.commit(lambda tx: sessions.end_fallen(tx, NOW)) == ["s"]


async def test_a_key_that_another_one_replaced_ends_nothing(registry, session):
    renewed = set_in(
        credential_table, status="revoked", status_at=MS + 1, status_reason="replaced"
    )
    await registry.commit(lambda tx: tx.run(renewed))
    assert await registry.commit(lambda tx: sessions.end_fallen(tx, NOW)) == []


async def test_a_session_that_a_card_opened_rests_on_no_phone(registry, session):
    by_card = replace(session, sid="t", credential_id="card:1f")
    await registry.commit(lambda tx: sessions.add(tx, by_card))
    await registry.commit(lambda tx: tx.run(FALLS["phone"]))
    assert await registry.commit(lambda tx: sessions.end_fallen(tx, NOW)) == ["s"]


async def test_of_two_nodes_one_takes_up_telling_a_client(registry, session):
    await registry.commit(lambda tx: sessions.end(tx, "s", EndReason.LOGOUT, NOW))
    (waiting,) = await registry.read(lambda tx: sessions.due(tx, NOW))

    def claim(tx):
        return sessions.claim(tx, waiting, NOW + HOUR)

    assert [await registry.commit(claim) for _ in range(2)] == [True, False]
    assert await registry.read(lambda tx: sessions.due(tx, NOW)) == []
    (again,) = await registry.read(lambda tx: sessions.due(tx, NOW + HOUR))
    assert again.notice_attempts == 1
    await registry.commit(lambda tx: sessions.told(tx, "s"))
    assert await registry.read(lambda tx: sessions.due(tx, NOW + 2 * HOUR)) == []
    assert not await registry.commit(lambda tx: sessions.claim(tx, session, NOW))


async def test_no_more_are_told_of_at_once_than_fit_a_commit(registry, session):
    def fill(tx):
        for number in range(AT_ONCE + 5):
            sessions.add(tx, replace(session, sid=f"n{number}"))
        return sessions.end_of_credential(tx, session.credential_id, NOW)

    assert await registry.commit(fill) == AT_ONCE + 6
    assert len(await registry.read(lambda tx: sessions.due(tx, NOW))) == AT_ONCE


async def test_what_was_over_long_ago_is_forgotten_unless_somebody_is_to_be_told(
    registry, session
):
    await registry.commit(lambda tx: sessions.end(tx, "s", EndReason.LOGOUT, NOW))
    late = session.expires_at + KEPT_FOR + HOUR

    assert await registry.commit(lambda tx: sessions.forget(tx, late)) == 0
    await registry.commit(lambda tx: sessions.told(tx, "s"))
    assert await registry.commit(lambda tx: sessions.forget(tx, late - 2 * HOUR)) == 0
    assert await registry.commit(lambda tx: sessions.forget(tx, late)) == 1
    assert await get(registry) is None
