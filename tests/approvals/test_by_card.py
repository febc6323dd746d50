"""A card answers once, for what is nobody's yet, and never against a phone that was faster."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from pairing_server.approvals.asked import Asked, request_id
from pairing_server.approvals.auth_request import Grant, Shown
from pairing_server.approvals.by_card import CardApproval, ShownCard
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
from pairing_server.registry.tables import membership
from tests.approvals.desk import UnreliableRegistry
from tests.approvals.requests import SHOWN
from tests.doubles import StalledStore


@pytest.fixture
def card(desk):
    holder = desk.house.holder
    return ShownCard(holder.uzi_number, holder.role_code, "1f", {"id": "u"})


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
    colleague = replace(desk.house.holder, uzi_number="900000777", first_names="Bo")
    await desk.house.registered(colleague)
    other = replace(card, uzi_number="900000777", serial_number="2f")
    identifier = await asked(desk)
    results = await asyncio.gather(
        *(approval(desk).approve(identifier, one) for one in (card, other)),
        return_exceptions=True,
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


@pytest.mark.parametrize("keeps", [False, True], ids=["lost", "unheard"])
@pytest.mark.parametrize("session", ["u", "v"], ids=["same", "another"])
async def test_a_card_whose_commit_got_lost_is_shown_again(desk, card, keeps, session):
    identifier = await asked(desk, shown=await shown_there(desk))
    registry = UnreliableRegistry(desk.house.registry)
    registry.away, registry.keeps = 1, keeps
    with pytest.raises(RegistryUnavailableError):
        await approval(desk, registry=registry).approve(identifier, card)

    await approval(desk).approve(identifier, replace(card, statement={"id": session}))

    request = await stored(desk, identifier)
    assert request.status == "approved"
    assert await desk.count("answers") == 1
    subject, _ = await redeem(desk, request)
    assert subject.person.uzi_number == card.uzi_number


@pytest.mark.parametrize("keeps", [False, True], ids=["lost", "unheard"])
async def test_another_card_after_a_lost_commit_is_told_that_it_is_over(desk, card, keeps):
    colleague = replace(desk.house.holder, uzi_number="900000777", first_names="Bo")
    await desk.house.registered(colleague)
    identifier = await asked(desk)
    registry = UnreliableRegistry(desk.house.registry)
    registry.away, registry.keeps = 1, keeps
    with pytest.raises(RegistryUnavailableError):
        await approval(desk, registry=registry).approve(identifier, card)

    other = replace(card, uzi_number="900000777", serial_number="2f")
    with pytest.raises(AuthRequestClosed):
        await approval(desk).approve(identifier, other)
    assert await desk.count("answers") == int(keeps)


async def test_a_store_that_lost_a_cards_answer_takes_no_other_cards(desk, card):
    colleague = replace(desk.house.holder, uzi_number="900000777", first_names="Bo")
    await desk.house.registered(colleague)
    identifier = await asked(desk)
    before = (await desk.shelf.get(identifier)).raw
    await approval(desk).approve(identifier, card)
    await desk.house.store.delete(desk.shelf.key(identifier))
    await desk.house.store.create(desk.shelf.key(identifier), before, timedelta(minutes=1))

    other = replace(card, uzi_number="900000777", serial_number="2f")
    with pytest.raises(AuthRequestClosed):
        await approval(desk).approve(identifier, other)
    assert (await stored(desk, identifier)).status == "revoked"
    assert await desk.count("answers") == 1


@pytest.mark.parametrize(
    ("shown", "asserted"), [("30.000", "30.000"), ("17.000", "01.015")], ids=["had", "not had"]
)
async def test_a_card_says_in_which_of_its_holders_roles(desk, card, shown, asserted):
    roles = sa.update(membership).values(other_role_codes='["30.000"]')
    await desk.house.registry.commit(lambda tx: tx.run(roles))
    identifier = await asked(desk, shown=await shown_there(desk))
    await approval(desk).approve(identifier, replace(card, role_code=shown))

    subject, _ = await redeem(desk, await stored(desk, identifier))
    assert subject.membership.role_code == asserted


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


async def test_a_card_at_a_browser_that_is_new_to_its_holder_is_told_in_the_log(desk, card):
    await desk.approved()
    await approval(desk).approve(await asked(desk), card)

    assert await desk.actions("WorkstationFirstUsed") == ["WorkstationFirstUsed"]
