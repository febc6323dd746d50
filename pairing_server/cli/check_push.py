"""What `pairing-server check` says of push: who is set up, and what each service makes of it."""

import asyncio
import secrets

from pairing_server.clock import utc_now
from pairing_server.push import PushSender, PushService
from pairing_server.push.setup import make_push
from pairing_server.push.words import NAMES
from pairing_server.settings import Settings, SettingsError

#: What a check sends is signed with no key of an installation.
_NO_SECRET = bytes(32)


async def examine_push(settings: Settings, mistakes: list[str], remarks: list[str]) -> None:
    """Ask each service that is set up; nobody is woken."""
    try:
        push = make_push(settings, _NO_SECRET, utc_now, secrets.token_bytes)
    except SettingsError as error:
        mistakes.extend(error.mistakes)
        return
    if not push.senders:
        remarks.append("No push service is set up: phones learn of requests by waiting.")
        return
    told = await asyncio.gather(*map(_examine, push.senders.values()))
    for service, said in zip(push.senders, told, strict=True):
        if not said:
            remarks.append(f"{_NAMES[service]} would take wake-ups.")
        mistakes.extend(said)
    if settings.push_hosts:
        hosts = ", ".join(settings.push_hosts)
        remarks.append(f"Push servers that phones may name besides the browsers': {hosts}.")


_NAMES = {**NAMES, PushService.WEBPUSH: "Each push server of the browsers"}


async def _examine(sender: PushSender) -> list[str]:
    try:
        return await sender.check()
    finally:
        await sender.close()
