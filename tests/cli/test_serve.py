"""`pairing-server serve`: starting, draining, dying and coming back."""

import asyncio
import gc
import json
import os
import re
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest

from clients.phone import SoftwarePhone
from clients.push_simulator import fcm
from clients.push_simulator.simulator import push_simulator
from clients.workstation import Workstation
from pairing_server.cli.serve import _serve
from pairing_server.settings import load
from tests.cli.conftest import Process, ready, started, wait_for
from tests.cli.test_phones import HOLDER, bind
from tests.house import free_port

ALIVE, DEAD = "f00d" * 16, "dead" * 35


@pytest.fixture
def base_url(environ):
    return environ["PAIRING_BASE_URL"]


def test_with_no_configuration_but_a_port_a_server_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    port = free_port()
    with started({"PAIRING_PORT": str(port)}, "serve") as process:
        wait_for(lambda: not process.is_running or ready(f"http://localhost:{port}"))
        assert process.is_running
        status, output = process.stop()

    assert status == 0
    assert "listening" in output
    assert (tmp_path / "data" / "registry.sqlite3").exists()


async def test_the_collector_passes_over_what_is_there_from_the_start(environ, monkeypatch):
    frozen = asyncio.Event()
    monkeypatch.setattr(gc, "freeze", frozen.set)
    serving = asyncio.create_task(_serve(load(environ)))
    await asyncio.wait_for(frozen.wait(), 60)
    assert await asyncio.to_thread(ready, environ["PAIRING_BASE_URL"])
    os.kill(os.getpid(), signal.SIGTERM)
    await serving


def test_sigterm_ends_open_long_polls_cleanly_and_exits_with_0(
    serving, base_url, command, register, jwks_file, client_key
):
    with serving() as server:
        state = asyncio.run(bind(base_url, register.card(HOLDER)))
        _, output = command("client", "add", "HIS", "--ura", HOLDER.ura, "--jwks", jwks_file)

        async def hold_and_stop():
            async with aiohttp.ClientSession() as http:
                workstation = Workstation(http, base_url, output.strip(), client_key)
                begun = await workstation.start(f"uzi:{HOLDER.uzi_number}", ura=HOLDER.ura)
                phone = SoftwarePhone.from_json(http, state)
                seen = await phone.auth_requests()
                polls = [
                    asyncio.create_task(workstation.poll_once(begun, wait=25)),
                    asyncio.create_task(phone.auth_requests(wait=25)),
                ]
                await asyncio.sleep(0.3)
                began = time.monotonic()
                stopped = asyncio.create_task(asyncio.to_thread(server.stop))
                answers = await asyncio.wait_for(asyncio.gather(*polls), 20)
                return seen, answers, await stopped, time.monotonic() - began

        seen, answers, (status, printed), seconds = asyncio.run(hold_and_stop())

    assert answers == [None, seen]
    assert status == 0
    assert seconds < 10
    assert "Traceback" not in printed


def test_nothing_that_was_acknowledged_is_lost_when_the_server_is_killed(
    serving, base_url, register, command
):
    with serving() as server:
        state = asyncio.run(bind(base_url, register.card(HOLDER)))
        server.kill()

    with serving():

        async def who():
            async with aiohttp.ClientSession() as http:
                return await SoftwarePhone.from_json(http, state).credential()

        told = asyncio.run(who())

    assert told["uzi_number"] == HOLDER.uzi_number
    status, output = command("audit", "verify")
    assert status == 0
    assert output.startswith("The audit log is whole: 1 chain, ")


def test_an_approval_survives_a_restart_and_is_redeemed_once(
    serving, base_url, command, register, jwks_file, client_key
):
    async def approve(state, client_id):
        async with aiohttp.ClientSession() as http:
            workstation = Workstation(http, base_url, client_id, client_key)
            begun = await workstation.start(f"uzi:{HOLDER.uzi_number}", ura=HOLDER.ura)
            phone = SoftwarePhone.from_json(http, state)
            (request,) = await phone.auth_requests()
            await phone.approve(request, begun.binding_code)
            return begun

    async def redeem(begun, client_id):
        async with aiohttp.ClientSession() as http:
            workstation = Workstation(http, base_url, client_id, client_key)
            return await workstation.poll_once(begun, wait=0)

    with serving() as server:
        state = asyncio.run(bind(base_url, register.card(HOLDER)))
        _, output = command("client", "add", "HIS", "--ura", HOLDER.ura, "--jwks", jwks_file)
        begun = asyncio.run(approve(state, output.strip()))
        server.kill()

    with serving():
        assertion = asyncio.run(redeem(begun, output.strip()))

    assert assertion.claims.uzi_number == HOLDER.uzi_number


