"""The phone web app's scanner, with a camera that sees a film, through the decoder that it brings.

Chromium has no `BarcodeDetector` on Linux, so that these run the decoder of browsers without one.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import expect

from clients.workstation import Started, Workstation
from tests.browser.camera import hold_up
from tests.browser.handset import LARGE


@dataclass
class Login:
    """A login at a workstation; `link` is the code that it shows at the moment."""

    workstation: Workstation
    started: Started
    link: str = ""


@pytest_asyncio.fixture(loop_scope="session")
async def handset(house, pick_up, with_camera):
    return await pick_up(house, LARGE, chromium=with_camera)


async def test_a_pairing_code_is_scanned_and_the_phone_paired(house, handset, film):
    page = await house.registered()
    offered = await page.start_pairing()
    hold_up(film, offered.link)
    await handset.open_app()
    await handset.choose("scan")
    await handset.sees("is_this_you")
    await handset.choose("yes_me")
    await handset.sees("type_number")
    await page.confirm(offered.id, await handset.check_number())

    await handset.sees("paired")


@pytest.mark.parametrize(
    ("text", "message", "values"),
    [
        ("https://example.nl/menu", "other_code_text", {}),
        ("WIFI:T:WPA;S:ward;P:x;;", "other_code_text", {}),
        (
            f"https://login.example.nl/app/#p.{'i' * 22}.{'s' * 43}",
            "code_elsewhere_short",
            {"host": "login.example.nl"},
        ),
    ],
)
async def test_any_other_code_is_refused_in_words(handset, film, text, message, values):
    hold_up(film, text)
    await handset.open_app()
    await handset.choose("scan")
    await handset.reads(message, **values)
    await handset.look()

    await handset.sees("scan")


async def test_the_camera_is_let_go_of_with_the_screen(handset, film):
    hold_up(film, "nothing")
    await handset.open_app()
    await handset.choose("scan")
    video = handset.page.locator("video")
    await expect(video).to_have_js_property("videoWidth", 640)
    track = await video.evaluate_handle("video => video.srcObject.getTracks()[0]")
    assert await track.evaluate("track => track.readyState") == "live"

    await handset.choose("back")
    await handset.sees("welcome")

    assert await track.evaluate("track => track.readyState") == "ended"


async def test_a_camera_that_is_not_allowed_is_said_to_be(house, handset):
    await handset.context.add_init_script(
        "MediaDevices.prototype.getUserMedia ="
        " () => Promise.reject(new DOMException('no', 'NotAllowedError'));"
    )
    await handset.open_app()
    await handset.choose("scan")

    await handset.reads("camera_denied")


async def test_the_browsers_own_detector_is_used_where_there_is_one(house, handset, film):
    hold_up(film, "nothing")
    link = f"{house.base_url}/app/#x"
    await handset.context.add_init_script(
        f"""window.BarcodeDetector = class {{
          static getSupportedFormats() {{ return Promise.resolve(["qr_code"]); }}
          detect() {{ return Promise.resolve([{{ rawValue: {link!r} }}]); }}
        }};"""
    )
    loaded = []
    handset.page.on("request", lambda request: loaded.append(request.url))
    await handset.open_app()
    await handset.choose("scan")
    await handset.reads("other_code_text")

    assert not [url for url in loaded if "/vendor/" in url]


@pytest_asyncio.fixture(loop_scope="session")
async def login(house, handset, film):
    """A login whose changing QR code the camera of this phone, which is paired, has before it."""
    await handset.take_over(await house.bind())
    workstation = await house.workstation()
    started = await house.ask(workstation)
    await handset.sees_client("HIS")
    login = Login(workstation, started)
    shown = asyncio.Event()

    async def show():
        async with aclosing(workstation.frames(started)) as frames:
            async for frame in frames:
                login.link = frame.link
                hold_up(film, frame.link)
                shown.set()

    showing = asyncio.create_task(show())
    await shown.wait()
    yield login
    showing.cancel()


async def test_a_login_code_seen_by_the_camera_is_approved_without_typing(handset, login):
    await handset.choose_label("scan_instead")
    await handset.sees("scan")
    await handset.sees_client("HIS")
    await expect(handset.code_field()).to_have_count(0)
    await handset.look()
    await handset.choose("approve")
    await handset.sees("end_approved")

    assert await login.workstation.poll(login.started)


async def test_a_login_code_that_was_opened_as_a_link_is_approved_with_the_code(handset, login):
    async with handset.page.expect_request("**/phone/qr") as asked:
        await handset.page.evaluate("link => location.assign(link)", login.link)
    assert (await asked.value).post_data_json == {"payload": login.link, "via": "link"}
    await handset.sees_client("HIS")
    await handset.approve(login.started.binding_code)
    await handset.sees("end_approved")

    assert await login.workstation.poll(login.started)


async def test_a_request_without_a_code_that_this_app_has_not_scanned_is_to_be_scanned(
    handset, login
):
    await handset.choose_label("scan_instead")
    await expect(handset.control("approve")).to_be_visible()
    # What was scanned counts for as long as the app runs.
    await handset.page.reload()
    await handset.sees_client("HIS")
    await handset.reads("scan_workstation")
    await handset.look()

    await handset.is_gone("approve")
    await expect(handset.control("decline")).to_be_visible()


async def test_a_login_code_that_is_over_says_to_scan_the_next(handset, login, clock):
    handset.refusals.add(410)
    link = login.link
    clock.advance(timedelta(seconds=5))
    await handset.page.evaluate("link => location.assign(link)", link)

    await handset.sees("code_over")
    await handset.look()


async def test_a_phone_that_is_not_paired_says_so_of_a_login_code(house, pick_up):
    handset = await pick_up(house)
    await handset.open_app("/app/#l.handle.1.mac")

    await handset.reads("pair_first")
