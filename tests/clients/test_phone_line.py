"""A phone's line: what is kept before it leaves, and what a back-up carries."""

import json

import pytest

from clients.authenticator import Unable
from clients.pairing import Device
from clients.phone import SoftwarePhone
from clients.portal import PortalPage
from clients.wire import MalformedAnswer, WireError


@pytest.fixture
async def page(stand_in):
    async with PortalPage(stand_in.base) as page:
        await page.start_session("login")
        yield page


@pytest.fixture
async def phone(http, page):
    offered = await page.start_pairing()
    phone = SoftwarePhone(http, device=Device("android", "Pixel 12", "2"))
    offer = await phone.scan(offered.link)
    await phone.prove(offer)
    await page.confirm(offered.id, offer.check_number)
    await phone.wait_paired(offer)
    return phone


@pytest.fixture
def kept(phone, stand_in):
    """What the phone keeps, each with how many calls the server had seen."""
    states = []
    phone.keep = lambda: states.append((len(stand_in.seen), phone.to_json()))
    return states


async def refused(awaitable):
    with pytest.raises(WireError) as caught:
        await awaitable
    return caught.value.status, caught.value.error


async def test_a_restored_back_up_finds_itself_unbound_and_knows_whose_it_was(http, phone):
    back_up = json.loads(json.dumps(phone.to_back_up()))

    restored = SoftwarePhone.from_back_up(http, back_up)

    assert await refused(restored.credential()) == (401, "unauthorized")
    with pytest.raises(Unable):
        await restored.recover_device_token()
    assert restored.identity == phone.identity
    assert restored.identity.name == "A. Voorbeeld"
    assert (restored.base, restored.device) == (phone.base, phone.device)


async def test_a_back_up_has_no_secret_in_it(phone):
    back_up = json.dumps(phone.to_back_up())

    (credential,) = phone.authenticator.credentials
    assert phone.device_token not in back_up
    assert credential.private_key not in back_up
    assert credential.credential_id not in back_up


async def test_a_restored_phone_pairs_again(http, page, phone, stand_in):
    restored = SoftwarePhone.from_back_up(http, phone.to_back_up())
    offered = await page.start_pairing()

    offer = await restored.scan(offered.link)
    await restored.prove(offer)
    await page.confirm(offered.id, offer.check_number)
    await restored.wait_paired(offer)

    assert (await restored.credential())["credential_id"] == restored.credential_id
    assert restored.credential_id != phone.credential_id
    assert stand_in.bound.credential_id == restored.credential_id


async def test_a_key_is_kept_before_it_is_handed_in(http, page, stand_in):
    offered = await page.start_pairing()
    phone = SoftwarePhone(http)
    offer = await phone.scan(offered.link)
    states = []
    phone.keep = lambda: states.append((len(stand_in.seen), phone.to_json()))
    before = len(stand_in.seen)

    await phone.prove(offer)

    (seen, state) = states[0]
    assert seen == before
    assert state["authenticator"]["credentials"][0]["credential_id"] == phone.credential_id


async def test_a_count_is_kept_before_the_signature_leaves(phone, kept, stand_in):
    before = len(stand_in.seen)

    await phone.unbind()

    (seen, state) = kept[0]
    assert seen == before
    assert state["authenticator"]["credentials"][0]["sign_count"] == 1


async def test_a_phone_that_died_after_handing_in_its_key_is_bound_by_what_it_kept(http, page):
    offered = await page.start_pairing()
    phone = SoftwarePhone(http)
    offer = await phone.scan(offered.link)
    states = []
    phone.keep = lambda: states.append(phone.to_json())
    await phone.prove(offer)
    await page.confirm(offered.id, offer.check_number)

    again = SoftwarePhone.from_json(http, states[0])

    assert (await again.credential())["credential_id"] == again.credential_id
    assert again.identity == offer.identity


async def test_no_key_is_made_for_another_relying_party(phone):
    with pytest.raises(MalformedAnswer, match="another relying party"):
        phone.make_key({"rp": {"id": "evil.example", "name": "x"}})
    assert len(phone.authenticator.credentials) == 1
