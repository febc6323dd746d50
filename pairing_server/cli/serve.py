"""`pairing-server serve`."""

import asyncio
import gc
import signal

import click

from pairing_server import logs
from pairing_server.app import open_stores, running
from pairing_server.cli.running import run, with_settings
from pairing_server.settings import Settings


@click.command()
@with_settings
def serve(settings: Settings) -> None:
    """Serve phones, workstations and browsers, until SIGTERM or Ctrl-C drains it."""
    logs.configure(settings.log_level, settings.log_format)
    run(lambda: _serve(settings))


async def _serve(settings: Settings) -> None:
    stopped = stop_event()
    async with open_stores(settings) as stores, running(settings, stores):
        settle()
        await stopped.wait()


def settle() -> None:
    """Let the garbage collector pass over what is there from the start on.

    It never becomes garbage, and each time that all of it is gone over nobody is answered for a
    tenth of a second.
    """
    gc.collect()
    gc.freeze()


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped
