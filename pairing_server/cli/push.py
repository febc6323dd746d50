"""`pairing-server push`."""

import secrets
from datetime import timedelta
from urllib.parse import urlsplit

import click

from pairing_server.cli.running import TAKES_ID, Mistake, registry_only, run, with_settings
from pairing_server.clock import utc_now
from pairing_server.keys.seal import server_secret_named
from pairing_server.push import (
    PushAddress,
    PushFailedError,
    PushSender,
    PushService,
    TokenRejectedError,
    Wakeup,
    WakeupKind,
)
from pairing_server.push.setup import make_push
from pairing_server.push.subscription import MalformedSubscriptionError, read_subscription
from pairing_server.push.vapid import KEY_NAME
from pairing_server.push.words import NAMES, words
from pairing_server.registry import Registry, credentials
from pairing_server.registry.credentials import Credential
from pairing_server.settings import PREFIX, Settings
from pairing_server.tokens import new_id

#: Somebody looks at the phone.
WAKE_FOR = timedelta(minutes=1)
_SET_UP_BY = {
    PushService.APNS: "APNS_KEY_FILE",
    PushService.FCM: "FCM_SERVICE_ACCOUNT_FILE",
    PushService.WEBPUSH: "WEBPUSH_CONTACT",
}


@click.group()
def push() -> None:
    """Waking phones: whether it works."""


@push.command("test", context_settings=TAKES_ID)
@click.argument("credential_id")
@with_settings
def push_test(settings: Settings, credential_id: str) -> None:
    """Wake a phone as for news, and say what its push service answers."""
    click.echo(run(lambda: _test(settings, credential_id)))


async def _test(settings: Settings, credential_id: str) -> str:
    async with registry_only(settings) as registry:
        phone = await registry.read(lambda tx: credentials.get(tx, credential_id))
        if phone is None:
            raise Mistake(f"there is no phone {credential_id}; see `pairing-server phone list`.")
        address = _address(phone)
        sender = await _sender(settings, registry, address.service)
    wakeup = Wakeup(
        new_id(secrets.token_bytes), utc_now() + WAKE_FOR, WakeupKind.NOTICE, language="nl"
    )
    try:
        await sender.send(address, wakeup)
    except PushFailedError as error:
        raise _refused(address, error.code) from None
    except TokenRejectedError as error:
        raise _refused(address, error.code) from None
    finally:
        await sender.close()
    return (
        f"{_name(address) or NAMES[address.service]} took it: the phone shows a notice within "
        "seconds, if it has a connection and lets the app show notices."
    )


def _address(phone: Credential) -> PushAddress:
    if phone.push_service is None or phone.push_address is None:
        raise Mistake(
            "this phone has given no push address, or its push service called it dead: "
            "open the app on it with notifications allowed."
        )
    return PushAddress(PushService(phone.push_service), phone.push_address)


async def _sender(settings: Settings, registry: Registry, service: PushService) -> PushSender:
    # Imported here: what the server is made of is loaded for this command alone.
    from pairing_server.app import open_seal  # noqa: PLC0415

    seal = await open_seal(settings, registry, secrets.token_bytes)
    secret = await server_secret_named(KEY_NAME, registry, seal, utc_now, secrets.token_bytes)
    senders = make_push(settings, secret, utc_now, secrets.token_bytes).senders
    if service not in senders:
        raise Mistake(
            f"this phone is woken by {service}, which is not set up: "
            f"see {PREFIX}{_SET_UP_BY[service]}."
        )
    for other, sender in senders.items():
        if other is not service:
            await sender.close()
    return senders[service]


def _refused(address: PushAddress, code: str) -> Mistake:
    return Mistake(words(address.service, code, _name(address)))


def _name(address: PushAddress) -> str:
    """Name the one service where there are many; what follows the host is the phone's secret."""
    if address.service is not PushService.WEBPUSH:
        return ""
    try:
        return urlsplit(read_subscription(address.address).origin).netloc
    except MalformedSubscriptionError:
        return ""
