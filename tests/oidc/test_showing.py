"""Clients that show a certificate, on the own listener and through a proxy, and what it binds."""

import json
import shutil
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import pytest
import sqlalchemy as sa

from pairing_server.registry.tables import client as table
from pairing_server.settings import SettingsError
from pairing_server.uzi.trust_setup import read_client_authorities
from tests.card_tls import ServerCertificate
from tests.house import free_port
from tests.oidc.client import CIBA
from tests.oidc.client_ca import SUBJECT, ClientCa, client_tls
from tests.uzi.test_mtls_routes import LOOPBACK, fields

CA = ClientCa()
XIS, OTHER = CA.issue(), CA.issue("CN=other")
METADATA = {
    "token_endpoint_auth_method": "tls_client_auth",
    "tls_client_auth_subject_dn": SUBJECT,
    "tls_client_certificate_bound_access_tokens": True,
}


@pytest.fixture
def authorities(tmp_path):
    return (CA.write_root(tmp_path / "clients.pem"),)


@dataclass
class Xis:
    """A client with a certificate, at some address."""

    house: Any
    origin: str
    http: aiohttp.ClientSession
    headers: dict[str, str]
    id: str = ""

    async def register(self):
        await self.house.workstation("XIS")
        self.id = self.house.client_id
        changed = sa.update(table).values(metadata=json.dumps(METADATA), jwks="{}")
        await self.house.registry.commit(lambda tx: tx.run(changed))

    async def post(self, path, headers=None, **form):
        sent = {"client_id": self.id, **form}
        url, shown = self.origin + path, self.headers if headers is None else headers
        async with self.http.post(url, data=sent, headers=shown) as response:
            return response.status, await response.json()

    async def log_in(self, phone):
        """Ask, let the phone approve, and redeem."""
        hint = f"uzi:{self.house.holder.uzi_number}"
        status, asked = await self.post("/bc-authorize", scope="openid uzi", login_hint=hint)
        assert status == 200, asked
        (request,) = await phone.auth_requests()
        await phone.approve(request, asked["binding_code"])
        status, body = await self.post("/token", grant_type=CIBA, auth_req_id=asked["auth_req_id"])
        assert status == 200, body
        return body

    async def userinfo(self, token, headers=None):
        shown = self.headers if headers is None else headers
        sent = {**shown, "Authorization": f"Bearer {token}"}
        async with self.http.get(f"{self.origin}/userinfo", headers=sent) as response:
            return response.status


async def served(house):
    url = f"{house.base_url}/.well-known/openid-configuration"
    async with house.http.get(url) as response:
        return await response.json()


def session(tls):
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls))


async def test_a_xis_logs_in_with_its_certificate_on_the_own_listener(
    make_house, tmp_path, authorities
):
    server = ServerCertificate(tmp_path)
    (tmp_path / "other").mkdir()
    async with (
        make_house(
            tls_certificate_file=server.certificate,
            tls_key_file=server.key,
            mtls_port=free_port(),
            mtls_listen="127.0.0.1",
            client_authorities=authorities,
        ) as house,
        session(client_tls(server.certificate, XIS, tmp_path)) as http,
        session(client_tls(server.certificate, OTHER, tmp_path / "other")) as others,
        session(client_tls(server.certificate, None, tmp_path)) as nobodys,
    ):
        document = await served(house)
        assert "tls_client_auth" in document["token_endpoint_auth_methods_supported"]
        origin = document["mtls_endpoint_aliases"]["token_endpoint"].removesuffix("/token")
        phone, xis = await house.bind(), Xis(house, origin, http, {})
        await xis.register()
        body = await xis.log_in(phone)
        claims = jwt.decode(body["id_token"], options={"verify_signature": False})
        assert (set(claims["cnf"]), body["token_type"]) == ({"x5t#S256"}, "Bearer")
        token = body["access_token"]
        said = await xis.post("/introspect", token=token)
        assert said[1]["cnf"] == claims["cnf"]
        assert await xis.userinfo(token) == 200
        for opened in (others, nobodys):
            stranger = Xis(house, origin, opened, {}, xis.id)
            assert await stranger.userinfo(token) == 401
            status, refused = await stranger.post("/introspect", token=token)
            assert (status, refused["error"]) == (401, "invalid_client")
        # At the base URL nobody asks for a certificate, and a field is not believed.
        bare = Xis(house, house.base_url, house.http, {}, xis.id)
        assert (await bare.post("/introspect", token=token))[0] == 401
        status, refused = await bare.post("/introspect", fields(XIS), token=token)
        assert (status, refused["error"]) == (403, "client_cert_not_accepted")
        # What is not for clients is not served there.
        async with http.get(f"{origin}/jwks.json") as response:
            assert response.status in {404, 421}


