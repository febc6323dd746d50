"""Who is woken when something happens to one of a person's phones."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.phones.news import WAKE_FOR, invitations, news
from pairing_server.push import PushService, WakeupKind
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import RegistryUnavailableError, credentials
from pairing_server.registry.people import AdministrativeRole
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.registry.tables import credential
from tests.admin.desk import at_work
from tests.house import RecordingPush
from tests.keys.handset import add_handset, add_person
from tests.phones.test_offers import URA, offer


@pytest.fixture
async def phones(registry, clock):
    person = await add_person(registry, clock())

    async def add(address, **changed):
        handset = await add_handset(
            registry, person, clock(), push_service="fcm", push_address=address, **changed
        )
        return await registry.read(lambda tx: credentials.get(tx, handset.credential_id))

    await add("blocked", status="blocked")
    await add("expired", expires_at=clock() - timedelta(days=1))
    return [await add("one"), await add("two")]


@pytest.mark.parametrize(
    ("kind", "woken"),
    [
        (PhoneNoticeKind.BLOCKED, ["two"]),
        (PhoneNoticeKind.ADDED, ["two"]),
        (PhoneNoticeKind.EXPIRING, ["one", "two"]),
    ],
)
async def test_the_other_active_phones_are_woken_without_a_word(ports, phones, kind, woken):
    push = RecordingPush()
    dispatch = Dispatch(ports, dict.fromkeys(PushService, push))
    await news(ports, dispatch)(phones[0], kind)
    await dispatch.close()
    await asyncio.sleep(0)
    assert sorted(address.address for address, _ in push.sent) == woken
    assert all(len(wakeup.id) == 22 for _, wakeup in push.sent)
    left = [wakeup.expires_at - ports.clock() for _, wakeup in push.sent]
    assert all(timedelta(0) < each <= WAKE_FOR for each in left)


class Asked:
    """A holder of a UZI number with phones, and organisations that ask them."""

    def __init__(self, house):
        self.house = house
        self.page = None
        self.push = RecordingPush()
        self.dispatch = Dispatch(house.ports, dict.fromkeys(PushService, self.push))
        self.tell = invitations(house.ports, self.dispatch)

    async def woken(self):
        await self.dispatch.close()
        return sorted(address.address for address, _ in self.push.sent)

    async def has_phone(self, address):
        self.page = self.page or await self.house.registered()
        await self.house.bind(self.page, address)


@pytest.fixture
async def asked(house):
    await house.add_organisation(URA, "Waarneempost")
    asked = Asked(house)
    await asked.has_phone("first")
    return asked


async def test_who_is_asked_to_work_elsewhere_is_woken_on_all_their_phones(asked):
    await asked.has_phone("second")
    await offer(asked.house)

    await asked.tell(URA, asked.house.holder.uzi_number)

    assert await asked.woken() == ["first", "second"]
    assert {wakeup.kind for _, wakeup in asked.push.sent} == {WakeupKind.NOTICE}


async def test_one_organisation_wakes_a_person_once_a_day_however_often_it_asks(asked):
    for _ in range(3):
        await offer(asked.house)
        await asked.tell(URA, asked.house.holder.uzi_number)

    assert await asked.woken() == ["first"]


class CountedDispatch:
    """Counts how often phones are woken: a real one sends one of many with the same tag."""

    def __init__(self):
        self.woken = 0

    def wake(self, _phones, _wakeup):
        self.woken += 1


async def test_of_many_who_ask_at_once_one_wakes(asked):
    await offer(asked.house)
    counted = CountedDispatch()
    tell = invitations(asked.house.ports, counted)

    await asyncio.gather(*(tell(URA, asked.house.holder.uzi_number) for _ in range(8)))

    assert counted.woken == 1


async def test_a_mistyped_number_wakes_nobody(asked):
    await offer(asked.house, last_name="Anders")

    for number in (asked.house.holder.uzi_number, "999999999"):
        await asked.tell(URA, number)

    assert await asked.woken() == []


async def test_a_phone_that_opens_one_organisation_alone_is_not_woken(asked):
    await asked.house.registry.commit(
        lambda tx: tx.run(credential.update().values(only_ura=asked.house.holder.ura))
    )
    await offer(asked.house)

    await asked.tell(URA, asked.house.holder.uzi_number)

    assert await asked.woken() == []


async def test_what_was_committed_stands_also_where_nobody_can_be_woken(asked):
    await offer(asked.house)
    registry = replace(asked.house.ports, registry=Away())

    await invitations(registry, asked.dispatch)(URA, asked.house.holder.uzi_number)

    assert await asked.woken() == []


class Away:
    """A registry that does not answer."""

    async def read(self, _query):
        raise RegistryUnavailableError("away")


async def test_whom_an_administrator_asks_is_woken(asked):
    chief = await at_work(asked.house, AdministrativeRole.ADMINISTRATOR, "chief", URA)
    holder = asked.house.holder
    form = {
        "uzi_number": holder.uzi_number,
        "first_names": holder.first_names,
        "last_name": holder.last_name,
        "kind": "guest",
        "role_codes": "01.015",
        "valid_until": "31-12-2027",
    }

    answer = await chief.post("/admin/people/new/offer", form)

    assert answer.status == 303
    for _ in range(400):
        if asked.house.push.sent:
            break
        await asyncio.sleep(0.05)
    ((address, wakeup),) = asked.house.push.sent
    assert (address.address, wakeup.kind) == ("first", WakeupKind.NOTICE)
