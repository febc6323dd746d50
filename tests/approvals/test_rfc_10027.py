"""The attacks that RFC 10027 (BCP 247) names on push and approval, played out."""

from datetime import timedelta

import pytest

from clients.auth_request import WrongCode
from clients.card_profile import Holder
from pairing_server.approvals.fatigue import CLOSED_FOR, STRANGERS
from pairing_server.approvals.inbox import MAX_OF_CLIENT
from pairing_server.approvals.refusals import TooManyOpen
from pairing_server.registry import people

MINUTE = timedelta(minutes=1)


async def colleagues(siege, count):
    """More people of the organisation, each with a phone that can be woken."""
    house, found = siege.desk.house, []
    for number in range(count):
        holder = Holder(uzi_number=f"90000110{number}", first_names=f"Collega {number}")
        page = await house.registered(holder)
        await house.bind(page, push_token=f"colleague-{number}")
        person = await house.registry.read(
            lambda tx, uzi=holder.uzi_number: people.by_uzi_number(tx, uzi)
        )
        found.append(person.id)
    return found


async def test_bulk_authorisation_wakes_each_person_thrice_and_gets_no_login_without_the_code(
    siege,
):
    """B4.1: one client asks for many people at once, in the hope that somebody says yes."""
    everybody = [siege.person_id, *await colleagues(siege, 2)]
    for person_id in everybody:
        for number in range(MAX_OF_CLIENT):
            await siege.ask(f"bulk-{number}", person_id=person_id)
        with pytest.raises(TooManyOpen):
            await siege.ask("bulk-more", person_id=person_id)
    tokens = ["own", "colleague-0", "colleague-1"]
    assert [len(siege.sent(token)) for token in tokens] == [STRANGERS] * 3
    newest, *_ = await siege.desk.phone.auth_requests()
    assert newest.code_length == 6
    with pytest.raises(WrongCode):
        await siege.desk.phone.approve(newest, "")


async def test_a_fake_helpdesk_that_was_declined_in_a_burst_wakes_nobody_any_more(siege):
    """B4.2: a burst that the victim declines, then a call: "please say yes to the next one"."""
    await siege.approve(await siege.ask("own desk"))
    for number in range(3):
        await siege.deny(await siege.ask(f"attack-{number}"))
    before = len(siege.pushed())
    called = await siege.ask("attack-9")
    assert not await siege.is_woken("own desk")
    assert len(siege.pushed()) == before
    # It can be found and be denied, by who looks for it.
    await siege.deny(called, "not_me")
    # Another program, which did nothing, wakes the person as ever.
    assert await siege.is_woken("own desk", "another client")
    siege.pass_time(CLOSED_FOR - MINUTE)
    assert not await siege.is_woken("own desk")
    mine = await siege.ask("own desk")
    await siege.approve(mine)
    assert await siege.is_woken("own desk")


async def test_a_night_of_requests_wakes_a_person_less_and_less(siege):
    """B9: requests all night, from one workstation and from ever new ones."""
    hours = []
    for hour in range(8):
        before = len(siege.pushed())
        for number in range(12):
            await siege.ask("ws-1")
            await siege.ask(f"night-{hour}-{number}")
            siege.pass_time(5 * MINUTE)
        hours.append(len(siege.pushed()) - before)
    assert hours[0] <= 12
    assert max(hours[2:]) <= 4
    assert sum(hours) <= 30


async def test_the_desk_where_somebody_works_is_not_muted_by_a_night_elsewhere(siege):
    await siege.approve(await siege.ask("own desk"))
    for number in range(30):
        await siege.ask(f"night-{number % 7}")
        siege.pass_time(MINUTE)
    assert await siege.is_woken("own desk")


async def test_nobody_ends_or_mutes_what_another_workstation_asks(siege):
    await siege.approve(await siege.ask("own desk"))
    mine = await siege.ask("own desk")
    await siege.ask("elsewhere")
    await siege.deny(await siege.ask("elsewhere"), "not_me")
    assert mine.id in [each.id for each in await siege.desk.phone.auth_requests()]
    await siege.approve(mine)
    assert await siege.is_woken("own desk")
