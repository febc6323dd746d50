"""Files for ever, by their content."""

import pytest

from pairing_server.pages.assets import shipped_assets

SCRIPTS = ("portal.js", "return.js")


@pytest.fixture
def assets():
    return shipped_assets()


async def test_a_file_is_kept_by_browsers_for_ever(house, assets):
    async with house.http.get(house.base_url + assets.path("portal.css")) as answer:
        headers = answer.headers

    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers["Content-Type"] == "text/css; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Set-Cookie" not in headers


def test_another_content_has_another_name(assets):
    names = {assets.path(asset) for asset in (*SCRIPTS, "portal.css", "icon.svg")}

    assert len(names) == 4
    assert all(len(name.split(".")[1]) == 12 for name in names)


@pytest.mark.parametrize(
    "path",
    [
        "/static/portal.css",
        "/static/portal.AAAAAAAAAAAA.css",
        "/static/",
        "/static/..%2ftemplates%2fbase.html",
        "/static/../templates/base.html",
        "/static/%2e%2e/rendering.py",
    ],
)
async def test_nothing_else_is_served(house, path):
    async with house.http.get(house.base_url + path) as answer:
        assert answer.status == 404


def test_the_scripts_are_small_and_write_no_markup(assets):
    scripts = {name: assets._served[assets.path(name)].content.decode() for name in SCRIPTS}

    assert sum(len(text.encode()) for text in scripts.values()) < 6000
    for text in scripts.values():
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "Function(",
            ".style",
            "setAttribute",
            "import ",
            "http:",
            "https:",
            "localStorage",
            "sessionStorage",
            "console.",
        ):
            assert word not in text


def test_pictures_hold_no_script_and_no_style(assets):
    for asset in assets._served.values():
        if asset.content_type == "image/svg+xml":
            text = asset.content.decode()
            for word in ("<script", "<style", "style=", " on", "href", "<foreignObject"):
                assert word not in text


def test_the_style_fetches_nothing(assets):
    text = assets._served[assets.path("portal.css")].content.decode()

    assert "url(" not in text
    assert "@import" not in text


def test_what_the_agent_opened_is_gone_from_the_address_before_anything_is_sent(assets):
    text = assets._served[assets.path("return.js")].content.decode()

    assert 0 < text.index("history.replaceState") < text.index("fetch(")
    assert text.index("history.replaceState") < text.index("querySelector")
