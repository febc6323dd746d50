"""Names: of whoever an event mentions, also of those whose record became another one."""

import json
from dataclasses import replace

import pytest

from pairing_server.audit.directory import directory_of
from pairing_server.audit.nen7513 import Directory, Known
from pairing_server.registry import aliases, credentials, people
from pairing_server.registry.aliases import Alias
from tests.admin.staff import NOW, OURS, add_phone, fill
from tests.audit.doubles import facts


@pytest.fixture
async def staffed(registry):
    def change(tx):
        fill(tx)
        add_phone(tx, "nina")
        credentials.rename(tx, "phone-of-nina", "Nina's phone")

    await registry.commit(change)
    return registry


async def names(registry, *events, ura=OURS.ura):
    return await registry.read(lambda tx: directory_of(tx, events, ura))


async def test_all_whom_an_event_mentions_have_their_names(staffed):
    evidence = json.dumps({"credential": "phone-of-nina", "client": "x"})
    event = facts(1, actor="person:anne", object="session:s", ura=OURS.ura, evidence=evidence)

    found = await names(staffed, event)

    assert found.people == {
        "anne": Known("Anne de Boer", "900000001", "01.015"),
        "nina": Known("Nina de Boer", "900000003", "01.015"),
    }
    assert found.phones == {"phone-of-nina": "Nina's phone"}
    assert found.organisations == {OURS.ura: OURS.name}
    assert found.clients == {}


async def test_roles_are_those_of_the_organisation_that_looks(staffed):
    event = facts(1, actor="person:els", object="person:nina")

    found = await names(staffed, event)
    anybodys = await names(staffed, event, ura=None)

    assert found.people["els"].role_code == ""
    assert found.people["nina"].role_code == "01.015"
    assert {known.role_code for known in anybodys.people.values()} == {""}


async def test_whom_another_organisation_employs_is_named_without_their_number(staffed):
    event = facts(1, actor="person:els", object="credential:phone-of-nina", ura=OURS.ura)

    found = await names(staffed, event)

    assert found.people["els"] == Known("Els de Boer")
    assert found.people["nina"].uzi_number == "900000003"


async def test_whom_nobody_knows_has_no_name(staffed):
    event = facts(1, actor="person:x", object="credential:y", evidence='{"client":"z"}')

    assert await names(staffed, event) == Directory()


async def test_no_event_is_too_odd_to_look_up(staffed):
    event = facts(1, actor="person:\0", object="credential:\0", evidence='{"client":["\\u0000"]}')

    assert await names(staffed, event) == Directory()
    assert await staffed.read(lambda tx: credentials.get(tx, "phone-of-nina")) is not None


async def test_a_name_is_what_somebody_is_called_now(staffed):
    event = facts(1, actor="person:nina", object="x:y")

    def rename(tx):
        people.update_person(tx, replace(people.get_person(tx, "nina"), last_name="Bos"))

    await staffed.commit(rename)

    assert (await names(staffed, event)).name("person:nina") == "Nina Bos"


async def test_whose_record_became_another_ones_is_called_as_that_one(staffed):
    merged = Alias(
        id="ivo", person_id="nina", user_name="old", ura=OURS.ura, merged_by="anne", merged_at=NOW
    )
    await staffed.commit(lambda tx: aliases.add(tx, merged))

    found = await names(staffed, facts(1, actor="person:ivo", object="x:y"))

    assert found.name("person:ivo") == "Nina de Boer"
