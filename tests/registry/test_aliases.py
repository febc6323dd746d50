"""Records that were merged into others."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.registry import aliases, credentials, people, phone_notices
from pairing_server.registry.aliases import Alias
from pairing_server.registry.phone_notices import PhoneNotice, PhoneNoticeKind
from tests.registry.people import (
    COLLEAGUE,
    CREDENTIAL,
    NOW,
    ORGANISATION,
    OTHER_CREDENTIAL,
    PERSON,
    add_everybody,
)

ALIAS = Alias(
    id=COLLEAGUE.id,
    person_id=PERSON.id,
    user_name=COLLEAGUE.user_name,
    ura=ORGANISATION.ura,
    merged_by="person:somebody",
    merged_at=NOW,
)
THIRD = replace(COLLEAGUE, id="person-3", user_name="third")


@pytest.fixture
async def merged(registry):
    phone = replace(OTHER_CREDENTIAL, person_id=COLLEAGUE.id)
    notice = PhoneNotice(
        id="n1", person_id=COLLEAGUE.id, credential_id=phone.id, kind=PhoneNoticeKind.ADDED, at=NOW
    )

    def change(tx):
        add_everybody(tx)
        people.add_person(tx, THIRD)
        credentials.add(tx, phone)
        phone_notices.add(tx, notice)
        aliases.add(tx, ALIAS)

    await registry.commit(change)
    return registry


async def test_an_alias_is_known_by_both_ids(merged):
    assert await merged.read(lambda tx: aliases.of_person(tx, PERSON.id)) == [ALIAS]
    assert await merged.read(lambda tx: aliases.ids_of(tx, PERSON.id)) == (PERSON.id, ALIAS.id)
    assert await merged.read(lambda tx: aliases.resolve(tx, ALIAS.id)) == PERSON.id
    assert await merged.read(lambda tx: aliases.resolve(tx, PERSON.id)) == PERSON.id


async def test_keys_and_notices_go_over(merged):
    held = await merged.read(lambda tx: credentials.of_person(tx, PERSON.id))
    told = await merged.read(lambda tx: phone_notices.of_person(tx, PERSON.id, NOW))

    assert [phone.id for phone in held] == [CREDENTIAL.id, OTHER_CREDENTIAL.id]
    assert [notice.id for notice in told] == ["n1"]
    assert await merged.read(lambda tx: credentials.of_person(tx, COLLEAGUE.id)) == []


async def test_a_key_that_goes_over_opens_no_other_organisation(merged):
    own, moved = await merged.read(lambda tx: credentials.of_person(tx, PERSON.id))

    assert (own.only_ura, moved.only_ura) == (None, ORGANISATION.ura)
    assert moved.opens(ORGANISATION.ura, NOW)
    assert not moved.opens("00000000", NOW)
    assert own.opens("00000000", NOW)


async def test_what_was_merged_before_goes_over_too(merged):
    later = replace(
        ALIAS,
        id=PERSON.id,
        person_id=THIRD.id,
        user_name=PERSON.user_name,
        merged_at=NOW + timedelta(days=1),
    )
    await merged.commit(lambda tx: aliases.add(tx, later))

    assert await merged.read(lambda tx: aliases.ids_of(tx, THIRD.id)) == (
        THIRD.id,
        COLLEAGUE.id,
        PERSON.id,
    )
    assert await merged.read(lambda tx: aliases.resolve(tx, COLLEAGUE.id)) == THIRD.id
