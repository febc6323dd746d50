"""`zorgid-login` as a developer runs it: in this process, or on a terminal of its own."""

import asyncio
import sysconfig
from contextlib import asynccontextmanager
from pathlib import Path

from clients.login_command import run
from tests.desktop_agent import desktop
from tests.documents import ROOT
from tests.software_phone import Told

PROGRAM = Path(sysconfig.get_path("scripts")) / "zorgid-login"


async def logged_in(*arguments):
    """Run it to its end."""
    return await Told().run(*arguments, program=run)


@asynccontextmanager
async def logging_in(*arguments):
    """Run it beside the block, and to its end."""
    told = Told()
    running = asyncio.create_task(told.run(*arguments, program=run))
    yield told
    await running


async def asked(phone):
    """Wait for the one request that is open."""
    while not (found := await phone.auth_requests(wait=10)):
        pass
    return found[0]


def on_a_terminal(home, *arguments):
    """Run the program on a terminal until the block is left."""
    around = {"LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    return desktop(arguments, home=home, program=[PROGRAM], **around)
