"""The program `zorgid-desktop`: its arguments, what it is made of, and its exit codes."""

import argparse
import asyncio
import ctypes
import os
import sys
import traceback
import webbrowser
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import aiohttp
from cryptography import x509

from clients import desktop_handler, desktop_settings
from clients.card_certificates import holder_name, showable
from clients.desktop import DesktopAgent
from clients.desktop_session import CardFile, LinkSession, Person, ProvingCard
from clients.desktop_terminal import Terminal
from clients.desktop_words import LANGUAGES, Trouble, Words, choose_language, exit_code
from clients.smartcard import Readers

_DESCRIPTION = """\
Proves a UZI card to the server of a page: opens a link zorgid://session?..., shows what is asked
and by whom, asks the PIN, signs, and opens the browser to go on."""
_WHAT = """\
a link zorgid://session?...; or register (open such links with this program and these options
from now on), unregister, cards (show what is in the readers, for a help desk)"""

#: A pipe to a program that collects crashes is no file, which the limit does not count.
_PR_SET_DUMPABLE = 4


class Screen(Person, Protocol):
    """Where the person is asked: a window, or a terminal."""

    def run(self, work: Callable[[], int]) -> int:
        """Do the work beside the screen, and return its exit code."""

    def tell(self, sentence: str) -> None:
        """Say what it ended with."""

    def done(self, text: str) -> None:
        """Say that the browser goes on."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code (docs/desktop-agent.md)."""
    options = _parser().parse_args(arguments)
    words = Words(choose_language(options.language, os.environ))
    try:
        settings = desktop_settings.load(os.environ)
        words = Words(choose_language(options.language or settings.language, os.environ))
        match options.what:
            case "register":
                file = desktop_handler.register(os.environ, Path(sys.argv[0]), _kept(options))
                _print(words.word("registered", file=str(file)))
            case "unregister":
                desktop_handler.unregister(os.environ)
                _print(words.word("unregistered"))
            case "cards":
                _show_cards(options.module or settings.module, words)
            case link:
                return _handle(link, options, settings, words)
    except Trouble as trouble:
        sys.stderr.write(f"{words.sentence(trouble)}\n")
        return exit_code(trouble)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("zorgid-desktop", description=_DESCRIPTION)
    parser.add_argument("what", help=_WHAT)
    parser.add_argument("--module", type=Path, help="PKCS#11 library of the card")
    parser.add_argument("--pkcs12", type=Path, help="a file in the place of a card, for tests")
    parser.add_argument("--language", choices=LANGUAGES, default="", help="by default as LANG")
    return parser


def _kept(options: argparse.Namespace) -> list[str]:
    """Return the options for each link that is opened; a link is opened in any directory."""
    kept = []
    if options.module is not None:
        kept += ["--module", str(options.module.absolute())]
    if options.pkcs12 is not None:
        kept += ["--pkcs12", str(options.pkcs12.absolute())]
    if options.language:
        kept += ["--language", options.language]
    return kept


def _handle(
    link: str,
    options: argparse.Namespace,
    settings: desktop_settings.DesktopSettings,
    words: Words,
) -> int:
    _leave_no_core()
    screen = _screen(words)

    def work() -> int:
        try:
            asyncio.run(_one_session(link, options, settings, words, screen))
        except (Trouble, KeyboardInterrupt) as stopped:
            trouble = stopped if isinstance(stopped, Trouble) else Trouble("declined")
        except Exception:  # noqa: BLE001 - whatever it is, somebody waits before a window.
            traceback.print_exc()
            trouble = Trouble("fault")
        else:
            screen.done(words.word("done"))
            return 0
        if not trouble.told:
            screen.tell(words.sentence(trouble))
        return exit_code(trouble)

    return screen.run(work)


def _leave_no_core() -> None:
    """Keep the PIN from what a crash writes to disk: the card's software is not ours.

    On Linux also from a program of the same person that would look into this one (prctl(2)).
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows.

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


async def _one_session(
    link: str,
    options: argparse.Namespace,
    settings: desktop_settings.DesktopSettings,
    words: Words,
    screen: Screen,
) -> None:
    def confirm_server(server: str) -> bool:
        if not screen.confirm(words.word("first_server", server=server)):
            return False
        desktop_settings.remember(server, os.environ)
        return True

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        agent = DesktopAgent(http, settings.servers, confirm_server, language=words.language)
        if options.pkcs12 is not None:
            cards: list[ProvingCard] = [CardFile(options.pkcs12)]
            await LinkSession(agent, screen, words, lambda: cards, webbrowser.open).handle(link)
            return
        with Readers(options.module or settings.module) as readers:
            await LinkSession(agent, screen, words, readers.cards, webbrowser.open).handle(link)


def _screen(words: Words) -> Screen:
    """Open a window where there is a display and Tk, else use the terminal."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        return Terminal(words)
    try:
        from clients.desktop_window import open_window  # noqa: PLC0415 - not in every Python.
    except ImportError:
        return Terminal(words)
    return open_window(words) or Terminal(words)


def _show_cards(module: Path | None, words: Words) -> None:
    with Readers(module) as readers:
        described = readers.description
        _print(words.word("module", module=str(readers.module), description=described))
        seen = list(readers.seen())
        for reader in seen:
            _print(words.word("reader", reader=showable(reader.reader)))
            if not reader.token:
                _print(words.word("empty_reader"))
                continue
            state = words.word(f"pin_state_{reader.pin}")
            _print(words.word("token", token=showable(reader.token), pin=state))
            for certificate in reader.certificates:
                _print(_line(certificate, words, chosen=certificate == reader.authentication))
            if not reader.certificates:
                _print(words.word("no_certificates"))
    if not seen:
        raise Trouble("no_reader")


def _line(certificate: x509.Certificate, words: Words, *, chosen: bool) -> str:
    return words.word(
        "certificate",
        subject=holder_name(certificate),
        issuer=showable(certificate.issuer.rfc4514_string()),
        since=_day(certificate.not_valid_before_utc),
        until=_day(certificate.not_valid_after_utc),
        chosen=words.word("chosen") if chosen else "",
    )


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
