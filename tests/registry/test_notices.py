"""What an organisation is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.registry import AlreadyExistsError, notices, organisations
from pairing_server.registry.notices import LISTED, Notice, NoticeKind
from tests.registry.people import NOW, ORGANISATION

ELSEWHERE = replace(ORGANISATION, ura="87654321")
NOTICE = Notice(
    id="notice-1",
    ura=ORGANISATION.ura,
    kind=NoticeKind.REGISTRATION_DENIED,
    at=NOW,
    subject={"card": {"name": "Zo\u00eb"}, "people": [{"id": "person-1"}]},
)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
async def told(registry):
    def change(tx):
        organisations.add(tx, ORGANISATION)
        organisations.add(tx, ELSEWHERE)
        notices.add(tx, NOTICE)

    await registry.commit(change)
    return registry


async def of(registry, ura=ORGANISATION.ura):
    return await registry.read(lambda tx: notices.of_organisation(tx, ura))


async def test_what_was_told_is_found_by_its_organisation_alone(told):
    assert await of(told) == [NOTICE]
    assert await of(told, ELSEWHERE.ura) == []


async def test_the_newest_comes_first(told):
    newer = replace(NOTICE, id="notice-0", at=LATER)
    await told.commit(lambda tx: notices.add(tx, newer))

    assert await of(told) == [newer, NOTICE]


async def test_no_more_are_listed_than_a_page_shows(told):
    def many(tx):
        for number in range(LISTED):
            notices.add(tx, replace(NOTICE, id=str(number), at=LATER))

    await told.commit(many)

    assert len(await of(told)) == LISTED
    assert NOTICE not in await of(told)


async def test_a_notice_is_given_once(told):
    with pytest.raises(AlreadyExistsError):
        await told.commit(lambda tx: notices.add(tx, NOTICE))


async def test_the_first_reader_is_noted(told):
    def read(by, at):
        return lambda tx: notices.mark_read(tx, NOTICE.id, NOTICE.ura, by, at)

    assert await told.commit(read("person:a", LATER))
    assert not await told.commit(read("person:b", LATER + timedelta(hours=1)))
    assert await of(told) == [replace(NOTICE, read_by="person:a", read_at=LATER)]


async def test_another_organisation_has_no_such_notice(told):
    assert not await told.commit(
        lambda tx: notices.mark_read(tx, NOTICE.id, ELSEWHERE.ura, "person:a", LATER)
    )
    assert not await told.read(lambda tx: notices.exists(tx, NOTICE.id, ELSEWHERE.ura))
    assert await told.read(lambda tx: notices.exists(tx, NOTICE.id, NOTICE.ura))
    assert await of(told) == [NOTICE]


@pytest.mark.parametrize(
    ("other", "unread"),
    [
        ({"id": "new"}, True),
        ({"kind": NoticeKind.SEVERAL_RECORDS}, False),
        ({"subject": {}}, False),
        ({"ura": ELSEWHERE.ura}, False),
    ],
    ids=["the same", "kind", "subject", "organisation"],
)
async def test_the_same_is_known_to_be_unread(told, other, unread):
    assert await told.read(lambda tx: notices.is_unread(tx, replace(NOTICE, **other))) is unread


async def test_what_was_read_is_told_again(told):
    await told.commit(lambda tx: notices.mark_read(tx, NOTICE.id, NOTICE.ura, "person:a", LATER))

    assert not await told.read(lambda tx: notices.is_unread(tx, NOTICE))
