"""The rules of the phone web app, each by itself, in the browser that runs them."""

import json

import pytest
import pytest_asyncio

from tests.browser.handset import APP
from tests.documents import ROOT

VECTORS_OF = ROOT / "tests" / "vectors"
VECTORS = [
    vector
    for name in ("approval_challenge.json", "transaction_challenge.json")
    for vector in json.loads((VECTORS_OF / name).read_text())["vectors"]
]
ID, SECRET = "i" * 22, "s" * 43
ORIGIN = "https://login.example.nl"
TYPES = {".js": "text/javascript"}


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def page(browser):
    """Open a page that has the app's files and no server."""
    context = await browser.new_context(locale="nl-NL")

    async def serve(route):
        file = APP / route.request.url.removeprefix(f"{ORIGIN}/app/version/")
        text = file.read_text() if file.is_file() else "<!doctype html><title>Rules</title>"
        await route.fulfill(body=text, content_type=TYPES.get(file.suffix, "text/html"))

    await context.route("**/*", serve)
    page = await context.new_page()
    await page.goto(ORIGIN)
    yield page
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def run(page):
    """Call functions of a module: `await run("link.js", "m => m.readLink(...)")`."""

    async def run(module, script, value=None):
        call = f"async ([path, value]) => ({script})(await import(path), value)"
        return await page.evaluate(call, [f"/app/version/app/{module}", value])

    return run


async def test_the_challenge_is_the_one_of_the_vectors(run):
    script = """async (m, all) => {
      const hex = bytes => [...bytes].map(b => b.toString(16).padStart(2, "0")).join("");
      const made = [];
      for (const { request, code } of all) made.push({
        jcs: m.canonical(m.approvalDetails(request, code)),
        challenge: hex(await m.approvalChallenge(request, code)),
      });
      return made;
    }"""
    made = await run("challenge.js", script, VECTORS)

    expected = [{"jcs": v["jcs"], "challenge": v["challenge"]} for v in VECTORS]
    assert made == expected


@pytest.mark.parametrize("act", ["change", "renewal", "transfer", "unblock"])
async def test_the_challenge_of_each_other_act_is_the_one_of_its_vectors(run, act):
    vectors = json.loads((VECTORS_OF / f"{act}_challenge.json").read_text())["vectors"]
    script = """async (m, [act, all]) => {
      const hex = bytes => [...bytes].map(b => b.toString(16).padStart(2, "0")).join("");
      return Promise.all(all.map(async details => hex(await m[`${act}Challenge`](details))));
    }"""
    made = await run("challenge.js", script, [act, [each["details"] for each in vectors]])

    assert vectors
    assert made == [each["challenge"] for each in vectors]


async def test_the_challenge_to_unbind_is_the_one_of_its_vectors(run):
    vectors = json.loads((VECTORS_OF / "unbind_challenge.json").read_text())["vectors"]
    script = """async (m, all) => {
      const hex = bytes => [...bytes].map(b => b.toString(16).padStart(2, "0")).join("");
      return Promise.all(all.map(async id => hex(await m.unbindChallenge(id))));
    }"""
    made = await run("challenge.js", script, [each["credential_id"] for each in vectors])

    assert made == [each["challenge"] for each in vectors]


@pytest.mark.parametrize("value", [5, None, True])
async def test_what_is_no_text_is_not_signed(run, value):
    script = (
        """(m, value) => { try { m.canonical({ code: value }); } catch (e) { return e.name; } }"""
    )

    assert await run("challenge.js", script, value) == "TypeError"


async def test_half_a_letter_is_not_signed(run):
    script = (
        r"""m => { try { m.canonical({ message: "\ud83c" }); } catch (e) { return e.name; } }"""
    )

    assert await run("challenge.js", script) == "TypeError"


@pytest.mark.parametrize(
    ("rest", "read"),
    [
        (f"/app/#p.{ID}.{SECRET}", {"kind": "pairing", "id": ID, "secret": SECRET}),
        (f"/app/#t.{ID}.{SECRET}", {"kind": "transfer", "id": ID, "secret": SECRET}),
        ("/app/#l.h.7.m", {"kind": "login", "payload": "/app/#l.h.7.m"}),
        (f"/app/#p.{ID}", {"kind": "other"}),
        (f"/app/#p.{ID}.{SECRET}x", {"kind": "other"}),
        (f"/app/#x.{ID}.{SECRET}", {"kind": "other"}),
        (f"/app/?a#p.{ID}.{SECRET}", {"kind": "other"}),
        (f"/other/#p.{ID}.{SECRET}", {"kind": "other"}),
        ("/app/#l.h.m", {"kind": "other"}),
        ("", {"kind": "other"}),
    ],
)
async def test_links_of_this_server_are_read(run, rest, read):
    if "payload" in read:
        read = {**read, "payload": ORIGIN + rest}
    script = "(m, text) => m.readLink(text, location.origin)"

    assert await run("link.js", script, ORIGIN + rest) == read


@pytest.mark.parametrize(
    "text", ["", "Hallo", "WIFI:S:x;;", "javascript:alert(1)", "https://x.nl"]
)
async def test_what_is_no_link_of_ours_is_none(run, text):
    script = "(m, text) => m.readLink(text, location.origin)"

    assert await run("link.js", script, text) == {"kind": "other"}


async def test_a_link_of_another_server_is_told_apart(run):
    script = "(m, text) => m.readLink(text, location.origin)"
    link = f"https://login.example.org/app/#p.{ID}.{SECRET}"

    assert await run("link.js", script, link) == {"kind": "elsewhere", "host": "login.example.org"}


