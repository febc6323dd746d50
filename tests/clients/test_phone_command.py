"""The software phone as a command: a screenshot in, a paired phone out."""

import asyncio
import json

import pytest
import resvg_py
from aiohttp import web

from clients.phone_command import run
from clients.portal import PortalPage


@pytest.fixture
async def page(stand_in):
    async with PortalPage(stand_in.base) as page:
        await page.start_session("login")
        yield page


@pytest.fixture
def screenshot(tmp_path):
    def take(offered):
        file = tmp_path / "screenshot.png"
        drawn = resvg_py.svg_to_bytes(
            svg_string=offered.qr_svg, width=400, dpi=96, background="#ffffff"
        )
        file.write_bytes(bytes(drawn))
        return str(file)

    return take


async def test_the_phone_of_a_screenshot_is_paired(page, screenshot, stand_in, capsys):
    offered = await page.start_pairing()

    pairing = asyncio.create_task(asyncio.to_thread(run, [screenshot(offered)]))
    assert (await page.wait_proved(offered.id)).status == "proved"
    await page.confirm(offered.id, "1234")

    assert await pairing == 0
    assert stand_in.bound is stand_in.pairings[offered.id]
    told = capsys.readouterr().out
    assert "A. Voorbeeld, Arts" in told
    assert told.endswith("Type this number at the page: 1234\nPaired.\n")


async def test_a_pairing_that_is_taken_is_told_in_words(page, screenshot, stand_in, capsys):
    offered = await page.start_pairing()
    stand_in.pairings[offered.id].secret = None

    assert await asyncio.to_thread(run, [screenshot(offered)]) == 1
    assert "Not paired: 404 not_found. Ask the page for a new QR code." in capsys.readouterr().err


async def test_a_key_for_another_server_is_not_made(page, screenshot, stand_in, capsys):
    offered = await page.start_pairing()
    scan = stand_in.scan

    async def foreign(request):
        answer = json.loads((await scan(request)).body)
        answer["public_key"]["rp"]["id"] = "elsewhere.example"
        return web.json_response(answer)

    stand_in.faults["POST", f"/phone/pairings/{offered.id}/scan"] = foreign

    assert await asyncio.to_thread(run, [screenshot(offered)]) == 1
    assert "Not paired: a key for another relying party." in capsys.readouterr().err


async def test_a_server_that_is_away_is_told_in_words(page, screenshot, stand_in, capsys):
    stand_in.base = "http://localhost:1"
    stand_in.browser = lambda _request: None
    offered = await page.start_pairing()

    assert await asyncio.to_thread(run, [screenshot(offered)]) == 1
    assert capsys.readouterr().err == "The server of the QR code cannot be reached.\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read: No such file or directory"), (b"GIF89a", "not a PNG. Take a PNG")],
)
def test_a_file_without_a_code_is_told_in_words(tmp_path, capsys, content, told):
    file = tmp_path / "screenshot.png"
    if content is not None:
        file.write_bytes(content)

    assert run([str(file)]) == 1
    assert told in capsys.readouterr().err
