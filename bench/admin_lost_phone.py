"""How fast a cut-off takes: `python -m bench.admin_lost_phone [rounds]`.

A server of its own with SQLite and the embedded Valkey.  In each round somebody waits at a
workstation, an administrator presses "Block at all organisations", and two moments are taken from
that press on: until the workstation hears "revoked", and until the phone's next approval is
refused, which is tried as soon as the press was answered.  Then the phone is made active again.
"""

import asyncio
import secrets
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import uvloop

from bench import results
from clients.test_ca import KeyKind, Style, UziTestCa
from clients.wire import WireError
from pairing_server import logs
from pairing_server.app import open_stores
from pairing_server.clock import utc_now
from pairing_server.ports import Ports
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import at_work, id_of
from tests.approvals.desk import Desk
from tests.house import UNLIMITED, House, Register, house_settings, opened_house
from tests.pages.visitor import Visitor

ROUNDS = 200


async def main(rounds: int) -> None:
    """Measure, and keep what was measured."""
    logs.configure("error", "json")
    with tempfile.TemporaryDirectory() as directory:
        found = await measure(Path(directory), rounds)
    results.keep("admin_lost_phone", found)
    for name, measured in found.items():
        print(f"{name:32} {measured}")


async def measure(directory: Path, rounds: int) -> dict[str, object]:
    """Run all rounds.  Returns the figures, in milliseconds."""
    register = register_in(directory)
    settings = house_settings(register, directory / "data", log_level="error")
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings))
        ports = Ports(stores.registry, stores.store, utc_now, secrets.token_bytes)
        house = await stack.enter_async_context(
            opened_house(settings, stores, ports, register, UNLIMITED)
        )
        desk = await seated(house)
        staff = await at_work(house, AdministrativeRole.ADMINISTRATOR)
        times = [await one(house, desk, staff) for _ in range(rounds)]
    heard, refused, answered = (sorted(each) for each in zip(*times, strict=True))
    return {
        "rounds": rounds,
        "click_to_workstation_told_ms": of(heard),
        "click_to_approval_refused_ms": of(refused),
        "click_to_page_answered_ms": of(answered),
    }


def register_in(directory: Path) -> Register:
    """Make a test UZI-register."""
    now = datetime.now(UTC)
    ca = UziTestCa.create(now, Style(KeyKind.P_256))
    made = Register(ca, directory)
    made.crl_dir.mkdir()
    ca.write_root(made.root)
    for name, authority in {"Z": ca.issuing("Z"), "2": ca.level_2, "root": ca.root}.items():
        (made.crl_dir / f"{name}.crl").write_bytes(authority.revocation_list(now))
    return made


async def seated(house: House) -> Desk:
    """Let somebody have a phone and a workstation."""
    phone = await house.bind()
    return Desk(house, phone, await house.workstation(), house.client_id)


async def one(house: House, desk: Desk, staff: Visitor) -> tuple[float, float, float]:
    """Block once.  Returns when the workstation heard, the approval was refused, the page came."""
    person = await id_of(house, house.holder)
    started, request = await desk.ask()
    waiting = asyncio.create_task(desk.outcome(started, wait=20))
    await asyncio.sleep(0.05)
    path = f"/admin/people/{person}/phones/{desk.phone.credential_id}/block"
    clicked = time.perf_counter()
    heard = asyncio.create_task(moment_of(waiting, clicked))
    sent = await staff.post(path)
    answered = time.perf_counter() - clicked
    if sent.status != HTTPStatus.SEE_OTHER:
        raise RuntimeError(sent.text)
    try:
        await desk.phone.approve(request, started.binding_code)
    except WireError as error:
        refused = time.perf_counter() - clicked
        if error.error != "phone_blocked":
            raise
    else:
        raise RuntimeError("a blocked phone approved")
    told = await heard
    await desk.unblock()
    return told, refused, answered


async def moment_of(waiting: asyncio.Task[str], clicked: float) -> float:
    """Return when the workstation heard that the phone was cut off."""
    if await waiting != "revoked":
        raise RuntimeError(waiting.result())
    return time.perf_counter() - clicked


def of(seconds: list[float]) -> dict[str, float]:
    """Return the middle and the slow end of sorted times, in milliseconds."""
    at = {"p50": 0.5, "p99": 0.99}
    last = len(seconds) - 1
    return {name: round(seconds[round(last * part)] * 1000, 1) for name, part in at.items()}


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
