"""An act is done once for its key, whoever sends it again and when."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from admin.api.call_refusals import KeyReused
from admin.api.conditional import LIFETIME, Answer, AnsweredBefore, Once
from admin.linking_flow import LinkingFlow
from admin.linking_record import Newcomer
from admin.machine import actor_of
from admin.people_refusals import KnownHere
from pairing_server.registry import idempotency_keys, members
from pairing_server.registry.people import MembershipKind
from tests.admin.api.test_people_routes import NEW
from tests.admin.desk import employ
from tests.admin.machine import HR, program, put
from tests.admin.staff import BIRTHS, BORN, NOW, OURS, written
from tests.keys.handset import MeanwhileRegistry

NORA = Newcomer(
    first_names="Nora",
    last_name="Nieuw",
    kind=MembershipKind.EMPLOYEE,
    role_codes=("01.015",),
    valid_until=None,
)
POLICY = {"machine_scopes": ["admin"], "admin_acts": ["invite"]}
INVITING = replace(HR, policy=POLICY)
ACTOR = actor_of(INVITING, OURS.ura, NOW)


def told(person):
    return Answer(status=201, id=person.id)


def once(fingerprint="sent", now=NOW, key="key"):
    return Once(HR.id, key, fingerprint, told, now)


@pytest.fixture
async def hired(staffed):
    await put(staffed, INVITING)
    return staffed


def invite(ports, kept, born=BORN):
    return LinkingFlow(ports, BIRTHS).invite(ACTOR, NORA, born, kept)


async def invited(registry):
    return [whom for action, _, whom, *_ in await written(registry) if action == "PersonInvited"]


async def test_the_same_key_gets_the_same_answer_and_nothing_is_done(hired, ports):
    made = await invite(ports, once())

    with pytest.raises(AnsweredBefore) as again:
        await invite(ports, once(now=NOW + LIFETIME - timedelta(milliseconds=1)))

    assert again.value.answer == Answer(status=201, id=made.id)
    assert await invited(hired) == [f"person:{made.id}"]


async def test_the_same_key_for_something_else_is_refused(hired, ports):
    await invite(ports, once())

    with pytest.raises(KeyReused):
        await invite(ports, once("something else"))


async def test_of_two_at_the_same_moment_one_does_it(hired, ports):
    """The other one looked before, and finds the answer in its own commit."""
    first = []

    async def meanwhile():
        first.append(await invite(ports, once()))

    registry = MeanwhileRegistry(hired, meanwhile)

    with pytest.raises(AnsweredBefore) as second:
        await invite(replace(ports, registry=registry), once())

    assert registry.stalled
    assert second.value.answer.id == first[0].id
    assert await invited(hired) == [f"person:{first[0].id}"]


async def test_an_act_that_is_refused_leaves_its_key_as_new(hired, ports):
    await invite(ports, once(key="other"))

    with pytest.raises(KnownHere):
        await invite(ports, once())

    kept = await hired.read(lambda tx: idempotency_keys.get(tx, HR.id, "key"))
    assert kept is None


async def test_a_key_is_the_clients_own(hired, ports):
    await put(hired, replace(INVITING, id="other"))
    await invite(ports, once())

    other = Once("other", "key", "sent", told, NOW)
    # Nothing was done under it before, but that the person is known.
    with pytest.raises(KnownHere):
        await invite(ports, other)


async def test_what_was_answered_is_forgotten_after_a_day(hired, ports):
    await invite(ports, once())
    later = NOW + LIFETIME

    kept = once(key="later", now=later)
    await LinkingFlow(ports, BIRTHS).invite(ACTOR, replace(NORA, last_name="Later"), BORN, kept)

    assert await hired.read(lambda tx: idempotency_keys.get(tx, HR.id, "key")) is None
    assert await hired.read(lambda tx: idempotency_keys.get(tx, HR.id, "later")) is not None


@pytest.fixture
async def hr(house):
    await employ(house, "anna")
    return await program(house)


async def test_of_many_that_are_sent_at_once_one_is_done(hr, house):
    said = await asyncio.gather(*(hr.post("/people", NEW, "same") for _ in range(8)))

    assert {each.status for each in said} == {201}
    assert len({(each.body["id"], each.headers["Location"]) for each in said}) == 1
    found = await house.registry.read(lambda tx: members.of_organisation(tx, hr.ura))
    assert len(found) == 2


async def test_the_form_of_a_body_is_not_the_act_and_its_content_is(hr):
    made = await hr.post("/people", NEW, '"a quoted key"')
    spaced = json.dumps(dict(reversed(NEW.items())), indent=4).encode()

    again = await hr.post("/people", spaced, '"a quoted key"')
    other = await hr.post("/people", NEW | {"last_name": "Ander"}, '"a quoted key"')

    assert (again.status, again.body) == (201, made.body)
    assert (other.status, other.error) == (422, "idempotency_key_reused")


async def test_an_act_has_to_have_a_key(hr):
    without = await hr.call("POST", "/people", NEW)
    empty = await hr.call("POST", "/people", NEW, Idempotency_Key="")
    long = await hr.post("/people", NEW, "k" * 256)

    assert {(each.status, each.error) for each in (without, empty, long)} == {
        (400, "idempotency_key_needed")
    }


async def test_neither_the_key_nor_anything_of_the_person_is_kept(hr, house):
    await hr.post("/people", NEW, "nora.nieuw-1990-02-03")

    rows = await house.registry.read(lambda tx: tx.all(idempotency_keys.table.select()))
    assert len(rows) == 1
    assert not any(word in str(rows).lower() for word in ("nora", "nieuw", "1990"))
