"""How long a wake-up takes, from the workstation's call on too, and while a service hangs."""

import asyncio
from collections.abc import Mapping, Sequence
from secrets import token_bytes

import aiohttp

from bench.push_bare import wakeup
from bench.push_load import Delay, at_rate, between
from bench.push_senders import senders
from bench.push_services import Phone, Services
from bench.push_ward import URA, Ward, credential
from pairing_server.clock import utc_now
from pairing_server.ports import Ports
from pairing_server.push import PushService
from pairing_server.push.dispatch import Dispatch

#: So many go ahead, unmeasured: then connections are there, and FCM's access token.
WARM = 90
#: Until what was handed over last has come.
SETTLE_SECONDS = 0.5


class _Unwritten:
    """A registry that keeps nothing: what is measured is the way out."""

    async def commit(self, _act: object) -> None:
        await asyncio.sleep(0)


async def dispatched(
    running: Services, phones: Sequence[Phone], rate: float
) -> dict[PushService, Delay]:
    """Wake phones at a rate; returns how long until each service had its part."""
    made = {phone.key: [credential(place, phone)] for place, phone in enumerate(phones)}
    async with senders(running) as own:
        ports = Ports(_Unwritten(), None, utc_now, token_bytes)  # type: ignore[arg-type]
        dispatch = Dispatch(ports, own)

        def wake(phone: Phone) -> None:
            dispatch.wake(made[phone.key], wakeup())

        await at_rate(phones[:WARM], rate, wake)
        await asyncio.sleep(SETTLE_SECONDS)
        running.received()
        due = await at_rate(phones[WARM:], rate, wake)
        await asyncio.sleep(SETTLE_SECONDS)
        received = running.received()
        await dispatch.close()
    return by_service(phones[WARM:], due, received)


async def asked(
    running: Services, opened: Ward, phones: Sequence[Phone], rate: float
) -> dict[PushService, Delay]:
    """Ask for people at a rate; returns how long from each call until the services had theirs."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as calls:
        workstation = opened.workstation(http)
        await workstation.metadata()

        async def ask(phone: Phone) -> None:
            context = {"workstation_id": opened.people[phone.key], "workstation": "Balie"}
            await workstation.start(opened.hint(phone), ura=URA, request_context=context)

        def begin(phone: Phone) -> None:
            calls.create_task(ask(phone))

        await at_rate(phones[:WARM], rate, begin)
        await asyncio.sleep(SETTLE_SECONDS)
        running.received()
        due = await at_rate(phones[WARM:], rate, begin)
    await asyncio.sleep(SETTLE_SECONDS)
    return by_service(phones[WARM:], due, running.received())


def by_service(
    phones: Sequence[Phone], due: Mapping[str, float], received: Mapping[str, float]
) -> dict[PushService, Delay]:
    """Return the delays of each service that a phone is at."""
    keys: dict[PushService, list[str]] = {}
    for phone in phones:
        keys.setdefault(phone.address.service, []).append(phone.key)
    return {
        service: between({key: due[key] for key in own}, received) for service, own in keys.items()
    }
