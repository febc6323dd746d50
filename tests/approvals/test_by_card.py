"""A card answers once, for what is nobody's yet, and never against a phone that was faster."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.approvals.auth_request import Grant, Shown
from pairing_server.approvals.by_card import CardApproval, ShownCard
from pairing_server.approvals.flow import Asked, request_id
from pairing_server.approvals.refusals import AuthRequestClosed, NotKnownThere
from pairing_server.approvals.scan import ScanFlow
from pairing_server.errors import NotFound
from pairing_server.keys.policy import server_policy
from pairing_server.oidc.redemption import write_redemption
from pairing_server.oidc.refusals import AccessDenied
from pairing_server.ports import Ports
from pairing_server.registry import (
    RegistryUnavailableError,
    clients,
    people,
    person_workstations,
)
from tests.approvals.desk import UnreliableRegistry
from tests.approvals.requests import SHOWN
from tests.doubles import StalledStore


@pytest.fixture
def card(desk):
    return ShownCard(desk.house.holder.uzi_number, "1f", {"id": "u"})


async def asked(desk, **changed):
    """Ask whoever scans or shows a card; under what name."""
    shown: Shown = replace(SHOWN, ura=desk.house.holder.ura)
    asks = Asked(
        client_id=desk.client_id,
        person_id=None,
        workstation_id="browser:w",
        scope="openid",
        shown=shown,
        code="042917",
        lifetime=timedelta(minutes=5),
        grant=Grant.CODE,
        is_for_whoever_scans=True,
    )
    auth_req_id, _ = await desk.flow().ask(replace(asks, **changed))
    return request_id(auth_req_id)


def approval(desk, store=None, registry=None):
    ports = desk.house.ports
    return CardApproval(
        Ports(registry or ports.registry, store or ports.store, ports.clock, ports.random)
    )


async def stored(desk, identifier):
    return (await desk.shelf.get(identifier)).value


async def test_a_card_makes_a_request_its_holders_and_approves_it(desk, card):
    identifier = await asked(desk)
    await approval(desk).approve(identifier, card)

    request = await stored(desk, identifier)
    key = f"card:{request.person_id}:1f"
    assert (request.status, request.answer.credential_id) == ("approved", key)
    assert request.shown.organisation == desk.house.holder.organisation_name
    assert await desk.count("answers") == 1


async def test_it_answers_once(desk, card):
    identifier = await asked(desk)
    await approval(desk).approve(identifier, card)
    with pytest.raises(NotFound):
        await approval(desk).approve(identifier, card)


async def test_of_two_cards_at_once_one_answers(desk, card):
    identifier = await asked(desk)
    results = await asyncio.gather(
        *(approval(desk).approve(identifier, card) for _ in range(3)), return_exceptions=True
    )
    assert [result is None for result in results].count(True) == 1
    assert await desk.count("answers") == 1


async def test_what_is_not_for_whoever_scans_is_not_for_cards(desk, card):
    identifier = await asked(desk, is_for_whoever_scans=False)
    for unknown in (identifier, "unknown"):
        with pytest.raises(NotFound):
            await approval(desk).approve(unknown, card)


async def test_who_is_nobody_there_answers_nothing(desk, card):
    identifier = await asked(desk)
    with pytest.raises(NotKnownThere):
        await approval(desk).approve(identifier, replace(card, uzi_number="900000999"))
    assert (await stored(desk, identifier)).status == "pending"


async def test_a_phone_that_scans_in_the_same_moment_keeps_the_request(desk, card):
    identifier = await asked(desk)
    phone = await desk.bound()

    async def scan():
        flow = ScanFlow(desk.house.ports)
        await flow.scanned(phone, identifier, by_camera=True, is_current=True)

    store = StalledStore(desk.house.store, scan)
    with pytest.raises(AuthRequestClosed):
        await approval(desk, store).approve(identifier, card)

    assert store.stalled
    request = await stored(desk, identifier)
    assert (request.status, request.scanned_by) == ("pending", phone.credential.id)
    assert await desk.count("answers") == 0


async def test_nothing_is_approved_that_is_not_durable(desk, card):
    identifier = await asked(desk)
    registry = UnreliableRegistry(desk.house.registry)
    registry.away = 1
    with pytest.raises(RegistryUnavailableError):
        await approval(desk, registry=registry).approve(identifier, card)

    assert (await stored(desk, identifier)).status == "claimed"
    assert await desk.count("answers") == 0


async def test_its_holder_has_logged_in_there_from_then_on(desk, card):
    await approval(desk).approve(await asked(desk), card)

    def there(tx):
        person = people.by_uzi_number(tx, desk.house.holder.uzi_number)
        return person_workstations.get(tx, person.id, desk.client_id, "browser:w")

    assert (await desk.house.registry.read(there)).is_known


async def test_an_approval_by_card_moved_to_another_person_is_none(desk, card):
    """The highest level there is, for whoever can write to the Store."""
    colleague = replace(desk.house.holder, uzi_number="900000777", first_names="Bo")
    await desk.house.registered(colleague)
    identifier = await asked(desk, shown=await shown_there(desk))
    await approval(desk).approve(identifier, card)
    request = await stored(desk, identifier)
    other = await desk.house.registry.read(lambda tx: people.by_uzi_number(tx, "900000777"))

    with pytest.raises(AccessDenied):
        await redeem(desk, replace(request, person_id=other.id))
    subject, _ = await redeem(desk, request)
    assert subject.person.uzi_number == desk.house.holder.uzi_number


async def shown_there(desk):
    client = await desk.house.registry.read(lambda tx: clients.get(tx, desk.client_id))
    return replace(SHOWN, ura=desk.house.holder.ura, client=client.name)


async def redeem(desk, request):
    now, policy = desk.house.ports.clock(), server_policy(desk.house.settings)
    return await desk.house.registry.commit(
        lambda tx: write_redemption(tx, request, "jti", now, policy)
    )
