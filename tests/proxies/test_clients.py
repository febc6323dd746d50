"""Clients with a certificate through a real nginx and a real HAProxy, as documented."""

import pytest

from pairing_server.guard import CLIENT_PATHS
from tests.oidc.client_ca import ClientCa, client_tls
from tests.oidc.test_showing import Xis, session
from tests.proxies.conftest import CLIENT_CA
from tests.uzi.test_mtls_routes import fields

XIS = CLIENT_CA.issue()
#: Another client's, one of an authority that nobody named, and none.
STRANGE = [CLIENT_CA.issue("CN=other"), ClientCa().issue(), None]


@pytest.fixture
async def at(site, tmp_path):
    """Call as a registered client, with this certificate."""
    await site.house.add_organisation()
    origin = site.url.removesuffix("/uzi/mtls")
    xis = Xis(site.house, origin, site.house.http, {})
    await xis.register()
    opened = []

    def calling(certificate):
        http = session(client_tls(site.ground.server.certificate, certificate, tmp_path))
        opened.append(http)
        return Xis(site.house, origin, http, {}, xis.id)

    yield calling
    for http in opened:
        await http.close()


async def test_a_client_is_known_by_its_certificate(at):
    assert await at(XIS).post("/introspect", token="x") == (200, {"active": False})


@pytest.mark.parametrize("certificate", STRANGE)
async def test_no_other_certificate_is_its_own(at, certificate):
    status, body = await at(certificate).post("/introspect", token="x")

    assert (status, body["error"]) == (401, "invalid_client")


async def test_what_a_client_sends_under_these_names_is_replaced(at):
    status, body = await at(None).post("/introspect", fields(XIS), token="x")

    assert (status, body["error"]) == (401, "invalid_client")


async def test_everything_that_clients_call_is_handed_on_and_nothing_else(at, site):
    http, origin = at(XIS).http, site.url.removesuffix("/uzi/mtls")
    statuses = {}
    for path in (
        *sorted(CLIENT_PATHS),
        "/admin/api/openapi.json",
        "/token/",
        "/tokens",
        "/v1",
        "/jwks.json",
        "/portal/",
    ):
        method = "GET" if path in {"/userinfo", "/v1/events"} else "POST"
        async with http.request(method, origin + path) as answer:
            statuses[path] = answer.status

    async with http.get(origin + "/admin/api/organisations/90000382/people") as answer:
        assert (answer.status, (await answer.json())["error"]) == (401, "invalid_token")
    served = {path for path, status in statuses.items() if status not in {403, 404, 405, 421}}
    assert served == CLIENT_PATHS
