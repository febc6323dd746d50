"""A pairing over HTTP: what page and phone are told, and what nobody is."""

import io
import logging
from urllib.parse import urlsplit

import aiohttp
import pytest
import structlog

from clients.phone import SoftwarePhone
from clients.qr_image import rasterise_svg, read_qr
from clients.wire import WireError
from pairing_server.audit.events import AuthenticatorBound
from pairing_server.logs import configure
from pairing_server.qr.pairing import PAIRING_LIFETIME
from pairing_server.settings import LogFormat


async def refused(call):
    """Make a call that is refused, and return how."""
    with pytest.raises(WireError) as error:
        await call
    return error.value.status, error.value.error


@pytest.fixture
async def page(house):
    return await house.registered()


@pytest.fixture
async def offered(page):
    return await page.start_pairing()


@pytest.fixture
def phone(house):
    return SoftwarePhone(house.http)


@pytest.fixture
async def offer(phone, offered):
    return await phone.scan(offered.link)


def wrong(offer):
    return str((int(offer.check_number) + 1) % 10_000).zfill(4)


async def test_the_page_shows_a_code_that_says_the_link(house, offered):
    assert read_qr(rasterise_svg(offered.qr_svg)) == offered.link
    assert urlsplit(offered.link).fragment.startswith(f"p.{offered.id}.")
    assert offered.link.startswith(house.base_url + "/app/#")
    assert 295 <= offered.expires_in <= 300


async def test_the_phone_shows_whose_it_becomes(house, offer):
    holder = house.holder
    assert offer.identity.name == f"{holder.first_names} {holder.last_name}"
    assert offer.identity.uzi_number == holder.uzi_number
    assert (offer.identity.organisation, offer.identity.ura) == (
        holder.organisation_name,
        holder.ura,
    )
    assert offer.identity.role.startswith("arts")
    assert len(offer.check_number) == 4
    assert offer.public_key["rp"]["id"] == "localhost"
    assert offer.public_key["user"]["displayName"] == offer.identity.name


@pytest.mark.parametrize(
    ("language", "role"),
    [("en", "physician, general practitioner"), ("nl", "arts, huisarts")],
)
async def test_the_phone_shows_the_role_in_its_language(page, offered, language, role):
    async with aiohttp.ClientSession(headers={"Accept-Language": language}) as http:
        offer = await SoftwarePhone(http).scan(offered.link)

    assert offer.identity.role == role


async def test_the_page_follows_the_phone(page, phone, offered):
    told = [await page.pairing(offered.id)]
    offer = await phone.scan(offered.link)
    told.append(await page.pairing(offered.id))
    await phone.prove(offer)
    told.append(await page.pairing(offered.id))
    await page.confirm(offered.id, offer.check_number)
    told.append(await page.pairing(offered.id))
    assert [each.status for each in told] == ["offered", "scanned", "proved", "paired"]
    assert told[0].device is None
    assert told[1].device["model"] == "software phone"
    assert await phone.wait_paired(offer) == phone.authenticator.credentials[0].credential_id


async def test_the_page_never_learns_the_number(page, phone, offered, offer):
    await phone.prove(offer)
    raw = (await page._wire.call("GET", f"/portal/pairings/{offered.id}")).raw
    assert offer.check_number.encode() not in raw
    assert set((await page._wire.call("GET", f"/portal/pairings/{offered.id}")).read(dict)) == {
        "status",
        "device",
    }


async def test_the_same_phone_scans_again_and_another_does_not(house, phone, offered, offer):
    again = await phone.scan(offered.link)
    assert (again.check_number, again.public_key) == (offer.check_number, offer.public_key)
    other = SoftwarePhone(house.http)
    assert await refused(other.scan(offered.link)) == (404, "not_found")


async def test_two_pairings_have_users_and_challenges_of_their_own(house, page):
    options = []
    for _ in range(2):
        offered = await page.start_pairing()
        options.append((await SoftwarePhone(house.http).scan(offered.link)).public_key)
    assert options[0]["user"]["id"] != options[1]["user"]["id"]
    assert options[0]["challenge"] != options[1]["challenge"]


