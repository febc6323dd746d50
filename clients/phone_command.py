"""`python -m clients.phone_command screen.png`: a phone in software, for who tries the pages."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from clients.pairing import Offer, PairingEnded
from clients.phone import SoftwarePhone
from clients.qr_image import UnreadableImage, read_png, read_qr
from clients.wire import MalformedAnswer, WireError


def run(arguments: Sequence[str] | None = None) -> int:
    """Pair with the QR code in a screenshot, and return 0, or 1 with a reason that is told."""
    parser = argparse.ArgumentParser("phone_command", description="Be paired, as a phone is.")
    parser.add_argument("screenshot", type=Path, help="a PNG of the page with the QR code")
    file = parser.parse_args(arguments).screenshot
    try:
        link = read_qr(read_png(file.read_bytes()))
    except OSError as error:
        return _ended(f"{file} cannot be read: {error.strerror}.")
    except UnreadableImage as error:
        return _ended(f"{file}: {error}. Take a PNG of the page while it shows the QR code.")
    try:
        asyncio.run(_pair(link))
    except (WireError, MalformedAnswer, PairingEnded, ValueError) as error:
        return _ended(f"Not paired: {error}. Ask the page for a new QR code.")
    except aiohttp.ClientConnectionError:
        return _ended("The server of the QR code cannot be reached.")
    _say("Paired.")
    return 0


async def _pair(link: str) -> None:
    async def show(offer: Offer) -> None:
        who = offer.identity
        _say(f"{who.name}, {who.role}, {who.organisation} (URA {who.ura})")
        _say(f"Type this number at the page: {offer.check_number}")

    async with aiohttp.ClientSession() as http:
        await SoftwarePhone(http).pair(link, show)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _ended(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(run())
