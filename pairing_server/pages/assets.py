"""Style, scripts and pictures: under names that change with their content, so kept for ever."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from aiohttp import web
from markupsafe import Markup

from pairing_server.errors import NotFound
from pairing_server.tokens import b64url

#: Whose templates and files are served, by name: this package does not know the portal's code.
PAGES, ADMIN = "pairing_server.pages", "admin"

_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
#: A year, the most that is of any use (RFC 9111 section 5.2.2.1; RFC 8246 for `immutable`).
CACHE_CONTROL = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served.

    Attributes:
        path: Where, with a hash of the content in the name.
    """

    path: str
    content: bytes
    content_type: str


class Assets:
    """All of them, read once."""

    def __init__(self, packages: Sequence[str]) -> None:
        """Read them.

        Args:
            packages: In whose folders `static` they are; no two have a name in common.
        """
        self._named = {
            file.name: _asset(file.name, file.read_bytes())
            for package in packages
            for file in (resources.files(package) / "static").iterdir()
            if file.name.rpartition(".")[2] in _TYPES
        }
        self._served = {asset.path: asset for asset in self._named.values()}

    def table(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/static/{name}", self.serve)]

    def path(self, name: str) -> str:
        """Return where a file is served.

        Raises:
            KeyError: there is no such file.
        """
        return self._named[name].path

    def text(self, name: str) -> Markup:
        """Return a file's text, to stand in a page as it is.

        Raises:
            KeyError: there is no such file.
        """
        return Markup(self._named[name].content.decode())  # noqa: S704  (a file of ours)

    def hash_of(self, name: str) -> str:
        """Return by what a page's policy allows a file that stands in it (CSP Level 3 2.3.1).

        Raises:
            KeyError: there is no such file.
        """
        found = hashlib.sha256(self._named[name].content).digest()
        return f"'sha256-{b64encode(found).decode()}'"

    async def serve(self, request: web.Request) -> web.Response:
        """Serve a file.

        Raises:
            NotFound: no file of that name and content.
        """
        asset = self._served.get(f"/static/{request.match_info['name']}")
        if asset is None:
            raise NotFound
        return web.Response(
            body=asset.content,
            content_type=asset.content_type,
            charset="utf-8",
            headers={"Cache-Control": CACHE_CONTROL},
        )


@lru_cache(maxsize=1)
def shipped_assets() -> Assets:
    """Return the files that come with the package, read once."""
    return Assets((PAGES, ADMIN))


def _asset(name: str, content: bytes) -> Asset:
    stem, _, suffix = name.rpartition(".")
    mark = b64url(hashlib.sha256(content).digest())[:12]
    return Asset(f"/static/{stem}.{mark}.{suffix}", content, _TYPES[suffix])