async def test_a_key_is_bound_by_the_right_number_alone(page, phone, offered, offer):
    await phone.prove(offer)
    for left in (2, 1, 0):
        with pytest.raises(WireError) as error:
            await page.confirm(offered.id, wrong(offer))
        assert (error.value.status, error.value.error) == (422, "wrong_check_number")
        assert error.value.body["attempts_left"] == left
    with pytest.raises(WireError) as error:
        await page.confirm(offered.id, offer.check_number)
    assert (error.value.status, error.value.body["status"]) == (409, "refused")
    told = await phone._call("GET", f"/phone/pairings/{offered.id}")
    assert told.read(dict) == {"status": "refused"}


async def test_an_expired_pairing_says_so(house, page, phone, offered, offer, clock):
    clock.advance(PAIRING_LIFETIME)
    stranger = SoftwarePhone(house.http)
    # The session at the page is longer than a pairing, so that it hears of the end as well.
    assert (await page.pairing(offered.id)).status == "expired"
    calls = [phone.scan(offered.link), phone.prove(offer)]
    calls.append(page.confirm(offered.id, offer.check_number))
    assert [await refused(each) for each in calls] == [(410, "expired")] * 3
    assert await refused(stranger.scan(offered.link)) == (404, "not_found")
    told = await phone._call("GET", f"/phone/pairings/{offered.id}", wait=25)
    assert told.read(dict) == {"status": "expired"}


async def test_whoever_has_no_part_in_it_gets_one_answer(house, page, phone, offered, offer):
    await phone.prove(offer)
    browser = await house.logged_in()
    stranger = SoftwarePhone(house.http)
    stranger._wire = phone._wire
    made = phone.authenticator.create(offer.public_key, phone.origin)
    calls = [
        browser.pairing(offered.id),
        browser.confirm(offered.id, offer.check_number),
        stranger.scan(offered.link),
        stranger._call("GET", f"/phone/pairings/{offered.id}"),
        stranger._call("POST", f"/phone/pairings/{offered.id}/credential", {"credential": made}),
        page.pairing("unknown"),
        page.confirm("unknown", "0000"),
        phone._call("GET", "/phone/pairings/unknown"),
        phone._call("POST", "/phone/pairings/unknown/credential", {"credential": made}),
        phone._call("POST", f"/phone/pairings/{'A' * 22}/scan", {"secret": "A" * 43}),
        phone._call("POST", f"/phone/pairings/{offered.id}/scan", {"secret": "A" * 43}),
    ]
    answers = {str(await refused_body(each)) for each in calls}
    assert len(answers) == 1
    assert "'not_found'" in answers.pop()
    await page.confirm(offered.id, offer.check_number)


async def refused_body(call):
    with pytest.raises(WireError) as error:
        await call
    return error.value.status, error.value.body


async def test_who_did_not_prove_a_card_offers_nothing(house):
    page = await house.page()
    for call in (page.start_pairing(), page.pairing("x"), page.confirm("x", "0000")):
        assert await refused(call) == (401, "invalid_token")


async def test_who_is_not_registered_offers_nothing(house):
    page = await house.logged_in()
    assert await refused(page.start_pairing()) == (403, "not_registered")


async def test_another_site_offers_and_confirms_nothing(house, page, offered):
    page._headers = {"Origin": "https://evil.example"}
    assert await refused(page.start_pairing()) == (403, "cross_site")
    assert await refused(page.confirm(offered.id, "0000")) == (403, "cross_site")


@pytest.mark.parametrize("token", ["short", "A" * 44, "A" * 42 + "+"])
async def test_a_token_that_was_not_drawn_well_scans_nothing(phone, offered, token):
    phone.device_token = token
    assert await refused(phone.scan(offered.link)) == (401, "invalid_token")


@pytest.mark.parametrize(
    "name", ["zero \0", "line\nfeed", "feed\n", "\u202egnitrevni", "\x9b1m", "x" * 101]
)
async def test_a_device_has_no_name_that_misleads(phone, offered, name):
    body = {"secret": offered.link.rpartition(".")[2], "device": {"model": name}}
    await phone.scan(offered.link)
    path = f"/phone/pairings/{offered.id}/scan"
    assert await refused(phone._call("POST", path, body)) == (400, "invalid_request")


