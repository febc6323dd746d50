"""What `pairing-server check` says of push, with services on loopback."""

import asyncio
import json

import pytest

from clients.push_simulator import fcm
from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.fcm import FcmService
from clients.push_simulator.webpush import WebPushService
from pairing_server.push.places import _known
from tests.push.fcm_harness import ANOTHER_KEY, KEY

LOOPBACK = "127.0.0.0/8,::1/128"


@pytest.fixture
def authority(tmp_path, monkeypatch):
    authority = LoopbackAuthority.create()
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.pem)
    monkeypatch.setenv("PAIRING_PUSH_CA_FILE", str(file))
    monkeypatch.setenv("PAIRING_EGRESS_INSIDE", LOOPBACK)
    return authority


@pytest.fixture
async def service(authority):
    async with FcmService(key=KEY).running(authority.context()) as running:
        yield running


@pytest.fixture
def set_up(tmp_path, monkeypatch):
    def set_up(service, key=None):
        file = tmp_path / "account.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(service.account(key)))
        monkeypatch.setenv("PAIRING_FCM_SERVICE_ACCOUNT_FILE", str(file))
        monkeypatch.setenv("PAIRING_FCM_URL", service.url)

    return set_up


async def test_a_service_that_would_take_wake_ups_is_named_and_nobody_woken(
    command, service, set_up
):
    set_up(service)
    status, output = await asyncio.to_thread(command, "check")
    assert (status, "FCM would take wake-ups." in output) == (0, True)
    assert not [arrival for arrival in service.journal.arrivals if arrival.is_taken]


async def test_a_key_that_is_not_believed_is_a_mistake(command, service, set_up):
    set_up(service, ANOTHER_KEY)
    status, output = await asyncio.to_thread(command, "check")
    assert status == 1
    assert " ! FCM does not believe the key of PAIRING_FCM_SERVICE_ACCOUNT_FILE" in output


async def test_a_project_that_lets_nobody_send_is_a_mistake(command, service, set_up):
    set_up(service)
    service.journal.behaviours["nobody"] = fcm.PERMISSION_DENIED
    status, output = await asyncio.to_thread(command, "check")
    assert status == 1
    assert " ! FCM does not let the account send" in output


def test_a_file_that_is_not_there_is_a_mistake(command, monkeypatch):
    monkeypatch.setenv("PAIRING_FCM_SERVICE_ACCOUNT_FILE", "/no/such/file")
    status, output = command("check")
    assert status == 1
    assert " ! PAIRING_FCM_SERVICE_ACCOUNT_FILE: /no/such/file cannot be read" in output


async def test_each_push_server_of_the_web_is_asked(command, authority, monkeypatch):
    monkeypatch.setattr(_known(), "hosts", [])
    async with WebPushService().running(authority.context()) as service:
        monkeypatch.setenv("PAIRING_WEBPUSH_CONTACT", "mailto:push@hospital.example.nl")
        monkeypatch.setenv("PAIRING_PUSH_HOSTS", service.origin.removeprefix("https://"))
        status, output = await asyncio.to_thread(command, "check")
        assert status == 0
        assert "Each push server of the browsers would take wake-ups." in output
        assert f"may name besides the browsers': {service.origin[8:]}." in output
    status, output = await asyncio.to_thread(command, "check")
    assert status == 1
    assert f" ! {service.origin[8:]} cannot be reached" in output


def test_without_a_service_phones_wait(command):
    status, output = command("check")
    assert (status, "No push service is set up" in output) == (0, True)
