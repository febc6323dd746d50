"""Health, readiness and metrics, with the stores really away."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pairing_server.errors import Unavailable
from pairing_server.health import HealthRoutes
from pairing_server.ports import Ports
from pairing_server.store import die_with_parent
from pairing_server.store.embedded import find_binary, options
from tests.house import WORKSTATION, house_settings, opened_house, stores_on
from tests.valkey import opened


class Valkey:
    """A Valkey that can be killed, and started again with what it had."""

    def __init__(self, directory):
        self.directory = directory
        self.path = str(directory / "v.sock")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())),
                *(str(find_binary()), *options(self.directory, self.path)),
            ]
        )

    def kill(self):
        self.process.kill()
        self.process.wait()

    async def answers(self):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_unix_connection(self.path)
                writer.close()
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def valkey(tmp_path):
    valkey = Valkey(tmp_path)
    valkey.start()
    try:
        await valkey.answers()
        yield valkey
    finally:
        valkey.kill()


async def get(house, path):
    async with house.http.get(house.base_url + path) as told:
        return told, await told.json()


async def ready(house):
    for _ in range(100):
        if (await get(house, "/readyz"))[0].status == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("The server does not recover.")


async def test_a_living_server_says_so(house):
    told, body = await get(house, "/healthz")

    assert (told.status, body) == (200, {"status": "ok"})


async def test_a_server_with_its_stores_is_ready(house):
    told, body = await get(house, "/readyz")

    assert (told.status, body["status"]) == (200, "ok")


async def test_readiness_tells_the_age_of_the_revocation_lists(house):
    _, body = await get(house, "/readyz")

    ages = body["uzi_crl_age_seconds"]
    assert set(ages) == {
        "TEST UZI-register Zorgverlener CA G3",
        "TEST UZI-register Medewerker op naam CA G3",
        "TEST Zorg CSP Level 2 Persoon CA G3",
        "TEST Zorg CSP Root CA G3",
    }
    assert all(0 <= age < 3600 for age in ages.values())


async def test_stale_revocation_lists_keep_no_phone_out(house, clock):
    clock.advance(timedelta(days=30))

    told, body = await get(house, "/readyz")

    assert told.status == 200
    assert min(body["uzi_crl_age_seconds"].values()) > 29 * 86400


async def test_the_age_of_the_freshest_list_is_measured(house):
    async with house.http.get(f"{house.base_url}/metrics") as told:
        families = text_string_to_metric_families(await told.text())

    (family,) = (one for one in families if one.name == "pairing_uzi_crl_age_seconds")
    ages = {sample.labels["authority"]: sample.value for sample in family.samples}
    assert 0 <= ages["TEST UZI-register Zorgverlener CA G3"] < 3600


async def test_without_its_store_it_says_so_and_recovers_by_itself(
    valkey, registry, clock, register, tmp_path
):
    async with opened(f"unix://{valkey.path}") as store:
        ports = Ports(registry, store, clock, os.urandom)
        settings = house_settings(register, tmp_path)
        async with opened_house(settings, await stores_on(ports), ports, register) as house:
            page = await house.registered()
            valkey.kill()

            async with page._http.post(
                f"{house.base_url}/uzi/sessions",
                json={"purpose": "login"},
                headers=page._headers,
            ) as told:
                body = await told.json()
            assert (told.status, body["error"]) == (503, "temporarily_unavailable")
            assert body["request_id"] == told.headers["X-Request-Id"]
            assert told.headers["Retry-After"] == "2"
            assert (await get(house, "/healthz"))[0].status == 200

            valkey.start()
            await valkey.answers()
            await ready(house)
            assert (await page.start_pairing()).id


async def test_readiness_names_the_store_that_is_away(house):
    await house.stores.store.close()

    told, body = await get(house, "/readyz")

    assert (told.status, told.headers["Retry-After"]) == (503, "2")
    assert body["error"] == "temporarily_unavailable"
    assert (body["status"], body["store"], body["registry"]) == ("unavailable", "away", "ok")


async def test_readiness_names_the_registry_that_is_away(house):
    page = await house.page()
    session = await page.start_session("login")
    return_uri = await house.agent().prove(session.agent_uri, house.register.card(house.holder))
    await house.registry.close()

    told, body = await get(house, "/readyz")
    assert (told.status, body["store"], body["registry"]) == (503, "ok", "away")
    completion = return_uri.rpartition(".")[2]
    async with page._http.post(
        f"{house.base_url}/uzi/sessions/{session.id}/complete",
        json={"completion": completion},
        headers=page._headers,
    ) as told:
        body = await told.json()
    assert (told.status, body["error"]) == (503, "temporarily_unavailable")
    assert body["request_id"] == told.headers["X-Request-Id"]


async def test_a_server_that_stops_is_not_ready(registry, store):
    health = HealthRoutes(registry, store)
    health.drain()

    with pytest.raises(Unavailable) as refused:
        await health.ready(None)

    assert refused.value.members == {"status": "draining", "registry": "ok", "store": "ok"}


async def test_metrics_parse_and_name_nobody(house):
    phone = await house.bind()
    workstation = await house.workstation()
    started = await house.ask(workstation, request_context=WORKSTATION)
    (request,) = await phone.auth_requests()
    await phone.approve(request, started.binding_code)
    await workstation.poll(started)
    await get(house, f"/uzi/sessions/{house.client_id}")

    async with house.http.get(f"{house.base_url}/metrics") as told:
        said = await told.text()

    families = {family.name: family for family in text_string_to_metric_families(said)}
    assert {"pairing_http_request_seconds", "pairing_events", "pairing_wakeups"} <= set(families)
    requests = families["pairing_http_request_seconds"].samples
    routes = {sample.labels["route"] for sample in requests}
    assert "/phone/auth-requests/{id}/answer" in routes
    for identifier in (
        *(house.holder.uzi_number, house.holder.ura, house.holder.last_name, house.client_id),
        *(phone.credential_id, phone.device_token, request.id, started.auth_req_id),
    ):
        assert identifier not in said