CLOCK = """(m, heard) => {
  let ticks = 0;
  const clock = new m.ServerClock(() => ticks);
  for (const [date, sent, answered] of heard) { ticks = answered; clock.hear(date, sent); }
  return [clock.now() === null ? null : clock.now() - Date.parse("2026-01-15T09:30:00Z"),
          clock.secondsUntil("2026-01-15T09:30:10Z")];
}"""
AT = "Thu, 15 Jan 2026 09:30:0{} GMT"


async def test_the_time_is_not_known_before_the_first_answer(run):
    assert await run("clock.js", CLOCK, []) == [None, None]
    assert await run("clock.js", CLOCK, [["no date", 0, 0]]) == [None, None]


async def test_one_answer_tells_the_time_to_half_a_second(run):
    assert await run("clock.js", CLOCK, [[AT.format(0), 0, 0]]) == [500, 10]


async def test_more_answers_tell_it_better(run):
    heard = [[AT.format(0), 0, 0], [AT.format(1), 100, 100]]

    assert await run("clock.js", CLOCK, heard) == [1050, 9]


async def test_ticks_that_stood_still_are_made_good_by_the_next_answer(run):
    heard = [[AT.format(0), 0, 0], [AT.format(8), 100, 100]]

    assert await run("clock.js", CLOCK, heard) == [8500, 2]


async def test_bytes_go_there_and_back(run):
    script = """m => [0, 1, 2, 3, 255].map((_, n) => {
      const bytes = Uint8Array.from({ length: n }, (_, at) => 255 - at);
      return [m.b64url(bytes), [...m.unb64url(m.b64url(bytes))].join()];
    })"""

    assert await run("bytes.js", script) == [
        ["", ""],
        ["_w", "255"],
        ["__4", "255,254"],
        ["__79", "255,254,253"],
        ["__79_A", "255,254,253,252"],
    ]


async def test_a_token_is_of_32_bytes_and_another_each_time(run):
    script = "m => [m.drawSecret(), m.drawSecret()]"
    first, second = await run("bytes.js", script)

    assert first != second
    assert len(first) == len(second) == 43


OPTIONS = {
    "rp": {"id": "localhost", "name": "x"},
    "user": {"id": "AQI", "name": "x", "displayName": "x"},
    "challenge": "AwQ",
    "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    "excludeCredentials": [{"type": "public-key", "id": "BQY"}],
}


@pytest.mark.parametrize("has_its_own", [True, False])
async def test_options_are_read_with_and_without_the_browsers_help(run, has_its_own):
    script = """(m, [json, hasItsOwn]) => {
      const theirs = PublicKeyCredential.parseCreationOptionsFromJSON;
      if (!hasItsOwn) delete PublicKeyCredential.parseCreationOptionsFromJSON;
      const made = m.creationOptions(json);
      PublicKeyCredential.parseCreationOptionsFromJSON = theirs;
      return [made.challenge, made.user.id, made.excludeCredentials[0].id]
        .map(bytes => [...new Uint8Array(bytes)].join());
    }"""

    assert await run("passkey.js", script, [OPTIONS, has_its_own]) == ["3,4", "1,2", "5,6"]


@pytest.mark.parametrize(
    ("rp_id", "made"),
    [("login.example.nl", 1), ("example.nl", 0), ("nl", 0), ("login.example.org", 0)],
)
async def test_a_key_is_made_for_the_servers_own_name_and_no_wider_one(run, rp_id, made):
    script = """async (m, json) => {
      let made = 0;
      navigator.credentials.create = async () => { made += 1; return { toJSON: () => ({}) }; };
      try { await m.makeKey(json); } catch (error) { return [made, error.reason]; }
      return [made, null];
    }"""
    json = OPTIONS | {"rp": {"id": rp_id, "name": "x"}}

    assert await run("passkey.js", script, json) == [made, None if made else "unsupported"]


@pytest.mark.parametrize("fails", ["missing", "throws"])
async def test_a_key_is_written_by_hand_where_the_browser_cannot(run, fails):
    script = """(m, fails) => {
      const bytes = (...values) => new Uint8Array(values).buffer;
      const response = {
        clientDataJSON: bytes(1), authenticatorData: bytes(2), signature: bytes(3),
        userHandle: null,
      };
      const throws = () => { throw new TypeError("Illegal invocation"); };
      const toJSON = fails === "throws" ? throws : undefined;
      const authenticatorAttachment = "platform";
      return m.toJson({ id: "AQ", type: "public-key", authenticatorAttachment, toJSON, response });
    }"""

    assert await run("passkey.js", script, fails) == {
        "id": "AQ",
        "rawId": "AQ",
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": {"clientDataJSON": "AQ", "authenticatorData": "Ag", "signature": "Aw"},
    }


@pytest.mark.parametrize(
    ("languages", "chosen"),
    [(["nl-BE"], "nl"), (["de", "nl"], "nl"), (["en-US", "nl"], "en"), (["fr"], "en"), ([], "en")],
)
async def test_the_first_language_that_is_spoken_is_chosen(run, languages, chosen):
    assert await run("words.js", "(m, all) => m.preferred(all)", languages) == chosen


async def test_words_come_in_the_singular_and_the_plural(run):
    script = """m => { m.speak("nl"); return [1, 2].map(count => m.t("asked", { count })); }"""

    assert await run("words.js", script) == ["Eén inlogverzoek", "2 inlogverzoeken"]