async def test_a_xis_logs_in_with_its_certificate_through_a_proxy(make_house, authorities):
    port = free_port()
    async with make_house(
        client_cert_proxies=LOOPBACK, client_authorities=authorities, mtls_port=port
    ) as house:
        there = {"Host": f"localhost:{port}"}
        shown = [{**fields(each), **there} for each in (XIS, OTHER, ClientCa().issue())]
        phone, xis = await house.bind(), Xis(house, house.base_url, house.http, shown[0])
        await xis.register()
        token = (await xis.log_in(phone))["access_token"]
        assert await xis.userinfo(token) == 200
        for headers in (*shown[1:], there):
            assert await xis.userinfo(token, headers) == 401
            status, refused = await xis.post("/introspect", headers, token=token)
            assert (status, refused["error"]) == (401, "invalid_client")
        status, refused = await xis.post("/introspect", {"Client-Cert": "x", **there}, token=token)
        assert (status, refused["error"]) == (400, "invalid_request")


async def test_a_certificate_that_was_revoked_is_nobodys_from_then_on(
    make_house, authorities, register, tmp_path
):
    port, directory = free_port(), tmp_path / "lists"
    shutil.copytree(register.crl_dir, directory)
    async with make_house(
        client_cert_proxies=LOOPBACK,
        client_authorities=authorities,
        mtls_port=port,
        uzi_crl_dir=directory,
    ) as house:
        await house.bind()
        there = {**fields(XIS), "Host": f"localhost:{port}"}
        xis = Xis(house, house.base_url, house.http, there)
        await xis.register()
        (directory / "clients.crl").write_bytes(CA.revocation_list())
        assert (await xis.post("/introspect", token="x"))[0] == 200
        (directory / "clients.crl").write_bytes(CA.revocation_list(XIS))
        status, refused = await xis.post("/introspect", token="x")
        assert (status, refused["error"]) == (401, "invalid_client")


async def test_a_proxy_hands_certificates_on_where_they_are_asked_for_alone(
    make_house, authorities
):
    port = free_port()
    async with make_house(
        client_cert_proxies=LOOPBACK, client_authorities=authorities, mtls_port=port
    ) as house:
        await house.bind()
        there = {**fields(XIS), "Host": f"localhost:{port}"}
        xis = Xis(house, house.base_url, house.http, there)
        await xis.register()
        assert await xis.post("/introspect", token="x") == (200, {"active": False})
        status, refused = await xis.post("/introspect", fields(XIS), token="x")
        assert (status, refused["error"]) == (403, "client_cert_not_accepted")


async def test_a_page_of_another_site_does_nothing_with_the_certificate_of_a_browser(
    make_house, authorities
):
    """A browser shows the certificate of its machine to whatever a page makes it call."""
    port = free_port()
    async with make_house(
        client_cert_proxies=LOOPBACK, client_authorities=authorities, mtls_port=port
    ) as house:
        await house.bind()
        there = {**fields(XIS), "Host": f"localhost:{port}"}
        xis = Xis(house, house.base_url, house.http, there)
        await xis.register()
        for foreign in ({"origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            status, refused = await xis.post("/introspect", {**there, **foreign}, token="x")
            assert (status, refused["error"]) == (403, "cross_site")
        own = {**there, "Origin": house.base_url}
        assert await xis.post("/introspect", own, token="x") == (200, {"active": False})
        # Whoever shows no certificate is who its assertion says, wherever it runs.
        bare = {"Host": there["Host"], "Origin": "https://evil.example"}
        assert (await xis.post("/introspect", bare, token="x"))[0] == 401


async def test_without_authorities_no_certificate_is_believed(make_house):
    async with make_house(client_cert_proxies=LOOPBACK) as house:
        document = await served(house)
        assert document["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
        assert "mtls_endpoint_aliases" not in document
        await house.bind()
        xis = Xis(house, house.base_url, house.http, fields(XIS))
        await xis.register()
        assert (await xis.post("/introspect", token="x"))[1]["error"] == "invalid_client"


async def test_authorities_that_cannot_be_read_are_told_at_start(house, tmp_path):
    file = tmp_path / "no.pem"
    file.write_text("no certificate")
    wrong = house.settings.model_copy(update={"client_authorities": (file,)})
    with pytest.raises(SettingsError, match="CLIENT_AUTHORITIES"):
        read_client_authorities(wrong)
