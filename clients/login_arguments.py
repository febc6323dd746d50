"""The arguments of `zorgid-login`."""

import argparse
from pathlib import Path

import msgspec

from clients.desktop_words import LANGUAGES
from clients.started import RequestOptions
from clients.wire import origin_of

_DESCRIPTION = """\
Logs somebody in at a workstation, as an electronic health record does it: asks, shows the code or
the QR code, waits, and verifies the assertion.  docs/workstation.md tells how yours does so."""
_EPILOG = """\
Exit status: 0 logged in; 1 refused, with the reason on standard error; 2 used in a wrong way;
3 the answer is no; 4 nobody answered in time; 130 ended by Ctrl-C."""


class Demo(msgspec.Struct, frozen=True):
    """What the demo writes down for others."""

    base_url: str
    client_id: str
    client_key_file: str
    ura: str
    uzi_number: str


def parser() -> argparse.ArgumentParser:
    """Describe every option."""
    made = argparse.ArgumentParser("zorgid-login", description=_DESCRIPTION, epilog=_EPILOG)
    made.add_argument(
        "who", nargs="?", default="", help="uzi:<9 digits> or a user name; without: whoever scans"
    )
    made.add_argument("--issuer", type=_issuer, help="the server's base URL")
    made.add_argument("--client-id", help="of your software, as the operator told it")
    made.add_argument("--key", metavar="FILE", help="its private key, P-256 in PEM")
    made.add_argument("--kid", help="the key's name in the set that the server has")
    made.add_argument("--ura", help="for which organisation; 8 digits")
    made.add_argument(
        "--demo", type=_demo, metavar="FILE", help="demo.json, in the place of all those"
    )
    made.add_argument("--scan", action="store_true", help="whoever scans, even with --demo")
    made.add_argument("--workstation-id", help="how your software knows this workstation")
    made.add_argument("--workstation", help="its name, as the phone shows it")
    made.add_argument("--location", help="where it stands, as the phone shows it")
    made.add_argument("--message", help="a text for the phone, or 6 to 8 digits: the code itself")
    made.add_argument("--scope", default="openid uzi", help="by default: openid uzi")
    made.add_argument("--expires-in", type=int, metavar="SECONDS", help="at most 300")
    made.add_argument("--qr", action="store_true", help="show the QR code from the start")
    made.add_argument("--dpop", action="store_true", help="bind the tokens to a key (RFC 9449)")
    made.add_argument("--json", action="store_true", help="one JSON object a line")
    made.add_argument("--language", choices=LANGUAGES, default="", help="by default as LANG")
    return made


def check(options: argparse.Namespace, described: argparse.ArgumentParser) -> None:
    """Fill in what the demo says; end with status 2 where something is missing."""
    demo: Demo | None = options.demo
    if demo is not None:
        options.issuer = options.issuer or demo.base_url
        options.client_id = options.client_id or demo.client_id
        options.key = options.key or demo.client_key_file
        options.ura = options.ura or demo.ura
        if not options.scan:
            options.who = options.who or f"uzi:{demo.uzi_number}"
    elif options.scan and options.who:
        described.error("--scan is for whoever scans: name nobody")
    missing = [name for name in ("issuer", "client_id", "key") if not getattr(options, name)]
    if missing:
        described.error("needs " + ", ".join(f"--{name.replace('_', '-')}" for name in missing))
    if options.scan:
        options.who = ""


def request_options(options: argparse.Namespace) -> RequestOptions:
    """Return what the request says beside for whom it is."""
    named = ("workstation_id", "workstation", "location")
    context = {name: getattr(options, name) for name in named if getattr(options, name)}
    return {
        "scope": options.scope,
        "binding_message": options.message,
        "request_context": context or None,
        "ura": options.ura,
        "requested_expiry": options.expires_in,
    }


def _issuer(url: str) -> str:
    try:
        origin_of(url)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}: {url}") from error
    return url


def _demo(name: str) -> Demo:
    try:
        return msgspec.json.decode(Path(name).read_bytes(), type=Demo)
    except (OSError, msgspec.DecodeError) as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from error
