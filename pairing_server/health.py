"""Health, readiness and metrics, for whatever watches the server."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pairing_server.errors import Unavailable
from pairing_server.http import answer
from pairing_server.metrics import CRL_AGE, METRICS
from pairing_server.registry import Registry, RegistryUnavailableError
from pairing_server.store import Store, StoreUnavailableError

#: A store that takes longer is away.
PATIENCE = timedelta(seconds=2)


class HealthRoutes:
    """`/healthz`: the process lives.  `/readyz`: it can do its work.

    Args:
        crl_ages: Of the freshest revocation list of each authority, in seconds.
    """

    def __init__(
        self,
        registry: Registry,
        store: Store,
        crl_ages: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self._registry = registry
        self._store = store
        self._crl_ages = crl_ages
        self._draining = False

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.metrics),
        ]

    def drain(self) -> None:
        """Say from now on that the server is not ready: it is stopping."""
        self._draining = True

    async def alive(self, request: web.Request) -> web.Response:
        """Answer."""
        _ = request
        return answer({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """Ask both stores, and say which is away.

        Stale revocation lists keep new cards out but no phone, so that they are only told of.

        Raises:
            Unavailable: one of them is, or the server is stopping.
        """
        _ = request
        registry, store = await asyncio.gather(
            _answers(self._registry.ping), _answers(self._store.ping)
        )
        parts = {"registry": registry, "store": store}
        if self._draining or not all(parts.values()):
            told = {name: "ok" if up else "away" for name, up in parts.items()}
            raise Unavailable(status="draining" if self._draining else "unavailable", **told)
        ages = {name: round(age) for name, age in self._crl_ages().items()}
        return answer({"status": "ok", "uzi_crl_age_seconds": ages})

    async def metrics(self, request: web.Request) -> web.Response:
        """Show the metrics in Prometheus' text format."""
        _ = request
        CRL_AGE.clear()
        for authority, age in self._crl_ages().items():
            CRL_AGE.labels(authority).set(age)
        response = web.Response(body=generate_latest(METRICS))
        response.headers["Content-Type"] = CONTENT_TYPE_LATEST
        response.headers["Cache-Control"] = "no-store"
        return response


async def _answers(ping: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await ping()
    except (StoreUnavailableError, RegistryUnavailableError, TimeoutError):
        return False
    return True
