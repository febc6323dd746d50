"""The phone web app under `/app/`: its files, and headers that allow it its own and no more.

The files come as they were written.  All but the shell, its manifest's link and the service
worker lie under a name that changes with the content of any of them, and are kept for ever.
"""

import gzip
import hashlib
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources.abc import Traversable

from aiohttp import web

from pairing_server.errors import NotFound
from pairing_server.tokens import b64url

_TYPES = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "png": "image/png",
    "svg": "image/svg+xml",
    "wasm": "application/wasm",
    "webmanifest": "application/manifest+json",
}
_TEXTS = frozenset({"css", "html", "js", "svg", "webmanifest"})
_SHELL, _WORKER = "index.html", "sw.js"
#: What a phone fetches when it first needs it: the decoder is larger than all the rest.
_VENDORED = "vendor/"
#: A year, the most that is of any use (RFC 9111 section 5.2.2.1; RFC 8246 for `immutable`).
_FOR_EVER = "public, max-age=31536000, immutable"
_POLICY = {
    "default-src": "'none'",
    # The decoder of QR codes is WebAssembly; nothing is evaluated as JavaScript.
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self'",
    "connect-src": "'self'",
    # A transfer's QR code comes as SVG, and as a picture it can do nothing.
    "img-src": "'self' blob:",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "phone-app",
}
_PERMISSIONS = (
    "camera=(self), publickey-credentials-create=(self), publickey-credentials-get=(self), "
    "geolocation=(), microphone=(), payment=(), usb=()"
)
_HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": _PERMISSIONS,
}


@dataclass(frozen=True)
class File:
    """A file as it is served."""

    content: bytes
    content_type: str
    is_text: bool

    @cached_property
    def packed(self) -> bytes:
        """The content in gzip, made when it is first asked for."""
        return gzip.compress(self.content, mtime=0)


class PhoneApp:
    """All files of the app, read once."""

    def __init__(self, folder: Traversable) -> None:
        files = dict(sorted(_files(folder)))
        digest = hashlib.sha256()
        for path, file in files.items():
            digest.update(f"{path}\n{len(file.content)}\n".encode() + file.content)
        self.version = b64url(digest.digest())[:12]
        shell, worker = files.pop(_SHELL), files.pop(_WORKER)
        self._files = files
        self._shell = _filled(
            shell, {"%VERSION%": self.version, "%MODULES%": "\n".join(self._preloaded())}
        )
        kept = [f"/app/{self.version}/{path}" for path in files if not path.startswith(_VENDORED)]
        self._worker = _filled(
            worker, {"%VERSION%": self.version, '"%FILES%"': json.dumps(["/app/", *kept])}
        )

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/app", self.lead),
            web.get("/app/", self.shell),
            web.get("/app/sw.js", self.worker),
            web.get("/app/{version}/{path:.+}", self.file),
        ]

    async def lead(self, request: web.Request) -> web.Response:
        """Lead to where the app is; the browser keeps what stands behind the `#`."""
        _ = request
        return web.Response(status=308, headers={"Location": "/app/"})

    async def shell(self, request: web.Request) -> web.Response:
        """Serve the page that all screens appear in."""
        return _served(request, self._shell, {**_HEADERS, "Cache-Control": "no-store"})

    async def worker(self, request: web.Request) -> web.Response:
        """Serve the service worker, for which browsers ask each time whether it is new."""
        return _served(request, self._worker, {**_HEADERS, "Cache-Control": "no-cache"})

    async def file(self, request: web.Request) -> web.Response:
        """Serve one of the other files.

        Raises:
            NotFound: there is none of that name, or it is of another version.
        """
        file = self._files.get(request.match_info["path"])
        if file is None or request.match_info["version"] != self.version:
            raise NotFound
        return _served(request, file, {"Cache-Control": _FOR_EVER})

    def _preloaded(self) -> Iterator[str]:
        """Name all modules, so that none waits for the one that imports it."""
        for path in self._files:
            if path.endswith(".js") and not path.startswith(_VENDORED):
                yield f'<link rel="modulepreload" href="/app/{self.version}/{html.escape(path)}">'


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, File]]:
    for entry in folder.iterdir():
        path = prefix + entry.name
        suffix = entry.name.rpartition(".")[2]
        if entry.is_dir():
            yield from _files(entry, f"{path}/")
        elif suffix in _TYPES:
            yield path, File(entry.read_bytes(), _TYPES[suffix], suffix in _TEXTS)


def _filled(file: File, values: dict[str, str]) -> File:
    text = file.content.decode()
    for name, value in values.items():
        text = text.replace(name, value)
    return File(text.encode(), file.content_type, file.is_text)


def _served(request: web.Request, file: File, headers: dict[str, str]) -> web.Response:
    # Nothing of a person stands beside these bytes that their length could tell of.
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    encoding = {"Content-Encoding": "gzip"} if packed else {}
    return web.Response(
        body=file.packed if packed else file.content,
        content_type=file.content_type,
        charset="utf-8" if file.is_text else None,
        headers={**headers, **encoding, "Vary": "Accept-Encoding"},
    )
