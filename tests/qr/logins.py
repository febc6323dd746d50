"""A login that is open at a workstation, and the server's own steps with its QR code."""

from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

from clients.phone import SoftwarePhone
from pairing_server.approvals.scan import ScanFlow
from pairing_server.keys.flow import BoundPhone, PhoneFlow
from pairing_server.ports import Ports
from pairing_server.qr.login import LoginQrFlow, Shown
from tests.approvals.desk import Desk

SECOND = timedelta(seconds=1)


def login_flow(desk: Desk, store=None) -> LoginQrFlow:
    """The server's own steps, on a Store that does what a test wants."""
    ports = desk.house.ports
    ports = Ports(ports.registry, store or ports.store, ports.clock, ports.random)
    return LoginQrFlow(ports, ScanFlow(ports), base_url=desk.house.base_url)


async def frame(flow: LoginQrFlow, started) -> str:
    """What the workstation shows at this moment."""
    login = await flow.login(started.auth_req_id)
    async with aclosing(flow.frames(started.auth_req_id, login)) as frames:
        async for shown in frames:
            assert isinstance(shown, Shown)
            return shown.link
    raise AssertionError("nothing is shown")


async def bound(desk: Desk, phone: SoftwarePhone | None = None) -> BoundPhone:
    """A phone as the server sees it once it has shown its device token."""
    if phone is None:
        return await desk.bound()
    phones = PhoneFlow(desk.house.ports, desk._rp(), desk.house.phone_status())
    return await phones.authenticate(phone.device_token)


async def second_phone(desk: Desk) -> SoftwarePhone:
    """Another phone of the same person."""
    return await desk.house.bind(await desk.house.logged_in())


async def stranger(desk: Desk) -> SoftwarePhone:
    """A colleague's phone."""
    colleague = replace(desk.house.holder, uzi_number="900000777", first_names="Bo")
    return await desk.house.bind(await desk.house.registered(colleague))
