"""How the phone web app is served: what it may do, what is kept, and nothing else."""

import gzip
import json
import re

import pytest

from pairing_server.app import shipped_phone_app
from pairing_server.phone_app import PhoneApp

APP = shipped_phone_app()


@pytest.fixture
def get(house):
    async def get(path, **options):
        options.setdefault("allow_redirects", False)
        async with house.http.get(house.base_url + path, **options) as answer:
            return answer.status, answer.headers, await answer.read()

    return get


async def test_the_shell_may_load_our_own_files_and_nothing_in_line(get):
    status, headers, _ = await get("/app/")
    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))

    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' blob:",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "phone-app",
    }


async def test_the_shell_may_use_camera_and_keys_and_no_place_or_microphone(get):
    _, headers, _ = await get("/app/")
    allowed = headers["Permissions-Policy"].split(", ")

    for name in ("camera", "publickey-credentials-create", "publickey-credentials-get"):
        assert f"{name}=(self)" in allowed
    for name in ("geolocation", "microphone"):
        assert f"{name}=()" in allowed
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


async def test_the_shell_names_files_that_are_there(get):
    _, _, shell = await get("/app/")
    named = re.findall(r'(?:src|href)="(/app/[^"]+)"', shell.decode())

    assert b"%" not in shell
    assert len(named) > 20
    for path in named:
        status, headers, _ = await get(path)
        assert (path, status) == (path, 200)
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"


async def test_the_worker_keeps_the_shell_with_all_its_files_but_the_vendored(get):
    _, headers, worker = await get("/app/sw.js")
    (listed,) = re.findall(r"const FILES = (\[.*\]);", worker.decode())

    assert headers["Cache-Control"] == "no-cache"
    assert "connect-src 'self'" in headers["Content-Security-Policy"]
    kept = json.loads(listed)
    assert kept[0] == "/app/"
    assert f"/app/{APP.version}/style.css" in kept
    assert not [path for path in kept if "/vendor/" in path]
    assert f'"shell-{APP.version}"'.encode() in worker


async def test_who_leaves_the_slash_out_is_led_there(get):
    status, headers, _ = await get("/app")

    assert (status, headers["Location"]) == (308, "/app/")


@pytest.mark.parametrize(
    "path",
    [
        "/app/index.html",
        "/app/style.css",
        "/app/AAAAAAAAAAAA/style.css",
        "/app/{version}/index.html",
        "/app/{version}/sw.js",
        "/app/{version}/",
        "/app/{version}/../__init__.py",
        "/app/{version}/%2e%2e/__init__.py",
        "/app/{version}/app/nothing.js",
    ],
)
async def test_nothing_else_is_served(get, path):
    status, _, _ = await get(path.format(version=APP.version))

    assert status == 404


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("app/main.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("nl.webmanifest", "application/manifest+json; charset=utf-8"),
        ("icons/icon-192.png", "image/png"),
        ("icons/icon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
async def test_each_file_says_what_it_is(get, path, content_type):
    _, headers, _ = await get(f"/app/{APP.version}/{path}")

    assert headers["Content-Type"] == content_type
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Vary"] == "Accept-Encoding"


async def test_files_are_packed_for_who_unpacks_them(get):
    path = f"/app/{APP.version}/app/main.js"
    plain = await get(path, headers={"Accept-Encoding": "identity"}, auto_decompress=False)
    packed = await get(path, headers={"Accept-Encoding": "gzip"}, auto_decompress=False)

    assert "Content-Encoding" not in plain[1]
    assert packed[1]["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed[2]) == plain[2]
    assert len(packed[2]) < len(plain[2])


def test_another_content_of_any_file_is_another_version(tmp_path):
    for name in ("index.html", "sw.js", "a.js"):
        (tmp_path / name).write_text("")
    versions = {PhoneApp(tmp_path).version}
    for name in ("index.html", "sw.js", "a.js"):
        (tmp_path / name).write_text("//")
        versions.add(PhoneApp(tmp_path).version)
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    versions.add(PhoneApp(tmp_path).version)

    assert len(versions) == 5