def test_a_second_server_on_the_same_data_is_refused_in_words(beside, environ):
    with beside():
        status, output = Process({**environ, "PAIRING_PORT": "0"}, "serve").end()

    assert status == 2
    assert "Traceback" not in output
    assert output.startswith("Error: ")


def test_a_taken_port_is_told_in_words(beside, environ, tmp_path):
    with beside():
        other = {**environ, "PAIRING_DATA_DIR": str(tmp_path / "other")}
        status, output = Process(other, "serve").end()

    assert status == 2
    assert "address already in use" in output.lower()
    assert "Traceback" not in output


def test_each_log_line_is_json_and_answers_carry_the_request_id(serving, base_url):
    async def ask():
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{base_url}/phone/credential") as answer,
        ):
            return answer.headers["X-Request-Id"]

    with serving() as server:
        request_id = asyncio.run(ask())
        _, output = server.stop(signal.SIGINT)

    lines = [json.loads(line) for line in output.splitlines()]
    refused = [line for line in lines if line.get("request_id") == request_id]
    assert [line["event"] for line in refused] == ["refused", "answered"]


def test_the_data_directory_is_the_owners_alone(beside, environ):
    with beside():
        data = Path(environ["PAIRING_DATA_DIR"])
        assert data.stat().st_mode & 0o077 == 0
        assert (data / "seal.key").stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("jwks_file")
async def test_no_log_line_tells_where_a_phone_is_woken_or_by_what_key(
    serving, base_url, command, register, client_key, tmp_path
):
    arrivals = asyncio.Queue()
    async with push_simulator(tmp_path / "push", also=arrivals.put_nowait) as services:
        services.fcm.journal.behaviours[DEAD] = fcm.UNREGISTERED
        subscription = services.webpush.subscribe()
        given = {f"PAIRING_{name.upper()}": value for name, value in services.settings.items()}
        with ExitStack() as stack:
            opened = serving(**given, PAIRING_LOG_LEVEL="debug")
            server = await asyncio.to_thread(stack.enter_context, opened)
            state = await bind(base_url, register.card(HOLDER))
            added = (
                "client",
                "add",
                "HIS",
                "--ura",
                HOLDER.ura,
                "--jwks",
                tmp_path / "client.jwks.json",
            )
            _, output = await asyncio.to_thread(command, *added)
            async with aiohttp.ClientSession() as http:
                workstation = Workstation(http, base_url, output.strip(), client_key)
                phone = SoftwarePhone.from_json(http, state)
                for address in (
                    {"service": "apns", "token": ALIVE},
                    {"service": "webpush", "subscription": subscription},
                    {"service": "fcm", "token": DEAD},
                ):
                    await phone.register_push(address)
                    context = {"workstation_id": address["service"]}
                    hint = f"uzi:{HOLDER.uzi_number}"
                    await workstation.start(hint, ura=HOLDER.ura, request_context=context)
                    arrival = await asyncio.wait_for(arrivals.get(), 20)
                    assert arrival.service == address["service"]
            _, printed = await asyncio.to_thread(server.stop)
        keys = (services.directory / "apns.p8", services.directory / "service-account.json")
        secrets = {ALIVE, DEAD, *services.apns.provider.tokens, *services.fcm._issued}
        secrets |= {subscription["endpoint"].rpartition("/")[2], *subscription["keys"].values()}
        secrets |= {word for key in keys for word in re.findall(r"[\w+/]{60,}", key.read_text())}

    assert "push address rejected" in printed
    assert len(secrets) > 10
    assert {secret for secret in secrets if secret in printed} == set()
