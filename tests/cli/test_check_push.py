"""What `pairing-server check` says of push, with services on loopback."""

import asyncio
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clients.push_simulator import fcm
from clients.push_simulator.apns import ApnsSimulator
from clients.push_simulator.apns_request import Provider
from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.fcm import FcmService
from clients.push_simulator.webpush import WebPushService
from pairing_server.clock import utc_now
from pairing_server.push.places import _known
from tests.house import free_port
from tests.push.apns_harness import KEY_ID, TEAM_ID, TOPIC
from tests.push.connect_proxy import running_proxy
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


@pytest.fixture
async def apns(tmp_path, monkeypatch, authority):
    """Set up APNs on loopback, as the operator of its key does."""
    key = ec.generate_private_key(ec.SECP256R1())
    provider = Provider(TEAM_ID, {KEY_ID: key.public_key()}, frozenset({TOPIC}))
    file = tmp_path / "apns.p8"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    async with ApnsSimulator(provider, authority.context(("h2",))) as running:
        running.phones = set()
        for name, value in {
            "KEY_FILE": file,
            "KEY_ID": KEY_ID,
            "TEAM_ID": TEAM_ID,
            "TOPIC": TOPIC,
            "URL": running.url,
        }.items():
            monkeypatch.setenv(f"PAIRING_APNS_{name}", str(value))
        yield running


async def test_apns_would_take_wake_ups_and_wakes_nobody(command, apns):
    status, output = await asyncio.to_thread(command, "check")
    assert (status, "APNs would take wake-ups." in output) == (0, True)
    assert not [arrival for arrival in apns.journal.arrivals if arrival.is_taken]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("APNS_TEAM_ID", "TEAM000000", "APNs does not believe the key: see that"),
        ("APNS_KEY_ID", "KEY0000000", "PAIRING_APNS_TEAM_ID belong together"),
        ("APNS_TOPIC", "nl.example.other", "is it the bundle id of an app of"),
        ("APNS_URL", "https://localhost:{free_port}", "APNs cannot be reached: let"),
        ("EGRESS_PROXY", "http://localhost:{free_port}", "cannot be reached through the proxy"),
        ("PUSH_CA_FILE", "", "APNs shows a certificate that is not believed"),
    ],
)
async def test_a_mistake_with_apns_is_told_by_what_to_do(
    command, apns, monkeypatch, name, value, said
):
    monkeypatch.setenv(f"PAIRING_{name}", value.format(free_port=free_port()))
    status, output = await asyncio.to_thread(command, "check")
    assert status == 1
    assert said in " ".join(output.split())


@pytest.mark.parametrize(("off", "said"), [(2, "clock is slow"), (-2, "clock is not fast")])
async def test_a_clock_that_apns_does_not_believe_is_told(command, apns, off, said):
    apns.clock = lambda: utc_now() + timedelta(hours=off)
    status, output = await asyncio.to_thread(command, "check")
    assert status == 1
    assert said in " ".join(output.split())


async def test_a_proxy_that_asks_for_another_password_is_told_without_it(
    command, apns, monkeypatch
):
    async with running_proxy() as proxy:
        monkeypatch.setenv("PAIRING_EGRESS_PROXY", proxy.url("s3cret-of-the-proxy"))
        status, output = await asyncio.to_thread(command, "check")
    assert status == 1
    assert "APNs cannot be reached through the proxy" in output
    assert "s3cret" not in output
