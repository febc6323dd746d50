"""The clients whose registered keys come with certificates, of one organisation."""

from dataclasses import replace

import pytest

from pairing_server.registry import certified_clients, clients, organisations
from pairing_server.registry.certified_clients import CertifiedClient
from pairing_server.registry.client_metadata import AuthMethod, ClientMetadata
from pairing_server.registry.clients import ClientStatus
from tests.databases import *  # noqa: F403  (the fixtures that its `__all__` names)
from tests.registry.people import ORGANISATION
from tests.registry.test_person_workstations import CLIENT

OURS, THEIRS = "90000001", "90000002"
KEY = {"kty": "EC", "x5c": ["AAAA"]}
HIS = replace(CLIENT, uras=(OURS,), jwks={"keys": [KEY]})


@pytest.fixture
async def found(registry):
    def prepare(tx):
        for ura in (OURS, THEIRS):
            organisations.add(tx, replace(ORGANISATION, ura=ura))

    await registry.commit(prepare)

    async def find(*known):
        await registry.commit(lambda tx: [clients.add(tx, each) for each in known])
        return await registry.read(lambda tx: certified_clients.of_organisation(tx, OURS))

    return find


async def test_those_of_the_organisation_are_found_by_name(found):
    second = replace(HIS, id="a", name="Zorg", uras=(OURS, THEIRS))
    bare = replace(HIS, id="b", jwks={"keys": [{"kty": "EC"}]})
    foreign = replace(HIS, id="c", uras=(THEIRS,))
    closed = replace(HIS, id="d", status=ClientStatus.CLOSED)

    assert await found(second, HIS, bare, foreign, closed) == [
        CertifiedClient("his", "HIS", (KEY,)),
        CertifiedClient("a", "Zorg", (KEY,)),
    ]


@pytest.mark.parametrize(
    "metadata",
    [
        ClientMetadata(jwks_uri="https://his.example/jwks"),
        ClientMetadata(
            token_endpoint_auth_method=AuthMethod.TLS_CLIENT_AUTH,
            tls_client_auth_san_dns="his.example",
        ),
    ],
    ids=["keys elsewhere", "certificate"],
)
async def test_who_shows_who_it_is_in_another_way_is_not_among_them(found, metadata):
    assert await found(replace(HIS, metadata=metadata)) == []
