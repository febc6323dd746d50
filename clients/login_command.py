"""The program `zorgid-login`: somebody logs in at a workstation; its words and exit codes."""

import asyncio
import io
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TextIO

import msgspec

from clients.desktop_words import choose_language
from clients.id_token import Claims
from clients.login_arguments import check, parser, request_options
from clients.login_session import LoginSession
from clients.login_words import TROUBLES, Words, end_of
from clients.phone_screen import Screen
from clients.workstation import Assertion, connect

INTERRUPTED = 128 + signal.SIGINT


def run(
    arguments: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None
) -> int:
    """Run the program, and return its exit code (docs/workstation.md)."""
    described = parser()
    options = described.parse_args(arguments)
    check(options, described)
    screen = Screen(as_json=options.json, out=out, err=err)
    words = Words(choose_language(options.language, os.environ))
    try:
        assertion = asyncio.run(_log_in(options, screen, words))
    except TROUBLES as error:
        end = end_of(error)
        screen.refuse(end.code, words.end(end))
        return end.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    _tell(assertion.claims, screen, words)
    return 0


async def _log_in(options: Namespace, screen: Screen, words: Words) -> Assertion:
    asked = request_options(options)
    async with connect(
        options.issuer, options.client_id, options.key, kid=options.kid, dpop=options.dpop
    ) as workstation:
        session = LoginSession(workstation, screen, words)
        if options.who:
            started = await workstation.start(options.who, **asked)
            return await session.run(started, scan=options.qr)
        opened = await workstation.start_for_whoever_scans(**asked)
        return await session.run(opened, scan=True)


def _tell(claims: Claims, screen: Screen, words: Words) -> None:
    """Say who it is; of the tokens nothing is shown."""
    facts = (claims.uzi_number, claims.role_code, claims.organisation_name)
    who = ", ".join(filter(None, facts)) or claims.sub
    shown = msgspec.json.format(msgspec.json.encode(claims.all), indent=2).decode()
    told = [words.word("logged_in", who=who), *shown.splitlines()]
    screen.tell("logged_in", told, claims=claims.all)


def main() -> int:
    """Run `zorgid-login`, and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no block characters gets question marks, and no traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    return run()
