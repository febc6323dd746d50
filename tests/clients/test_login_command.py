"""`zorgid-login`, against a real server and a real phone: what it shows, and how it ends."""

import asyncio
import io
import json
import re
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization

from clients.login_command import run
from clients.login_session import LoginSession
from clients.login_words import Words
from clients.phone_screen import _CLEARED, Screen
from clients.qr_image import GreyImage, read_qr
from clients.terminal_qr import big
from pairing_server.approvals.auth_request import FETCHED_BY, OPEN_THE_APP
from tests.clients.terminal import pixels_of
from tests.login_command import asked, logged_in, logging_in, on_a_terminal

HERE = ("--workstation-id", "ws-1", "--workstation", "Balie 1", "--location", "Polikliniek")


def key_file(house, tmp_path):
    file = tmp_path / "client.pem"
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    file.write_bytes(house.client_key.private_bytes(*pem, serialization.NoEncryption()))
    return str(file)


@pytest.fixture
async def phone(house):
    return await house.bind()


@pytest.fixture
async def client(house, phone, tmp_path):
    """The options that say who and where the client is."""
    await house.workstation()
    file = key_file(house, tmp_path)
    who = ("--issuer", house.base_url, "--client-id", house.client_id, "--key", file)
    return (*who, *HERE, "--language", "en")


@pytest.fixture
def who(house):
    return f"uzi:{house.holder.uzi_number}"


def scanned(shown):
    """Read the QR code that a terminal shows, from its pixels."""
    drawn = [line for line in shown.splitlines() if "\x1b[30;107m" in line]
    rows = pixels_of("\n".join(drawn))
    scaled = [[dark for dark in row for _ in range(4)] for row in rows for _ in range(4)]
    pixels = bytes(0 if dark else 255 for row in scaled for dark in row)
    return read_qr(GreyImage(len(scaled[0]), len(scaled), pixels))


async def test_a_login_for_a_program(house, phone, client, who):
    async with logging_in(who, *client, "--json") as told:
        await told.says("binding_code")
        request = await asked(phone)
        await phone.approve(request, told.rows[0]["binding_code"])

    assert told.status == 0
    assert [row["event"] for row in told.rows] == ["started", "logged_in"]
    assert told.rows[-1]["claims"]["uzi_number"] == house.holder.uzi_number
    assert (request.workstation, request.location) == ("Balie 1", "Polikliniek")


async def test_a_login_for_people_shows_the_code_large_and_no_token(house, phone, client, who):
    async with logging_in(who, *client, "--message", "042917", "--language", "nl") as told:
        await told.says("Typ deze code op uw telefoon:")
        await phone.approve(await asked(phone), "042917")

    assert told.status == 0
    assert big("042917") in told.out
    assert f"Ingelogd: {house.holder.uzi_number}, 01.015" in told.out
    assert not re.search(r"ey[\w-]+\.[\w-]+\.[\w-]+", told.out + told.err)


@pytest.mark.parametrize("reason", ["not_me", "other"])
async def test_a_no_has_a_number_of_its_own(phone, client, who, reason):
    async with logging_in(who, *client, "--json") as told:
        await phone.deny(await asked(phone), reason)

    assert told.status == 3
    assert json.loads(told.err)["error"] == {"not_me": "not_me", "other": "denied"}[reason]


async def test_the_hint_is_told_once_and_taken_back(house, phone, clock):
    workstation, out = await house.workstation(), io.StringIO()
    started = msgspec.structs.replace(await house.ask(workstation), interval=0)
    clock.advance(FETCHED_BY - timedelta(seconds=0.5))
    session = LoginSession(workstation, Screen(as_json=True, out=out), Words("en"))
    running = asyncio.create_task(session.run(started, scan=False))
    async with asyncio.timeout(20):
        while OPEN_THE_APP not in out.getvalue():  # noqa: ASYNC110 - what a terminal shows.
            await asyncio.sleep(0.02)
    (request,) = await phone.auth_requests()
    await phone.approve(request, started.binding_code)

    assert (await running).claims.uzi_number == house.holder.uzi_number
    assert out.getvalue().count(OPEN_THE_APP) == 1


