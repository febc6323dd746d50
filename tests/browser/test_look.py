"""What is looked for on every page is found where it is."""

import re

import pytest

from tests.browser.look import wrong_with

GOOD = """<!doctype html><html lang="en"><title>Good</title>
<main><h1>Good</h1><p>It reads well. <a href="/">On</a></p></main></html>"""
FAULTS = (
    "color-contrast: p",
    "html-has-lang",
    "document-title",
    "landmark-one-main",
    "link-name",
    "no focus on <a> On",
    "(320 px): <p",
)
BAD = """<!doctype html><html><div><p style="color: #999; width: 340px">It does not.
<a href="/" style="outline: none">On</a> <a href="/"></a></p></div></html>"""


@pytest.fixture
def show(sit_down, house):
    async def show(html, headers=None):
        desk = await sit_down(house)
        answer = {"Content-Type": "text/html", **(headers or {})}
        await desk.context.route(
            "**/shown", lambda route: route.fulfill(body=html, headers=answer)
        )
        await desk.open("/shown")
        return desk, desk.page

    return show


async def test_a_page_that_everybody_can_read_is_good(show):
    desk, page = await show(GOOD)
    desk.wrong.clear()

    assert await wrong_with(page) == []


async def test_a_page_that_is_hard_to_read_is_noticed(show):
    desk, page = await show(BAD)
    desk.wrong.clear()

    seen = "\n".join(await wrong_with(page))

    for fault in FAULTS:
        assert fault in seen


@pytest.mark.parametrize(
    ("html", "heard"),
    [
        ('<script>console.error("so")</script>', "error on .*: so"),
        ("<script>nothing()</script>", "uncaught on .*: nothing is not defined"),
        ('<img src="http://127.0.0.1:9/">', "a request to http://127.0.0.1:9/"),
        ('<img src="/nothing">', "status of 404"),
        ("", "/shown has the policy"),
        ("", "/shown may be kept"),
    ],
)
async def test_what_a_page_may_not_do_is_noticed(show, html, heard):
    desk, _ = await show(GOOD + html)

    assert any(re.search(heard, each) for each in desk.wrong)
    desk.wrong.clear()


async def test_what_the_policy_blocks_is_noticed(show):
    policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    desk, _ = await show(GOOD + "<style>p { color: red }</style>", headers)

    (blocked,) = desk.wrong
    assert "Content Security Policy" in blocked
    desk.wrong.clear()
