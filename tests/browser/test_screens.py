"""The QR code is read from the pixels of the screens that it is shown on, without scrolling."""

import pytest
from playwright.async_api import expect

from clients.pairing import PairingLink
from tests.browser.desk import Screen

#: A workstation of 1366x768 without and under the bars of its browser, and one of 1920x1080.
SIZES = ((1366, 768), (1366, 625), (1920, 955))
#: The laptop at 125 %.
LAPTOP = ((1093, 614), (1093, 500))


@pytest.mark.parametrize(
    ("screen", "sizes"),
    [
        pytest.param(Screen(), SIZES, id="light"),
        pytest.param(Screen(scale=1.25, theme="dark"), LAPTOP, id="dark-125"),
    ],
)
async def test_the_code_is_read_from_the_screen(house, sit_down, screen, sizes):
    desk = await sit_down(house, screen)
    await desk.take_over(await house.registered())
    await desk.open("/portal/start")
    await desk.choose("Start")
    await desk.sees("Scan the QR code with your phone")

    for width, height in sizes:
        await desk.page.set_viewport_size({"width": width, "height": height})
        await expect(desk.page.get_by_role("img")).to_be_in_viewport(ratio=1)
        assert PairingLink.parse(await desk.scan()).base == house.base_url
