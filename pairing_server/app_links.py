"""What ties native apps to this server: whose links they may claim, whose passkeys they hold.

Phones fetch both documents without asking anybody, so that neither holds anything but names.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from aiohttp import web

from pairing_server.errors import NotFound
from pairing_server.http import answer
from pairing_server.tokens import b64url_decode

LIFETIME = timedelta(hours=1)
#: Links that phones open: `<base URL>/app/#…`.
APP_PATHS = "/app/*"
#: App Links, which Credential Manager asks for too before it makes a passkey for this host.
ANDROID_RELATIONS = (
    "delegate_permission/common.handle_all_urls",
    "delegate_permission/common.get_login_creds",
)


def asset_links(package: str, key_hashes: Sequence[str]) -> list[dict[str, Any]]:
    """Return the Digital Asset Links statement of an Android app.

    Args:
        key_hashes: SHA-256 of its signing certificates, base64url.
    """
    target = {
        "namespace": "android_app",
        "package_name": package,
        "sha256_cert_fingerprints": [
            b64url_decode(key_hash).hex(":").upper() for key_hash in key_hashes
        ],
    }
    return [{"relation": list(ANDROID_RELATIONS), "target": target}]


def site_association(app_ids: Sequence[str]) -> dict[str, Any]:
    """Return the association of iOS apps: their passkeys, and the links that they open."""
    component = {
        "/": APP_PATHS,
        "comment": "Whatever the fragment: a link's kind and its secret are in there.",
    }
    return {
        "applinks": {"details": [{"appIDs": list(app_ids), "components": [component]}]},
        "webcredentials": {"apps": list(app_ids)},
    }


class AppLinkRoutes:
    """Publishes both documents, where the settings name an app.

    Args:
        android_package: With `key_hashes`, or there is no Android app.
    """

    def __init__(
        self, android_package: str | None, key_hashes: Sequence[str], ios_app_ids: Sequence[str]
    ) -> None:
        is_whole = android_package is not None and key_hashes
        self._android = asset_links(android_package or "", key_hashes) if is_whole else None
        self._ios = site_association(ios_app_ids) if ios_app_ids else None

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/.well-known/assetlinks.json", self.show_android),
            web.get("/.well-known/apple-app-site-association", self.show_ios),
        ]

    async def show_android(self, request: web.Request) -> web.Response:
        """Publish the Digital Asset Links."""
        _ = request
        return _public(self._android)

    async def show_ios(self, request: web.Request) -> web.Response:
        """Publish the association of iOS apps."""
        _ = request
        return _public(self._ios)


def _public(document: object) -> web.Response:
    if document is None:
        raise NotFound("no such app in the settings")
    lifetime = int(LIFETIME.total_seconds())
    return answer(document, headers={"Cache-Control": f"public, max-age={lifetime}"})
