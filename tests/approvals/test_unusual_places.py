"""Whichever way somebody logs in, at a workstation that is new to them it is told in the log."""

import json
from contextlib import aclosing

import pytest

from tests.oidc.browser import PAGE, LoginPage
from tests.oidc.client import BareClient
from tests.pages.visitor import visitor
from tests.xis.client import Xis


def context(place):
    return {"workstation_id": place, "workstation": place, "location": "Polikliniek"}


class Ways:
    """Every way of logging in, each at a workstation that is named."""

    def __init__(self, desk):
        self._desk = desk
        self._browsers, self._program = {}, None

    async def ciba(self, place):
        await self._desk.approved(request_context=context(place))

    async def device(self, place):
        workstation = self._desk.workstation
        started = await workstation.start_for_whoever_scans(request_context=context(place))
        async with aclosing(workstation.frames(started)) as frames:
            shown = await anext(frames)
        phone = self._desk.phone
        await phone.approve(await phone.get(await phone.scan_login(shown.link)), "")

    async def xis(self, place):
        desk = self._desk
        xis = Xis(desk, desk.client_id, desk.house.client_key)
        await xis.opened(WorkstationId=place, Workstation=place)

    async def page(self, place):
        house = self._desk.house
        if not self._browsers:
            await house.workstation("EPD", redirect_uris=(PAGE,))
            self._program = BareClient(house, house.client_id, house.client_key)
        known = self._browsers.setdefault(place, await visitor(house))
        again = LoginPage(house, self._program, known)
        await (await again.open()).approve(self._desk.phone)
        await again.answer()


@pytest.fixture
def ways(desk):
    return Ways(desk)


@pytest.fixture
def new_places(desk):
    async def told():
        events = await desk.house.events()
        return [
            json.loads(each["evidence"])
            for each in events
            if each["action"] == "WorkstationFirstUsed"
        ]

    return told


WAYS = ("ciba", "device", "page", "xis")


@pytest.mark.parametrize("way", WAYS)
async def test_the_first_login_ever_is_nothing_unusual(ways, new_places, way):
    await getattr(ways, way)("Balie 1")

    assert await new_places() == []


@pytest.mark.parametrize("way", WAYS)
async def test_a_workstation_that_is_new_to_somebody_is_told_once(ways, new_places, way):
    log_in = getattr(ways, way)
    await log_in("Balie 1")
    await log_in("Balie 2")

    (told,) = await new_places()
    assert told["workstation_id"]
    await log_in("Balie 2")
    await log_in("Balie 1")
    assert len(await new_places()) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_who_has_logged_in_in_another_way_is_elsewhere_in_this_one(ways, new_places, way):
    other = {"ciba": "xis"}.get(way, "ciba")
    await getattr(ways, other)("Balie 1")
    await getattr(ways, way)("Balie 2")

    assert len(await new_places()) == 1
