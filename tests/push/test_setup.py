"""What the settings make of push, and what is said of files that are not as they should be."""

import contextlib
import json
import secrets
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clients.push_simulator.apns import ApnsSimulator
from clients.push_simulator.apns_request import Provider
from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.fcm import FcmService
from clients.push_simulator.webpush import WebPushService
from pairing_server.clock import utc_now
from pairing_server.push import PushAddress, PushFailedError, PushService, Wakeup
from pairing_server.push.failure import Failure
from pairing_server.push.setup import make_push
from pairing_server.push.vapid import VapidKey
from pairing_server.settings import SettingsError, load
from tests.push.apns_harness import KEY_ID, TEAM_ID, TOPIC
from tests.push.fcm_harness import KEY

SECRET = secrets.token_bytes(32)
CONTACT = "mailto:push@hospital.example.nl"
LOOPBACK = "127.0.0.0/8,::1/128"


def made(**environ):
    settings = load({f"PAIRING_{name.upper()}": str(value) for name, value in environ.items()})
    return make_push(settings, SECRET, utc_now, secrets.token_bytes)


@pytest.fixture
def wakeup():
    return Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", utc_now() + timedelta(minutes=2))


@pytest.fixture
def authority(tmp_path):
    authority = LoopbackAuthority.create()
    authority_file = tmp_path / "ca.pem"
    authority_file.write_bytes(authority.pem)
    return authority, authority_file


@pytest.fixture
async def fcm(authority):
    async with FcmService(key=KEY).running(authority[0].context()) as service:
        yield service


@pytest.fixture
def account_file(tmp_path, fcm):
    file = tmp_path / "account.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(fcm.account()))
    return file


def test_nothing_is_set_up_by_itself():
    push = made()
    assert (dict(push.senders), push.vapid_public_key) == ({}, "")


async def test_fcm_is_called_where_and_as_the_settings_say(fcm, account_file, authority, wakeup):
    push = made(
        fcm_service_account_file=account_file,
        fcm_url=fcm.url,
        egress_inside=LOOPBACK,
        push_ca_file=authority[1],
    )
    assert set(push.senders) == {PushService.FCM}
    sender = push.senders[PushService.FCM]
    await sender.send(PushAddress(PushService.FCM, "t" * 100), wakeup)
    assert [arrival.address for arrival in fcm.journal.arrivals] == ["t" * 100]
    await sender.close()


@pytest.mark.parametrize(
    ("left_out", "code"),
    [("push_ca_file", Failure.TLS), ("egress_inside", Failure.FORBIDDEN)],
)
async def test_nothing_is_believed_or_called_that_the_settings_do_not_name(
    fcm, account_file, authority, wakeup, left_out, code
):
    settings = {"egress_inside": LOOPBACK, "push_ca_file": authority[1]}
    del settings[left_out]
    push = made(fcm_service_account_file=account_file, fcm_url=fcm.url, **settings)
    sender = push.senders[PushService.FCM]
    with pytest.raises(PushFailedError) as failed:
        await sender.send(PushAddress(PushService.FCM, "t" * 100), wakeup)
    assert failed.value.code == code
    await sender.close()


async def test_a_proxy_is_gone_through(fcm, account_file, authority, wakeup, unused_tcp_port):
    push = made(
        fcm_service_account_file=account_file,
        fcm_url=fcm.url,
        push_ca_file=authority[1],
        egress_proxy=f"http://localhost:{unused_tcp_port}",
    )
    sender = push.senders[PushService.FCM]
    with pytest.raises(PushFailedError) as failed:
        await sender.send(PushAddress(PushService.FCM, "t" * 100), wakeup)
    assert failed.value.code == Failure.PROXY
    await sender.close()


async def test_web_push_is_sent_with_the_installations_key_to_allowed_hosts(authority, wakeup):
    async with WebPushService().running(authority[0].context()) as service:
        push = made(
            webpush_contact=CONTACT,
            push_hosts=service.origin.removeprefix("https://"),
            egress_inside=LOOPBACK,
            push_ca_file=authority[1],
        )
        assert set(push.senders) == {PushService.WEBPUSH}
        assert push.vapid_public_key == VapidKey(SECRET, CONTACT).public_key
        address = PushAddress(
            PushService.WEBPUSH, json.dumps(service.subscribe(push.vapid_public_key))
        )
        push.places.check(address)
        sender = push.senders[PushService.WEBPUSH]
        await sender.send(address, wakeup)
        assert [arrival.is_taken for arrival in service.journal.arrivals] == [True]
        assert len(sender._hosts) == 4
        await sender.close()


APNS = {"apns_key_id": KEY_ID, "apns_team_id": TEAM_ID, "apns_topic": TOPIC}


async def test_apns_is_called_where_and_as_the_settings_say(tmp_path, authority, wakeup):
    key = ec.generate_private_key(ec.SECP256R1())
    key_file = tmp_path / "apns.p8"
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    provider = Provider(TEAM_ID, {KEY_ID: key.public_key()}, frozenset({TOPIC}))
    async with ApnsSimulator(provider, authority[0].context(("h2",))) as service:
        push = made(
            **APNS, apns_key_file=key_file, apns_url=service.url, push_ca_file=authority[1]
        )
        assert set(push.senders) == {PushService.APNS}
        async with contextlib.asynccontextmanager(push.warming)(None):
            sender = push.senders[PushService.APNS]
            await sender.send(PushAddress(PushService.APNS, "ab" * 32), wakeup)
        assert [arrival.is_taken for arrival in service.journal.arrivals] == [True]
        await sender.close()


async def test_there_is_nothing_to_warm_where_nothing_is_set_up():
    async with contextlib.asynccontextmanager(made().warming)(None):
        pass


def test_what_is_wrong_with_the_files_is_told_at_once(tmp_path):
    none, key_file = tmp_path / "none.json", tmp_path / "apns.p8"
    key_file.touch()
    with pytest.raises(SettingsError) as refused:
        made(**APNS, apns_key_file=key_file, fcm_service_account_file=none)
    assert refused.value.mistakes == [
        f"PAIRING_APNS_KEY_FILE: {key_file} is no private key in PEM without a password.",
        f"PAIRING_FCM_SERVICE_ACCOUNT_FILE: {none} cannot be read: No such file or directory.",
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [("none.pem", "cannot be read: No such file or directory"), ("", "has no certificates")],
)
def test_an_authority_file_that_is_none_is_told(tmp_path, name, told):
    empty = tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(SettingsError) as refused:
        made(push_ca_file=tmp_path / name if name else empty)
    (mistake,) = refused.value.mistakes
    assert told in mistake