@pytest.mark.parametrize("name", ["iPhone 17 Pro", "Zoë's telefoon", "手机", "👩‍⚕️", "a" * 100])
async def test_a_device_has_the_name_that_it_has(house, page, offered, name):
    phone = SoftwarePhone(house.http)
    phone.device = type(phone.device)("ios", name, "1.0")
    await phone.scan(offered.link)
    assert (await page.pairing(offered.id)).device["model"] == name


@pytest.mark.parametrize(
    "identifier", ["%00", "%ff%fe", "a%2Fb", "a:b", "%F0%9F%93%B1", "x" * 4000]
)
async def test_an_odd_identifier_is_an_unknown_one(house, page, phone, offer, identifier):
    _ = offer
    url = f"/phone/pairings/{identifier}"
    assert (await refused(phone._call("GET", url)))[0] == 404
    assert (await refused(page.pairing(identifier)))[0] == 404


async def test_a_bound_phone_is_in_the_audit_log_once(house, page):
    phone = await house.bind(page)
    events = [
        each for each in await house.events() if each["action"] == AuthenticatorBound.__name__
    ]
    assert [each["object"] for each in events] == [f"credential:{phone.credential_id}"]


@pytest.fixture
def log():
    """Write everything that is logged, libraries included, to a text."""
    root = logging.getLogger()
    handlers, level, written = root.handlers, root.level, io.StringIO()
    configure("debug", LogFormat.JSON)
    root.handlers[0].setStream(written)
    try:
        yield written
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()


class Listening:
    """A desktop agent that remembers the completion it was given."""

    def __init__(self, agent):
        self._agent = agent
        self.completion = ""

    async def prove(self, agent_uri, card):
        return_uri = await self._agent.prove(agent_uri, card)
        self.completion = return_uri.rpartition(".")[2]
        return return_uri


async def test_no_secret_of_a_pairing_is_logged(house, log):
    page = await house.registered()
    session, agent = await page.start_session("login"), Listening(house.agent())
    await page.prove(session, agent, house.register.card(house.holder))
    offered = await page.start_pairing()
    phone, other = SoftwarePhone(house.http), SoftwarePhone(house.http)
    offer = await phone.scan(offered.link)
    await refused(other.scan(offered.link))
    spoilt = {**offer.public_key, "challenge": "A" * 43}
    made = phone.authenticator.create(spoilt, phone.origin)
    path = f"/phone/pairings/{offered.id}/credential"
    await refused(phone._call("POST", path, {"credential": made}))
    phone.authenticator.credentials.clear()
    await phone.prove(offer, {"service": "fcm", "token": "push-token-of-the-phone"})
    await refused(page.confirm(offered.id, wrong(offer)))
    await page.confirm(offered.id, offer.check_number)
    await phone.wait_paired(offer)
    old = phone.device_token
    await phone.rotate_device_token()
    await phone.recover_device_token()
    await refused(
        phone._call("POST", "/phone/device-token", {"device_token": other.device_token + "x"})
    )
    await phone.unbind()
    secrets = {
        "completion": agent.completion,
        "nonce": session.nonce,
        "pairing secret": offered.link.rpartition(".")[2],
        "check number": f'"{offer.check_number}"',
        "challenge": offer.public_key["challenge"],
        "device token": old,
        "other device token": other.device_token,
        "new device token": phone.device_token,
        "push token": "push-token-of-the-phone",
        "cookies": next(cookie.value for cookie in page._http.cookie_jar),
    }
    written = log.getvalue()
    assert written.count('"answered"') > 10
    assert [name for name, secret in secrets.items() if secret in written] == []


async def test_a_pairings_secrets_are_in_no_url_but_the_links_fragment(house, monkeypatch):
    asked = []
    real = type(house.http)._request

    async def noting(self, method, url, **options):
        asked.append(str(url))
        return await real(self, method, url, **options)

    monkeypatch.setattr(type(house.http), "_request", noting)
    page = await house.registered()
    offered = await page.start_pairing()
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(offered.link)
    await phone.prove(offer)
    await page.confirm(offered.id, offer.check_number)
    await phone.wait_paired(offer)
    urls = " ".join(asked)
    secret = offered.link.rpartition(".")[2]
    assert offered.id in urls
    assert [each for each in (secret, phone.device_token, "#") if each in urls] == []
    assert urlsplit(offered.link).fragment.endswith(secret)
