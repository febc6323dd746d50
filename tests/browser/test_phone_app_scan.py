"""The phone web app's scanner, with a camera that sees a film, through the decoder that it brings.

Chromium has no `BarcodeDetector` on Linux, so that these run the decoder of browsers without one.
"""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.camera import hold_up
from tests.browser.handset import LARGE


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
