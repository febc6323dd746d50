"""Addresses and what waits to be mailed, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.registry import mail_outbox, organisations, people, phone_notices
from pairing_server.registry.mail_outbox import GIVEN_UP_AFTER, is_address
from pairing_server.registry.phone_notices import PhoneNotice, PhoneNoticeKind
from pairing_server.registry.tables import audit_event
from tests.registry.people import COLLEAGUE, NOW, ORGANISATION, PERSON

TO = "saskia.de-boer+login@ziekenhuis.example"
NOTICE = PhoneNotice(
    id="notice-1",
    person_id=PERSON.id,
    credential_id="credential-1",
    kind=PhoneNoticeKind.BLOCKED,
    at=NOW,
)


@pytest.fixture
async def told(registry):
    def change(tx):
        organisations.add(tx, ORGANISATION)
        people.add_person(tx, PERSON)
        people.add_person(tx, COLLEAGUE)
        phone_notices.add(tx, NOTICE)
        phone_notices.add(tx, replace(NOTICE, id="notice-2", person_id=COLLEAGUE.id))

    await registry.commit(change)
    return registry


async def put(registry, address=TO, person_id=PERSON.id):
    return await registry.commit(
        lambda tx: mail_outbox.set_address(tx, person_id, address, actor="operator:test")
    )


async def due(registry, now=NOW):
    return await registry.read(lambda tx: mail_outbox.due(tx, now))


async def test_only_who_has_an_address_is_mailed_and_only_in_time(told):
    assert await due(told) == []
    assert await put(told)
    (waiting,) = await due(told)

    assert (waiting.notice, waiting.address, waiting.attempts) == (NOTICE, TO, 0)
    assert await due(told, NOW - timedelta(milliseconds=1)) == []


async def test_an_address_is_kept_and_taken_away_and_the_log_does_not_have_it(told):
    assert await put(told)
    assert await told.read(lambda tx: mail_outbox.address_of(tx, PERSON.id)) == TO
    assert await put(told, None)
    assert await told.read(lambda tx: mail_outbox.address_of(tx, PERSON.id)) is None
    facts = await told.read(lambda tx: tx.all(sa.select(audit_event)))
    assert [each["evidence"] for each in facts] == ['{"is_set":true}', '{"is_set":false}']
    assert "ziekenhuis" not in str(facts)


async def test_a_change_of_the_name_leaves_the_address(told):
    await put(told)
    await told.commit(lambda tx: people.update_person(tx, replace(PERSON, last_name="Boer")))

    assert await told.read(lambda tx: mail_outbox.address_of(tx, PERSON.id)) == TO


async def test_nobody_has_an_address_who_is_not_there(told):
    assert not await put(told, person_id="other")
    assert await told.read(lambda tx: mail_outbox.address_of(tx, "other")) is None


async def test_what_is_no_address_is_refused(told):
    with pytest.raises(ValueError, match="no address"):
        await put(told, "a@b.nl\r\nBcc: c@d.nl")


async def test_who_is_closed_is_not_mailed(told):
    await put(told)
    closed = replace(PERSON, status=people.PersonStatus.CLOSED)
    await told.commit(lambda tx: people.update_person(tx, closed))

    assert await due(told) == []


async def test_one_node_takes_up_a_mail(told):
    await put(told)
    (waiting,) = await due(told)
    later = NOW + timedelta(minutes=1)

    assert await told.commit(lambda tx: mail_outbox.claim(tx, waiting, later))
    assert not await told.commit(lambda tx: mail_outbox.claim(tx, waiting, later))
    assert await due(told) == []
    assert [each.attempts for each in await due(told, later)] == [1]
    await told.commit(lambda tx: mail_outbox.mailed(tx, NOTICE.id))
    assert await due(told, later) == []


async def test_what_was_long_ago_is_given_up_and_who_has_no_address_counts_for_nothing(told):
    await put(told)
    now = NOW + GIVEN_UP_AFTER
    assert await told.commit(lambda tx: mail_outbox.give_up(tx, now - timedelta(seconds=1))) == 0
    assert len(await due(told, now)) == 1
    assert await told.commit(lambda tx: mail_outbox.give_up(tx, now)) == 1
    assert await due(told, now) == []
    await put(told, person_id=COLLEAGUE.id)
    assert await due(told, now) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a@b",
        "a b@c.nl",
        "a@b.nl ",
        "@b.nl",
        "a@@b.nl",
        ".a@b.nl",
        "a@-b.nl",
        "a@b.nl,c@d.nl",
        "\u00e9@b.nl",
        "a@b.nl\n",
        f"{'a' * 65}@b.nl",
        f"a@{'b.' * 130}nl",
    ],
)
def test_no_address_is_taken_for_one(text):
    assert not is_address(text)


@given(st.text(max_size=40))
def test_an_address_never_holds_what_ends_a_field(text):
    assert not is_address(f"a@b.nl{text}") or text.isascii()
    assert not is_address(f"a@b.nl\n{text}")