async def test_from_the_hint_to_a_scan_of_the_same_request(house, phone, client, who, tmp_path):
    async with on_a_terminal(tmp_path / "home", who, *client) as run:
        await run.reads("Rather scan a code? Press Enter.")
        await run.reads("open the app on your phone")
        run.types("")
        await run.reads(_CLEARED)
        link = scanned(await run.reads(_CLEARED))

        request = await phone.get(await phone.scan_login(link))
        assert request.code_length == 0
        await phone.approve(request)

        await run.reads(f"Logged in: {house.holder.uzi_number}")
        assert await run.ends() == 0


async def test_whoever_scans_logs_in(house, phone, client):
    async with logging_in(*client, "--json") as told:
        await told.says('"frame"')
        request = await phone.get(await phone.scan_login(told.rows[1]["link"]))
        await told.says("answer_on_phone")
        await phone.approve(request)

    assert told.status == 0
    assert told.rows[-1]["claims"]["uzi_number"] == house.holder.uzi_number


async def test_the_code_that_an_app_may_ask_for_stands_beside_the_picture(phone, client):
    async with logging_in(*client) as told:
        await told.says("If the app asks for a code: ")
        link = scanned(told.out)
        request = await phone.get(await phone.scan_login(link, via="link"))
        await phone.approve(request, re.search(r"a code: (\d{6})", told.out)[1])

    assert told.status == 0


async def test_the_demo_says_who_where_and_with_which_key(house, phone, client, tmp_path):
    demo = {
        "base_url": house.base_url,
        "client_id": house.client_id,
        "client_key_file": key_file(house, tmp_path),
        "ura": house.holder.ura,
        "uzi_number": house.holder.uzi_number,
    }
    file = tmp_path / "demo.json"
    file.write_text(json.dumps(demo))
    async with logging_in("--demo", str(file), "--json") as told:
        await told.says("binding_code")
        await phone.approve(await asked(phone), told.rows[0]["binding_code"])

    assert told.status == 0


async def test_tokens_are_bound_where_the_policy_says_so(house, phone, who, tmp_path):
    await house.workstation(sender_constraint="dpop")
    options = ("--issuer", house.base_url, "--client-id", house.client_id)
    options += ("--key", key_file(house, tmp_path), "--message", "424242", "--language", "en")
    async with logging_in(who, *options, "--dpop", "--json") as told:
        await phone.approve(await asked(phone), "424242")
    async with logging_in(who, *options) as refused:
        await phone.approve(await asked(phone), "424242")

    assert told.status == 0
    assert "jkt" in told.rows[-1]["claims"]["cnf"]
    assert refused.status == 1
    assert "DPoP proof" in refused.err


async def test_somebody_unknown_is_told_to_pair(house, client, who):
    refused = await logged_in("uzi:123456789", *client, "--expires-in", "1")
    assert (refused.status, refused.err) == (4, "Nobody answered in time: start again.\n")


async def test_another_key_is_refused_by_name(house, client, who, client_key_file):
    refused = await logged_in(who, *client, "--key", str(client_key_file))
    assert refused.status == 1
    assert "another key" in refused.err


async def test_what_is_no_key_is_refused_before_anything_is_asked(client, who, tmp_path):
    refused = await logged_in(who, *client, "--key", str(tmp_path / "none.pem"))
    assert (refused.status, refused.out) == (1, "")
    assert "No key to sign with" in refused.err


async def test_a_server_that_is_away_is_told(client, who, tmp_path):
    refused = await logged_in(who, *client, "--issuer", "http://localhost:9")
    assert (refused.status, refused.out) == (1, "")
    assert "cannot be reached" in refused.err


async def test_frames_that_are_refused_leave_the_code(phone, client, who, monkeypatch):
    monkeypatch.setattr("clients.workstation.origin_of", lambda url: url)
    async with logging_in(who, *client, "--qr", "--message", "424242", "--json") as told:
        await told.says("no_frames")
        await phone.approve(await asked(phone), "424242")

    assert told.status == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["uzi:900000001"],
        ["--issuer", "http://10.0.0.1", "--client-id", "c", "--key", "k"],
        ["--demo", "none.json"],
        ["somebody", "--scan", "--issuer", "https://a.example", "--client-id", "c", "--key", "k"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_ends_with_status_2(arguments):
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    assert ended.value.code == 2


async def test_ctrl_c_ends_it(client, who, tmp_path):
    async with on_a_terminal(tmp_path / "home", who, *client) as run:
        await run.reads("Press Enter.")
        run.interrupts()
        assert await run.ends() == 130
    assert "Traceback" not in run.shown
