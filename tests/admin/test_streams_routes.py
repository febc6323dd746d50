"""An administrator settles which systems are told, of those that no other organisation has."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.registry import clients, streams
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.people import AdministrativeRole
from pairing_server.registry.streams import StreamStatus, Verification
from pairing_server.signals.security_event import SUPPORTED
from tests.admin.desk import ELSEWHERE, at_work, dismiss_meanwhile, employ
from tests.oidc.test_key_certificates import EC_KEYS, certified

SYSTEMS = "/admin/organisation/systems"
ENDPOINT = "https://siem.example/events"


async def register(house, name="siem", uras=None, endpoint=ENDPOINT):
    made = Client(
        id=name,
        name=name.upper(),
        jwks={"keys": []},
        uras=tuple(uras or [house.holder.ura]),
        redirect_uris=(),
        policy={},
        status=ClientStatus.ACTIVE,
        created_at=house.ports.clock(),
        metadata=ClientMetadata(ssf_delivery_endpoint=endpoint),
    )
    await house.registry.commit(lambda tx: clients.add(tx, made))
    return made


@pytest.fixture
async def chief(house):
    return await at_work(house, AdministrativeRole.ADMINISTRATOR)


@pytest.fixture
async def siem(house, chief):
    return await register(house)


@pytest.fixture
def stream(house):
    async def read(client="siem"):
        return await house.registry.read(lambda tx: streams.of_client(tx, client))

    return read


@pytest.fixture
def write(house, stream):
    async def change(**changed):
        found = replace(await stream(), **changed)
        await house.registry.commit(lambda tx: streams.update(tx, found))

    return change


async def press(browser, button, client="siem"):
    return await browser.post(f"{SYSTEMS}/{client}/{button}")


async def stream_events(house):
    return [each for each in await house.events() if each["action"].startswith("Stream")]


async def test_a_system_is_told_at_the_address_that_it_is_registered_with(
    house, chief, siem, stream
):
    shown = await chief.get(SYSTEMS)
    assert ENDPOINT in shown.page.text
    assert shown.page.mistakes == []

    sent = await press(chief, "add")

    assert sent.location == f"{SYSTEMS}?done=add"
    made = await stream()
    assert (made.endpoint_url, made.status) == (ENDPOINT, StreamStatus.ENABLED)
    assert made.events_requested == SUPPORTED
    (told,) = await stream_events(house)
    assert (told["action"], told["actor"], told["ura"]) == (
        "StreamCreated",
        "person:administrator",
        house.holder.ura,
    )
    assert json.loads(told["evidence"])["client"] == "siem"
    again = await press(chief, "add")
    assert (again.status, len(await stream_events(house))) == (409, 1)
    assert "This system is told already" in again.page.text


async def test_it_is_paused_told_again_and_told_no_more(house, chief, siem, stream):
    await press(chief, "add")
    await press(chief, "pause")
    paused = await stream()
    assert (paused.status, bool(paused.reason)) == (StreamStatus.PAUSED, True)
    assert "Paused" in (await chief.get(SYSTEMS)).page.text
    await press(chief, "resume")
    assert ((await stream()).status, (await stream()).reason) == (StreamStatus.ENABLED, "")

    await press(chief, "remove")

    assert await stream() is None
    actions = [each["action"] for each in await stream_events(house)]
    assert actions == ["StreamCreated", "StreamChanged", "StreamChanged", "StreamDeleted"]
    for button in ("pause", "resume", "remove", "verify"):
        assert (await press(chief, button)).status == 409


async def test_a_test_event_is_sent_once_in_half_a_minute(house, chief, siem, stream, write):
    await press(chief, "add")
    await press(chief, "verify")
    assert (await stream()).verification is not None
    assert "not arrived yet" in (await chief.get(SYSTEMS)).page.text
    again = await press(chief, "verify")
    assert (again.status, "wait half a minute" in again.page.text) == (429, True)

    await write(verification=None)

    assert ": arrived" in (await chief.get(SYSTEMS)).page.text
    await press(chief, "pause")
    off = await press(chief, "verify")
    assert (off.status, "let it be told again first" in off.page.text) == (409, True)


async def test_what_it_heard_last_and_why_it_does_not_stands_there(house, chief, siem, write):
    await press(chief, "add")
    shown = await chief.get(SYSTEMS)
    assert "nothing yet" in shown.page.text
    assert "Is told" in shown.page.text
    now = house.ports.clock()

    await write(heard_at=now - timedelta(hours=2), failing_since=now, attempts=3)
    await write(last_error="status_500", verification=Verification("j", None))

    shown = await chief.get(SYSTEMS)
    assert "Does not hear" in shown.page.text
    assert "tried 3 times: status_500" in shown.page.text
    assert shown.page.mistakes == []


@pytest.mark.parametrize("button", ["add", "pause", "resume", "remove", "verify"])
async def test_what_a_shared_system_is_told_is_not_one_organisations_to_say(
    house, chief, stream, button
):
    await employ(house, "boris", ura=ELSEWHERE)
    await register(house, "shared", [house.holder.ura, ELSEWHERE])
    shown = await chief.get(SYSTEMS)
    assert "SHARED" in shown.page.text
    assert shown.page.forms(f"{SYSTEMS}/shared/add") == []

    answer = await press(chief, button, "shared")

    assert answer.status == 403
    assert "ask its vendor" in answer.page.text
    assert await stream("shared") is None


async def test_systems_of_others_and_closed_ones_are_unknown(house, chief, stream):
    await employ(house, "boris", ura=ELSEWHERE)
    await register(house, "theirs", [ELSEWHERE])
    closed = replace(await register(house, "closed"), status=ClientStatus.CLOSED)
    await house.registry.commit(lambda tx: clients.update(tx, closed))

    shown = await chief.get(SYSTEMS)
    assert "None is registered for it." in shown.page.text
    for name in ("theirs", "closed", "nobody"):
        assert (await press(chief, "add", name)).status == 404
        assert await stream(name) is None


async def test_a_system_without_an_address_is_told_nothing(house, chief, stream):
    await register(house, "his", endpoint="")
    assert "HIS" not in (await chief.get(SYSTEMS)).page.text

    answer = await press(chief, "add", "his")

    assert answer.status == 409
    assert "register one first" in answer.page.text
    assert await stream("his") is None


async def test_who_is_dismissed_meanwhile_changes_nothing(house, siem, chief, stream, monkeypatch):
    dismiss_meanwhile(house, monkeypatch)

    assert (await press(chief, "add")).status in (303, 401)
    assert await stream() is None


@pytest.mark.parametrize("role", [AdministrativeRole.OPERATOR, AdministrativeRole.SERVICE_DESK])
async def test_others_neither_see_nor_change_what_systems_are_told(house, siem, stream, role):
    browser = await at_work(house, role)

    assert (await browser.get(SYSTEMS)).status == 403
    assert (await press(browser, "add")).status == 403
    assert await stream() is None


async def test_an_old_approval_is_confirmed_first_and_comes_back_to_the_page(house, siem, stream):
    browser = await at_work(
        house, AdministrativeRole.ADMINISTRATOR, "late", age=timedelta(minutes=6)
    )

    shown = await press(browser, "add")

    (form,) = shown.page.forms("/admin/confirm")
    assert (form.fields["act"], form.fields["next"]) == ("manage_streams", SYSTEMS)
    assert await stream() is None
    assert (await browser.get(SYSTEMS)).page.forms("/admin/confirm")


async def test_it_says_until_when_certificates_are_valid_of_those_of_which_it_is_known(
    house, chief, siem
):
    now, key = house.ports.clock(), EC_KEYS[0]
    assert "Certificates of keys" not in (await chief.get(SYSTEMS)).page.text

    for name, left in (("his", -1), ("lab", 20), ("far", 40)):
        made = await register(house, name)
        known = replace(made, jwks={"keys": [certified(key, now + left * timedelta(days=1))]})
        await house.registry.commit(lambda tx, known=known: clients.update(tx, known))
    page = (await chief.get(SYSTEMS)).page

    systems = [each.text for each in page.all("th", scope="row")]
    assert systems == ["HIS", "LAB", "FAR"]
    rows = [each.text for each in page.all("tr")][1:]
    assert [("over" in row, "within 30 days" in row) for row in rows] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert page.one("h2", id="certificates")
    assert page.mistakes == []
