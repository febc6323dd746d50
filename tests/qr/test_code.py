"""The QR code: its link comes back from the pixels, and its secret is nowhere but the fragment."""

import re
import secrets
from urllib.parse import urlsplit

import pytest
import resvg_py
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.pairing import PairingLink
from clients.qr_image import rasterise_svg, read_png, read_qr
from clients.terminal_qr import QUIET_ZONE
from pairing_server.qr.code import PairingCode, modules, parse, svg
from pairing_server.tokens import b64url, new_id, new_secret

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
HTTPS = st.lists(LABEL, min_size=1, max_size=4).map(lambda labels: f"https://{'.'.join(labels)}")
LOCAL = st.integers(1024, 65535).map(lambda port: f"http://localhost:{port}")
CODES = st.builds(
    PairingCode,
    HTTPS | LOCAL,
    st.binary(min_size=16, max_size=16).map(b64url),
    st.binary(min_size=32, max_size=32).map(b64url),
)
BASE_URLS = [
    "http://localhost:8080",
    "https://login.example.nl",
    "https://aanmelden.een-bijzonder-lange-zorginstelling.voorbeeld.example:8443",
]

never_late = settings(deadline=None)


def drawn(base_url):
    return PairingCode(base_url, new_id(secrets.token_bytes), new_secret(secrets.token_bytes))


def at(image, width):
    """Render at so many pixels wide."""
    return read_png(bytes(resvg_py.svg_to_bytes(svg_string=image, width=width, dpi=96)))


@never_late
@given(CODES)
def test_a_link_says_what_it_was_made_of(code):
    assert parse(code.link()) == code


@never_late
@given(CODES)
def test_the_secret_is_in_the_fragment_alone(code):
    parts = urlsplit(code.link())
    assert parts.fragment == f"p.{code.pairing_id}.{code.secret}"
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{code.base_url}/app/"
    assert parts.query == ""


@never_late
@given(LOCAL, st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32))
def test_the_phone_reads_the_same(base_url, identifier, secret):
    code = PairingCode(base_url, b64url(identifier), b64url(secret))
    link = PairingLink.parse(code.link())
    assert (link.base, link.pairing, link.secret) == (base_url, code.pairing_id, code.secret)


LINK = "https://login.example.nl/app/#p." + "A" * 22 + "." + "b" * 43
OTHER_LINKS = {
    "empty": "",
    "login code": LINK.replace("#p.", "#l."),
    "short id": LINK.replace("AA", "A", 1),
    "long secret": LINK + "b",
    "padded": LINK + "=",
    "space": LINK + " ",
    "line feed": LINK + "\n",
    "another path": LINK.replace("/app/", "/apps/"),
    "query": LINK.replace("#p", "?a#p"),
    "another scheme": LINK.replace("https", "ftp"),
    "other digits": LINK.replace("A", "\u0661"),
    "long id": LINK.replace("A", "AA", 1),
    "short secret": LINK.removesuffix("b"),
    "other characters in the secret": LINK.removesuffix("b") + "+",
    "no dot after the kind": LINK.replace("#p.", "#p,"),
    "no dot before the secret": LINK.replace(".b", ",b"),
    "no host": LINK.replace("login.example.nl", ""),
    "line feed in the host": LINK.replace("login.", "login\n"),
    "path before the path": LINK.replace("/app/", "/x/app/"),
    "path in a query": LINK.replace("/app/", "?x/app/"),
    "path in a fragment": LINK.replace("/app/", "#x/app/"),
}


@pytest.mark.parametrize("link", OTHER_LINKS.values(), ids=OTHER_LINKS)
def test_what_is_no_pairing_link_is_refused(link):
    with pytest.raises(ValueError, match="link"):
        parse(link)


@never_late
@given(st.text())
def test_no_text_does_worse_than_be_refused(text):
    with pytest.raises(ValueError, match="link"):
        parse(text)


@pytest.mark.parametrize("base_url", BASE_URLS)
@pytest.mark.parametrize("width", [120, 200, 333, 600])
def test_a_code_is_read_from_its_pixels_at_every_size(base_url, width):
    code = drawn(base_url)
    assert read_qr(at(svg(code.link()), width)) == code.link()


@settings(max_examples=10, deadline=None)
@given(CODES)
def test_every_link_scans_under_the_mask_that_was_chosen_beforehand(code):
    assert read_qr(rasterise_svg(svg(code.link()))) == code.link()


def test_the_mask_is_the_one_that_was_chosen():
    dark = [row[QUIET_ZONE:-QUIET_ZONE] for row in modules(LINK)[QUIET_ZONE:-QUIET_ZONE]]
    level_and_mask = [dark[8][column] for column in (0, 1, 2, 3, 4)]
    unmasked = [bit ^ (mask == "1") for bit, mask in zip(level_and_mask, "10101", strict=True)]
    assert unmasked == [bit == "1" for bit in "00100"]


def test_the_quiet_zone_is_four_modules_on_every_side():
    dark = modules(LINK)
    sides = [dark[:4], dark[-4:], [row[:4] for row in dark], [row[-4:] for row in dark]]
    assert not any(module for side in sides for row in side for module in row)
    inner = [row[4:-4] for row in dark[4:-4]]
    assert all((inner[0][0], inner[0][-1], inner[-1][0]))
    assert len(dark) == len(dark[0])


def test_the_image_is_dark_on_white_and_carries_nothing_else():
    image = svg(LINK)
    assert len(re.findall("<rect", image)) == 1
    assert 'fill="white"' in image
    assert not re.search("<script|<image|<text|href|LINK|login", image)
    pixels = rasterise_svg(image).pixels
    assert {pixels[0], min(pixels)} == {255, 0}


def test_the_image_shows_the_modules():
    dark = modules(LINK)
    image = at(svg(LINK), 8 * len(dark))
    centres = [
        [image.pixels[(8 * y + 4) * image.width + 8 * x + 4] < 128 for x in range(len(dark))]
        for y in range(len(dark))
    ]
    assert centres == dark
