"""`pairing-server push test`: one phone is woken, and the answer told in words."""

import asyncio
import json

import pytest

from clients.push_simulator import fcm, webpush
from clients.push_simulator.webpush import WebPushService
from pairing_server.clock import utc_now
from pairing_server.registry.database import open_registry
from tests.cli.test_check_push import authority, service, set_up
from tests.keys.handset import add_handset, add_person

__all__ = ["authority", "service", "set_up"]
TOKEN = "t" * 140


@pytest.fixture
def add_phone(command, environ):
    """Bind a phone beside the commands, where it is woken as a test says."""

    async def add(push_service=None, address=None):
        url = f"sqlite:///{environ['PAIRING_DATA_DIR']}/registry.sqlite3"
        registry = open_registry(url, chain="test", clock=utc_now)
        person = await add_person(registry, utc_now())
        push = {"push_service": push_service, "push_address": address}
        handset = await add_handset(registry, person, utc_now(), **push)
        await registry.close()
        return handset.credential_id

    return add


@pytest.fixture
def push_test(command):
    async def run(credential_id):
        return await asyncio.to_thread(command, "push", "test", credential_id)

    return run


async def test_a_phone_is_woken_as_for_news(add_phone, push_test, service, set_up):
    set_up(service)
    status, output = await push_test(await add_phone("fcm", TOKEN))
    assert (status, output.startswith("FCM took it")) == (0, True)
    (arrival,) = service.journal.arrivals
    assert arrival.address == TOKEN
    assert json.loads(arrival.body)["message"]["data"]["kind"] == "notice"


async def test_a_dead_token_is_told_in_words_without_the_token(
    add_phone, push_test, service, set_up
):
    set_up(service)
    service.journal.behaviours[TOKEN] = fcm.UNREGISTERED
    status, output = await push_test(await add_phone("fcm", TOKEN))
    assert (status, "knows the phone's token no more" in output) == (2, True)
    assert TOKEN not in output


async def test_a_failure_is_told_in_words(add_phone, push_test, service, set_up):
    set_up(service)
    service.journal.behaviours[TOKEN] = fcm.SENDER_ID_MISMATCH
    status, output = await push_test(await add_phone("fcm", TOKEN))
    assert (status, "another project's" in output) == (2, True)


async def test_a_push_server_is_named_and_not_the_subscription(
    add_phone, push_test, authority, monkeypatch
):
    async with WebPushService().running(authority.context()) as running:
        host = running.origin.removeprefix("https://")
        monkeypatch.setenv("PAIRING_WEBPUSH_CONTACT", "mailto:push@hospital.example.nl")
        monkeypatch.setenv("PAIRING_PUSH_HOSTS", host)
        subscription = running.subscribe()
        credential_id = await add_phone("webpush", json.dumps(subscription))
        status, output = await push_test(credential_id)
        assert (status, output.startswith(f"{host} took it")) == (0, True)
        endpoint = subscription["endpoint"]
        running.journal.behaviours[endpoint] = webpush.GONE
        status, output = await push_test(credential_id)
        assert (status, f"{host} knows the phone's subscription no more" in output) == (2, True)
        assert endpoint.rpartition("/")[2] not in output


async def test_the_installations_own_key_signs(add_phone, push_test, authority, monkeypatch):
    async with WebPushService().running(authority.context()) as running:
        monkeypatch.setenv("PAIRING_WEBPUSH_CONTACT", "mailto:push@hospital.example.nl")
        monkeypatch.setenv("PAIRING_PUSH_HOSTS", running.origin.removeprefix("https://"))
        credential_id = await add_phone("webpush", json.dumps(running.subscribe()))
        assert (await push_test(credential_id))[0] == 0
        assert (await push_test(credential_id))[0] == 0
        assert len(running.keys_seen) == 1


@pytest.mark.parametrize(
    ("push_service", "address", "told"),
    [
        (None, None, "has given no push address"),
        ("fcm", TOKEN, "see PAIRING_FCM_SERVICE_ACCOUNT_FILE"),
        ("apns", TOKEN, "see PAIRING_APNS_KEY_FILE"),
        ("webpush", "{}", "see PAIRING_WEBPUSH_CONTACT"),
    ],
)
async def test_what_keeps_a_phone_from_being_woken_is_told(
    add_phone, push_test, push_service, address, told
):
    status, output = await push_test(await add_phone(push_service, address))
    assert (status, told in output) == (2, True)


async def test_what_is_no_subscription_is_told(add_phone, push_test, monkeypatch):
    monkeypatch.setenv("PAIRING_WEBPUSH_CONTACT", "mailto:push@hospital.example.nl")
    status, output = await push_test(await add_phone("webpush", "{}"))
    assert (status, "is no subscription" in output) == (2, True)


async def test_another_services_sender_is_given_up(
    add_phone, push_test, service, set_up, monkeypatch
):
    set_up(service)
    monkeypatch.setenv("PAIRING_WEBPUSH_CONTACT", "mailto:push@hospital.example.nl")
    assert (await push_test(await add_phone("fcm", TOKEN)))[0] == 0


def test_a_phone_that_there_is_not_is_told(command):
    status, output = command("push", "test", "-unknown")
    assert (status, "there is no phone -unknown" in output) == (2, True)
