"""The program `zorgid-phone`: a phone in software, its questions and its exit codes."""

import asyncio
import io
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TextIO

import aiohttp

from clients.phone_arguments import check, parser
from clients.phone_handset import AlreadyTold, Handset, Refused
from clients.phone_screen import NobodyThere, Screen
from clients.phone_words import TROUBLES, code_of, refusal

REFUSED = 1
INTERRUPTED = 128 + signal.SIGINT


def run(
    arguments: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None
) -> int:
    """Run the program, and return its exit code (docs/software-phone.md)."""
    described = parser()
    options = described.parse_args(arguments)
    check(options, described)
    screen = Screen(as_json=options.json, out=out, err=err)
    try:
        asyncio.run(_run(options, screen))
    except (*TROUBLES, Refused) as error:
        screen.refuse(code_of(error), refusal(error))
        return REFUSED
    except NobodyThere:
        screen.refuse("no_terminal", "Nobody is there to ask: give the answer as an option.")
        return REFUSED
    except AlreadyTold:
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Who read has gone, and is not to be told; Python would try once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    return 0


async def _run(options: Namespace, screen: Screen) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        await options.task(Handset(http, options.phone, screen), options)


def main() -> int:
    """Run `zorgid-phone`, and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no é gets a question mark, and no traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    return run()
