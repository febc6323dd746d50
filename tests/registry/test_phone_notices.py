"""What a person is told stands there once, for ninety days."""

from dataclasses import replace
from datetime import timedelta

from pairing_server.registry import phone_notices
from pairing_server.registry.phone_notices import (
    LISTED,
    TOLD_FOR,
    PhoneNotice,
    PhoneNoticeKind,
)
from tests.registry.people import COLLEAGUE, CREDENTIAL, NOW, PERSON

NOTICE = PhoneNotice(
    id="n-1",
    person_id=PERSON.id,
    credential_id=CREDENTIAL.id,
    kind=PhoneNoticeKind.EXPIRING,
    at=NOW,
    detail="30",
)


def told(registry, now=NOW, person=PERSON):
    return registry.read(lambda tx: phone_notices.of_person(tx, person.id, now))


async def test_a_notice_is_added_once_and_read_by_its_person_alone(filled):
    added = [await filled.commit(lambda tx: phone_notices.add(tx, NOTICE)) for _ in range(2)]
    assert added == [True, False]
    assert await told(filled) == [NOTICE]
    assert await told(filled, person=COLLEAGUE) == []


async def test_the_newest_come_first_and_no_more_than_are_listed(filled):
    for number in range(LISTED + 2):
        notice = replace(NOTICE, id=f"n-{number:03}", at=NOW + timedelta(seconds=number))
        await filled.commit(lambda tx, notice=notice: phone_notices.add(tx, notice))
    found = await told(filled, NOW + timedelta(hours=1))
    assert len(found) == LISTED
    assert [found[0].id, found[-1].id] == [f"n-{LISTED + 1:03}", "n-002"]


async def test_an_old_one_is_not_told_and_then_forgotten(filled):
    await filled.commit(lambda tx: phone_notices.add(tx, NOTICE))
    assert await told(filled, NOW + TOLD_FOR) == []
    assert await filled.commit(lambda tx: phone_notices.forget(tx, NOW + TOLD_FOR)) == 1
    assert await filled.commit(lambda tx: phone_notices.forget(tx, NOW + TOLD_FOR)) == 0
