"""What the settings make of push, and what is said of files that are not as they should be."""

import json
import secrets
from datetime import timedelta

import pytest

from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.fcm import FcmService
from clients.push_simulator.webpush import WebPushService
from pairing_server.clock import utc_now
from pairing_server.push import PushAddress, PushFailedError, PushService, Wakeup
from pairing_server.push.failure import Failure
from pairing_server.push.setup import make_push
from pairing_server.push.vapid import VapidKey
from pairing_server.settings import SettingsError, load
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


def test_what_is_wrong_with_the_files_is_told_at_once(tmp_path):
    none, empty = tmp_path / "none.json", tmp_path / "ca.pem"
    empty.touch()
    with pytest.raises(SettingsError) as refused:
        made(fcm_service_account_file=none, push_ca_file=empty)
    assert refused.value.mistakes == [
        f"PAIRING_PUSH_CA_FILE: {empty} has no certificates in PEM.",
        f"PAIRING_FCM_SERVICE_ACCOUNT_FILE: {none} cannot be read: No such file or directory.",
    ]


def test_an_authority_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SettingsError) as refused:
        made(push_ca_file=tmp_path / "none.pem")
    (mistake,) = refused.value.mistakes
    assert mistake.endswith("No such file or directory.")
