"""One Chromium for most browser tests, and for each a server and a desk to sit down at.

Playwright lives on one event loop.  So these tests, their stores and their servers share the
session's, where the rest of the suite has a loop for each test.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from clients.card_profile import Holder
from tests import house as houses
from tests import valkey
from tests.browser.camera import hold_up
from tests.browser.chromium import CAMERA_FLAGS, FLAGS, chromium_path, shell_path
from tests.browser.desk import Desk, Screen
from tests.browser.handset import HANDSET, Handset
from tests.desktop_agent import prove
from tests.documents import ROOT
from tests.softhsm import PIN, Readers

HERE = Path(__file__).parent
#: What failed tests leave behind; Git ignores it.
REMAINS = ROOT / "build" / "browser"
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let all of them share the session's loop and one browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def on_the_sessions_loop(fixture: Any) -> Any:
    """Make a twin of a fixture: the loop is noted on its function, which others go on using."""
    made = fixture.__wrapped__
    twin = FunctionType(made.__code__, made.__globals__, made.__name__, made.__defaults__)
    return pytest_asyncio.fixture(loop_scope="session")(twin)


store = on_the_sessions_loop(valkey.store)
registry = on_the_sessions_loop(houses.registry)
stores = on_the_sessions_loop(houses.stores)
house = on_the_sessions_loop(houses.house)


@asynccontextmanager
async def started(path: str, *flags: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        # It opens our own pages alone, and containers lack what Chromium's sandbox is made of.
        browser = await playwright.chromium.launch(
            executable_path=path, args=(*FLAGS, *flags), chromium_sandbox=False
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with started(shell_path()) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def as_people_have_it() -> AsyncIterator[Browser]:
    """Start a browser that shows notifications."""
    async with started(chromium_path()) as opened:
        yield opened


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give what the camera sees, from the next time that it is opened on."""
    film = tmp_path_factory.mktemp("film") / "film.y4m"
    hold_up(film, "nothing")
    return film


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def with_camera(film: Path) -> AsyncIterator[Browser]:
    """Start a browser whose camera sees the film."""
    filmed = f"--use-file-for-fake-video-capture={film}"
    async with started(shell_path(), *CAMERA_FLAGS, filmed) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def sit_down(
    browser: Browser, request: pytest.FixtureRequest
) -> AsyncIterator[Callable[..., Any]]:
    """Open a desk: `desk = await sit_down(house, Screen(...))`, a browser profile of its own.

    In the end every desk must have seen nothing that no page may do; a failed test leaves the
    screen and Playwright's trace of each.
    """
    desks: list[Desk] = []
    async with AsyncExitStack() as stack:

        async def sit(
            house: houses.House,
            screen: Screen | None = None,
            kind: type[Desk] = Desk,
            chromium: Browser = browser,
            **options: Any,
        ) -> Desk:
            context = await chromium.new_context(
                **(screen or Screen()).options(), base_url=house.base_url, **options
            )
            stack.push_async_callback(context.close)
            await context.tracing.start(snapshots=True)

            async def agent(uri: str) -> str:
                return await house.agent().prove(uri, house.register.card(house.holder))

            desk = kind(house, context, screen or Screen(), await context.new_page(), agent)
            desks.append(desk)
            return desk

        yield sit
        failed = request.node.stash.get(FAILED, False)
        wrong = [each for desk in desks for each in desk.wrong]
        folder = REMAINS / request.node.name
        for number, desk in enumerate(desks):
            if failed or wrong:
                await desk.leave_behind(folder / str(number))
    assert not wrong, "\n".join(wrong)


@pytest_asyncio.fixture(loop_scope="session")
async def pick_up(sit_down: Callable[..., Any]) -> Callable[..., Any]:
    """Switch a phone on: `handset = await pick_up(house)`, with its own browser and keys.

    The app keeps its files only where a test says that it `keeps` them.
    """

    async def pick(
        house: houses.House, screen: Screen = HANDSET, *, keeps: bool = False, **options: Any
    ) -> Handset:
        handset = await sit_down(house, screen, kind=Handset, **options)
        if not keeps:
            await handset.context.add_init_script("delete Navigator.prototype.serviceWorker")
        await handset.switch_on()
        return handset

    return pick


@pytest.fixture(scope="session")
def uzi_pas(register, tmp_path_factory) -> Readers:
    """Put the UZI-pas of the house's holder in a reader: a SoftHSM2 token laid out like one."""
    issued = register.ca.issue(Holder(), datetime.now(UTC))
    return Readers(tmp_path_factory.mktemp("readers")).insert(issued)


@pytest.fixture
def reader(uzi_pas: Readers, tmp_path: Path) -> Callable[[str], Any]:
    """Run the installed desktop agent on that card, as a child process on a terminal."""

    async def agent(uri: str) -> str:
        return await prove(uri, uzi_pas, PIN, tmp_path / "home")

    return agent
