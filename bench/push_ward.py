"""A registry with people who have a phone each, and the server on it in a process of its own."""

import asyncio
import contextlib
import multiprocessing
import secrets
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import aiohttp
import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from bench.push_services import OURS, Phone, Services, pinned
from clients.workstation import Workstation
from pairing_server import logs
from pairing_server.app import Surroundings, open_stores, running
from pairing_server.cli.serve import settle
from pairing_server.clock import utc_now
from pairing_server.registry import (
    Registry,
    Transaction,
    clients,
    credentials,
    organisations,
    people,
)
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.credentials import Credential, CredentialKind, CredentialStatus
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import Membership, MembershipKind, Person, PersonStatus
from pairing_server.settings import Settings
from pairing_server.tokens import new_id

URA, CLIENT = "12345678", "client-1"
LOW = "http://eidas.europa.eu/LoA/low"


@dataclass(frozen=True)
class Ward:
    """A server that is up, and a workstation's key."""

    base_url: str
    key: ec.EllipticCurvePrivateKey
    people: dict[str, str]

    def workstation(self, http: aiohttp.ClientSession) -> Workstation:
        """Return a workstation that is known there."""
        return Workstation(http, self.base_url, CLIENT, self.key)

    def hint(self, phone: Phone) -> str:
        """Return by what a workstation names the person of a phone."""
        return f"uzi:{self.people[phone.key]}"


@contextlib.contextmanager
def ward(directory: Path, services: Services, phones: Sequence[Phone]) -> Iterator[Ward]:
    """Run a server whose people have these phones, until the block is left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://localhost:{port}"
    settings = services.settings(base_url=url, port=port, data_dir=directory, log_level="error")
    numbers = {phone.key: f"{100_000_000 + place}" for place, phone in enumerate(phones)}
    opened = Ward(url, ec.generate_private_key(ec.SECP256R1()), numbers)
    here, there = multiprocessing.Pipe()
    forked = multiprocessing.get_context("fork")
    process = forked.Process(target=_serve, args=(there, settings, opened, phones))
    process.start()
    try:
        here.recv()
        yield opened
    finally:
        here.send("stop")
        process.join()


def _serve(pipe: Pipe, settings: Settings, opened: Ward, phones: Sequence[Phone]) -> None:
    async def serving() -> None:
        logs.configure(settings.log_level, settings.log_format)
        async with open_stores(settings) as stores:
            await fill(stores.registry, opened, phones)
            async with running(settings, stores, Surroundings()):
                settle()
                pipe.send("up")
                await asyncio.to_thread(pipe.recv)

    pinned(OURS)
    uvloop.run(serving())


async def fill(registry: Registry, opened: Ward, phones: Sequence[Phone]) -> list[Credential]:
    """Register the workstation's client and everybody with their phones."""
    made = [credential(place, phone) for place, phone in enumerate(phones)]

    def everybody(tx: Transaction) -> None:
        now = utc_now()
        organisations.add(
            tx,
            Organisation(
                ura=URA, name="Ward", status=OrganisationStatus.ACTIVE, registered_at=now
            ),
        )
        jwk = {**ECAlgorithm.to_jwk(opened.key.public_key(), as_dict=True), "alg": "ES256"}
        clients.add(
            tx,
            Client(
                id=CLIENT,
                name="EHR",
                jwks={"keys": [jwk]},
                uras=(URA,),
                redirect_uris=(),
                policy={},
                status=ClientStatus.ACTIVE,
                created_at=now,
            ),
        )
        for phone, each in zip(phones, made, strict=True):
            add_person(tx, opened.people[phone.key], each)

    await registry.commit(everybody)
    return made


def add_person(tx: Transaction, uzi_number: str, phone: Credential) -> None:
    """Register a person who works at the hospital, with their phone."""
    person = Person(
        id=phone.person_id,
        uzi_number=uzi_number,
        first_names="Saskia",
        last_name="de Boer",
        birth_digest=None,
        user_name=f"user{uzi_number}",
        status=PersonStatus.ACTIVE,
        created_at=phone.bound_at,
    )
    membership = Membership(
        person_id=person.id,
        ura=URA,
        role_code="01.015",
        kind=MembershipKind.EMPLOYEE,
        administrative_role=None,
        valid_until=None,
        created_at=phone.bound_at,
    )
    people.add_person(tx, person)
    people.put_membership(tx, membership)
    credentials.add(tx, phone)


def credential(place: int, phone: Phone) -> Credential:
    """Return what the registry has of a phone."""
    now = utc_now()
    return Credential(
        id=new_id(secrets.token_bytes),
        person_id=f"person-{place}",
        kind=CredentialKind.PHONE,
        public_key=b"key",
        sign_count=0,
        aaguid="00000000-0000-0000-0000-000000000000",
        attestation_format="none",
        attestation_verdict="unknown",
        backup_eligible=True,
        backed_up=True,
        acr=LOW,
        platform="other",
        model="",
        app_version="",
        status=CredentialStatus.ACTIVE,
        bound_by="uzi-pas",
        pairing_id=f"pairing-{place}",
        device_token_digest=f"token-{place}",
        next_device_token_digest=None,
        push_service=phone.address.service,
        push_address=phone.address.address,
        bound_at=now,
        expires_at=now.replace(year=now.year + 1),
        last_used_at=None,
        last_used_workstation=None,
    )
