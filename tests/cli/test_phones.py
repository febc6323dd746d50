"""`pairing-server phone`: the lost phone, by command, beside a running server or without one."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from clients.card_profile import Holder
from clients.desktop import DesktopAgent
from clients.oauth_error import AccessDenied
from clients.phone import SoftwarePhone
from clients.portal import PortalPage
from clients.workstation import Workstation
from pairing_server.cli import phones
from pairing_server.registry.push_health import PushHealth
from tests.cli.conftest import started
from tests.house import DATE_OF_BIRTH
from tests.registry.people import CREDENTIAL

HOLDER = Holder()


@pytest.fixture
def base_url(environ):
    return environ["PAIRING_BASE_URL"]


async def bind(base_url, card):
    """Pair a phone over HTTP with a server that runs elsewhere."""
    async with aiohttp.ClientSession() as http, PortalPage(base_url) as page:
        agent = DesktopAgent(http, [base_url])
        session = await page.start_session("register-organisation")
        await page.prove(session, agent, card)
        await page.register_organisation()
        registration = await page.registration(DATE_OF_BIRTH)
        await page.prove(registration.session, agent, card)
        offered = await page.start_pairing()
        phone = SoftwarePhone(http)
        offer = await phone.scan(offered.link)
        await phone.prove(offer)
        await page.confirm(offered.id, offer.check_number)
        await phone.wait_paired(offer)
        return phone.to_json()


@pytest.fixture
def bound(beside, base_url, register):
    """Run a server with one bound phone; returns the phone's state."""
    with beside():
        yield asyncio.run(bind(base_url, register.card(HOLDER)))


@pytest.fixture
def credential_id(bound, command):
    _, output = command("phone", "list")
    return output.split()[0]


def test_a_phone_is_listed_with_its_holder_and_last_use(credential_id, command):
    _, output = command("phone", "list", "--uzi", HOLDER.uzi_number)

    assert output.startswith(f"{credential_id}  active    Jan Jansen (UZI {HOLDER.uzi_number})")
    assert output.endswith("never used  no push\n")
    assert command("phone", "list", "--uzi", "000000000") == (0, "")


NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
ONE = NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("service", "health", "told"),
    [
        (None, PushHealth(), "no push"),
        ("fcm", PushHealth(), "push fcm"),
        ("apns", PushHealth(last_ok_at=NOON), "push apns, well 2026-11-26T12:00:00Z"),
        (
            None,
            PushHealth(last_ok_at=NOON, last_error_at=ONE, last_error="410"),
            "no push, well 2026-11-26T12:00:00Z, failed 2026-11-26T13:00:00Z: 410",
        ),
        (
            "fcm",
            PushHealth(last_ok_at=ONE, last_error_at=NOON, last_error="503"),
            "push fcm, well 2026-11-26T13:00:00Z",
        ),
    ],
)
def test_a_phone_is_listed_with_how_it_can_be_woken(service, health, told):
    assert phones._woken(replace(CREDENTIAL, push_service=service), health) == told


def test_a_phone_is_blocked_and_revoked(credential_id, command):
    assert command("phone", "block", credential_id) == (0, "Blocked: it opens nothing.\n")
    assert command("phone", "block", credential_id) == (
        1,
        "Error: The phone is blocked already.\n",
    )
    assert command("phone", "revoke", credential_id) == (0, "Revoked for good.\n")
    status, output = command("phone", "unblock", credential_id)
    assert (status, output) == (1, "Error: The phone is revoked, not blocked.\n")


def typed(state, code):
    """Type a code on the blocked phone."""

    async def type_it():
        async with aiohttp.ClientSession() as http:
            await SoftwarePhone.from_json(http, state).unblock(code)

    asyncio.run(type_it())


def test_a_phone_is_unblocked_by_the_operator_and_its_holder_together(
    bound, credential_id, command, environ
):
    command("phone", "block", credential_id)
    with started(environ, "phone", "unblock", credential_id) as unblocking:
        code = unblocking.line().removeprefix("Code: ")
        assert command("phone", "list")[1].split()[1] == "blocked"
        typed(bound, code)
        status, output = unblocking.end()

    assert (status, output.splitlines()[-1]) == (0, "Unblocked.")
    assert command("phone", "list")[1].split()[1] == "active"


def test_the_code_alone_is_printed_for_a_script(bound, credential_id, command):
    command("phone", "block", credential_id)
    status, code = command("phone", "unblock", "--no-wait", credential_id)
    assert (status, len(code)) == (0, 7)
    typed(bound, code.strip())
    assert command("phone", "list")[1].split()[1] == "active"


def test_without_a_server_nobody_can_confirm(beside, command, base_url, register):
    with beside():
        asyncio.run(bind(base_url, register.card(HOLDER)))
    credential_id = command("phone", "list")[1].split()[0]
    command("phone", "block", credential_id)

    status, output = command("phone", "unblock", credential_id)

    assert status == 2
    assert "the phone has to confirm" in output


def test_an_unknown_phone_is_not_offered_to_be_unblocked(bound, command):
    status, output = command("phone", "unblock", "-hAAA")

    assert status == 1
    assert "There is no phone -hAAA" in output


@pytest.mark.parametrize("act", ["block", "revoke"])
@pytest.mark.parametrize("unknown", ["AAAA", "-AAAA", "-hAAA"])
def test_an_unknown_phone_is_told_as_one(command, act, unknown):
    status, output = command("phone", act, unknown)

    assert status == 1
    assert f"There is no phone {unknown}" in output


def test_a_workstation_that_waits_hears_of_the_block_at_once(
    bound, credential_id, command, base_url, jwks_file, client_key
):
    _, output = command("client", "add", "HIS", "--ura", HOLDER.ura, "--jwks", jwks_file)

    async def wait_and_block():
        async with aiohttp.ClientSession() as http:
            workstation = Workstation(http, base_url, output.strip(), client_key)
            started = await workstation.start(f"uzi:{HOLDER.uzi_number}", ura=HOLDER.ura)
            waiting = asyncio.create_task(workstation.poll_once(started, wait=25))
            await asyncio.sleep(0.2)
            blocked, _ = await asyncio.to_thread(command, "phone", "block", credential_id)
            assert blocked == 0
            with pytest.raises(AccessDenied) as refused:
                await asyncio.wait_for(waiting, 10)
            return refused.value.reason

    assert asyncio.run(wait_and_block()) == "revoked"


def test_a_block_that_the_store_does_not_hear_of_stands_with_its_checkpoint(
    credential_id, command, monkeypatch, tmp_path
):
    monkeypatch.setenv("PAIRING_REDIS_URL", "redis://127.0.0.1:1/0")

    assert command("phone", "block", credential_id)[0] == 2

    assert command("phone", "list")[1].split()[1] == "blocked"
    with closing(sqlite3.connect(tmp_path / "data" / "registry.sqlite3")) as connection:
        last = "SELECT heads FROM audit_checkpoint ORDER BY number DESC LIMIT 1"
        ((heads,),) = connection.execute(last)
    assert json.loads(heads)["cli"]["sequence"] == 1


def test_a_phone_is_blocked_while_no_server_runs(beside, command, base_url, register):
    with beside():
        asyncio.run(bind(base_url, register.card(HOLDER)))
    credential_id = command("phone", "list")[1].split()[0]

    assert command("phone", "block", credential_id)[0] == 0
    assert command("phone", "list")[1].split()[1] == "blocked"
