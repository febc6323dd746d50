"""A pairing under races, crashes and changes behind its back: bound once, or not at all."""

import asyncio
import secrets
import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from clients.authenticator import Authenticator
from clients.client_data import HONEST, Twist
from pairing_server.errors import Expired, NotFound, Unauthenticated
from pairing_server.keys.ceremony import verify_registration
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.refusals import (
    AttestationNotAccepted,
    CredentialExists,
    InvalidCredential,
)
from pairing_server.push import PushAddress, PushService
from pairing_server.qr.flow import PairingFlow
from pairing_server.qr.pairing import PAIRING_LIFETIME, Device, Pairing, Status
from pairing_server.qr.refusals import NotRegistered, PairingClosed, WrongCheckNumber
from pairing_server.registry import (
    RegistryUnavailableError,
    credentials,
    people,
)
from pairing_server.registry.people import Membership, MembershipKind
from pairing_server.registry.tables import organisation
from pairing_server.store import StoreUnavailableError
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import b64url_decode, digest, new_secret
from tests.doubles import StalledStore
from tests.keys.handset import (
    ORIGIN,
    URA,
    MeanwhileRegistry,
    add_handset,
    close_person,
    registration,
)
from tests.keys.makers import Authority, Making, trusting
from tests.keys.statements import STATEMENTS

BROWSER = "browser"
DEVICE = Device("ios", "iPhone", "1")


def draw():
    return new_secret(secrets.token_bytes)


@dataclass
class Play:
    """One pairing, and the phone that has it."""

    flow: object
    id: str
    secret: str
    token: str
    number: str = ""
    challenge: str = ""

    async def scan(self):
        held = await self.flow.scan(self.id, self.secret, self.token, DEVICE)
        self.number, self.challenge = held.check_number, held.challenge
        return self

    async def prove(self, push=None, twist=HONEST, authenticator=None):
        challenge = b64url_decode(self.challenge)
        made = registration(authenticator or Authenticator(), twist, challenge=challenge)
        await self.flow.prove(self.id, self.token, made, push)
        return self

    @property
    def wrong(self):
        return str((int(self.number) + 1) % 10_000).zfill(4)

    async def confirm(self, number=None, flow=None):
        await (flow or self.flow).confirm(self.id, BROWSER, number or self.number)

    async def status(self):
        held = await self.flow.for_phone(self.id, self.token, timedelta(0))
        return held.status


@pytest.fixture
async def offered(flow, person):
    held, code = await flow.offer(person.id, URA, BROWSER, "uzi-pas")
    return Play(flow, held.id, code.secret, draw())


@pytest.fixture
async def scanned(offered):
    return await offered.scan()


@pytest.fixture
async def proved(scanned):
    return await scanned.prove()


@pytest.fixture
def shelf(store):
    return Shelf(store, "pairing", Pairing)


async def bound(registry):
    return await registry.read(credentials.list_all)


async def results(*calls):
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    return Counter(type(each) if isinstance(each, Exception) else "done" for each in outcomes)


async def test_a_pairing_binds_the_phones_key(scanned, registry, person, audit, clock):
    await scanned.prove(PushAddress(PushService.FCM, "push-token"))
    await scanned.confirm()
    (credential,) = await bound(registry)
    assert (credential.person_id, credential.pairing_id) == (person.id, scanned.id)
    assert credential.device_token_digest == digest(scanned.token)
    assert (credential.platform, credential.model) == ("ios", "iPhone")
    assert (credential.push_service, credential.push_address) == ("fcm", "push-token")
    assert credential.bound_by == "uzi-pas"
    assert credential.expires_at - credential.bound_at == timedelta(days=3 * 365)
    assert await scanned.status() is Status.PAIRED
    (event,) = await audit()
    assert (event["action"], event["actor"]) == ("AuthenticatorBound", f"person:{person.id}")
    assert event["object"] == f"credential:{credential.id}"
    assert event["evidence"]["acr"].endswith("/substantial")
    assert b64url_decode(event["evidence"]["public_key"]) == credential.public_key


async def test_the_secret_and_the_token_are_kept_as_digests_only(proved, store):
    raw = await store.get(f"pairing:{proved.id}")
    assert digest(proved.secret).encode() in raw
    assert proved.secret.encode() not in raw
    assert proved.token.encode() not in raw


async def test_64_scans_at_once_are_one(offered, shelf):
    phones = [replace(offered, token=draw()) for _ in range(64)]
    assert await results(*(phone.scan() for phone in phones)) == {"done": 1, NotFound: 63}
    held = (await shelf.get(offered.id)).value
    winner = [phone for phone in phones if digest(phone.token) == held.device_token_digest]
    assert [phone.number for phone in winner] == [held.check_number]


async def test_the_same_phone_64_times_gets_one_answer(offered):
    phones = [replace(offered) for _ in range(64)]
    assert await results(*(phone.scan() for phone in phones)) == {"done": 64}
    assert len({(phone.number, phone.challenge) for phone in phones}) == 1


async def test_a_scan_between_the_read_and_the_write_of_another_wins(make_flow, offered, store):
    first = replace(offered, token=draw())
    stalled = StalledStore(store, first.scan)
    late = replace(offered, flow=make_flow(store=stalled))
    with pytest.raises(NotFound):
        await late.scan()
    assert stalled.stalled
    assert await first.status() is Status.SCANNED


async def test_a_key_between_the_check_and_the_write_of_another_wins(make_flow, scanned, store):
    stalled = StalledStore(store, scanned.prove)
    late = replace(scanned, flow=make_flow(store=stalled))
    with pytest.raises(PairingClosed):
        await late.prove()
    assert stalled.stalled


async def test_64_keys_at_once_are_one(scanned):
    assert await results(*(scanned.prove() for _ in range(64))) == {"done": 1, PairingClosed: 63}


async def test_64_confirmations_at_once_bind_once(proved, registry, audit):
    outcomes = await results(*(proved.confirm() for _ in range(64)))
    assert outcomes == {"done": 1, PairingClosed: 63}
    assert len(await bound(registry)) == 1
    assert [event["action"] for event in await audit()] == ["AuthenticatorBound"]
    assert await proved.status() is Status.PAIRED


async def test_64_numbers_at_once_are_three_attempts(proved, registry, audit):
    outcomes = await results(*(proved.confirm(proved.wrong) for _ in range(64)))
    assert outcomes == {WrongCheckNumber: 3, PairingClosed: 61}
    assert await bound(registry) == []
    (event,) = await audit()
    assert (event["action"], event["outcome"]) == ("PairingRefused", "refused")
    assert event["evidence"] == {"reason": "three wrong check numbers"}
    with pytest.raises(PairingClosed):
        await proved.confirm()


async def test_a_wrong_number_tells_how_many_are_left(proved):
    left = []
    for _ in range(3):
        with pytest.raises(WrongCheckNumber) as refused:
            await proved.confirm(proved.wrong)
        left.append(refused.value.members["attempts_left"])
    assert left == [2, 1, 0]
    assert await proved.status() is Status.REFUSED


async def test_the_right_number_between_the_read_and_the_write_of_a_wrong_one_binds(
    make_flow, proved, store, registry
):
    stalled = StalledStore(store, proved.confirm)
    with pytest.raises(PairingClosed):
        await proved.confirm(proved.wrong, make_flow(store=stalled))
    assert stalled.stalled
    assert len(await bound(registry)) == 1
    assert await proved.status() is Status.PAIRED


async def test_a_wrong_number_between_the_read_and_the_write_of_the_right_one_counts(
    make_flow, proved, store, registry, shelf
):
    async def guess():
        with pytest.raises(WrongCheckNumber):
            await proved.confirm(proved.wrong)

    stalled = StalledStore(store, guess)
    await proved.confirm(flow=make_flow(store=stalled))
    assert stalled.stalled
    assert (await shelf.get(proved.id)).value.attempts_left == 2
    assert len(await bound(registry)) == 1


async def test_the_third_wrong_number_between_the_read_and_the_write_of_the_right_one_ends_it(
    make_flow, proved, store, registry
):
    async def guess():
        await results(*(proved.confirm(proved.wrong) for _ in range(3)))

    stalled = StalledStore(store, guess)
    with pytest.raises(PairingClosed):
        await proved.confirm(flow=make_flow(store=stalled))
    assert stalled.stalled
    assert await bound(registry) == []


async def test_a_wrong_number_while_the_registry_is_being_told_changes_nothing(
    make_flow, proved, registry
):
    async def guess():
        with pytest.raises(WrongCheckNumber):
            await proved.confirm(proved.wrong)

    meanwhile = MeanwhileRegistry(registry, guess)
    await proved.confirm(flow=make_flow(registry=meanwhile))
    assert meanwhile.stalled
    assert len(await bound(registry)) == 1


async def test_who_confirmed_in_time_is_bound_though_the_time_runs_out(
    make_flow, proved, store, registry, clock
):
    async def run_out():
        clock.advance(PAIRING_LIFETIME)

    stalled = StalledStore(store, run_out)
    await proved.confirm(flow=make_flow(store=stalled))
    assert stalled.stalled
    assert len(await bound(registry)) == 1
    assert await proved.status() is Status.PAIRED


@pytest.mark.parametrize("step", ["scan", "prove", "confirm"])
async def test_nobody_moves_an_expired_pairing(proved, registry, clock, step):
    clock.advance(PAIRING_LIFETIME)
    with pytest.raises(Expired):
        await getattr(proved, step)()
    assert await bound(registry) == []


class Crash(Exception):  # noqa: N818  (what happens)
    """A node dies here."""


async def crash():
    raise Crash


async def claimed(make_flow, play, registry):
    """Confirm at a node that dies between the claim and the commit."""
    with pytest.raises(Crash):
        await play.confirm(flow=make_flow(registry=MeanwhileRegistry(registry, crash)))


async def test_a_crash_between_the_claim_and_the_commit_can_be_confirmed_again(
    make_flow, proved, registry, shelf, audit
):
    await claimed(make_flow, proved, registry)
    assert (await shelf.get(proved.id)).value.status is Status.BINDING
    assert await bound(registry) == []
    await proved.confirm()
    assert len(await bound(registry)) == len(await audit()) == 1
    assert await proved.status() is Status.PAIRED


async def test_a_claim_that_ran_out_binds_nothing(make_flow, proved, registry, clock):
    await claimed(make_flow, proved, registry)
    clock.advance(PAIRING_LIFETIME)
    with pytest.raises(Expired):
        await proved.confirm()
    assert await bound(registry) == []


class DyingStore(StalledStore):
    """A Store that is away from the second write on."""

    async def swap(self, *arguments):
        if self.stalled:
            raise StoreUnavailableError
        return await super().swap(*arguments)


async def nothing():
    pass


async def committed(make_flow, play, store):
    """Confirm at a node that dies between the commit and the news of it."""
    with pytest.raises(StoreUnavailableError):
        await play.confirm(flow=make_flow(store=DyingStore(store, nothing)))


async def test_a_crash_after_the_commit_is_told_as_paired(
    make_flow, proved, store, registry, shelf
):
    await committed(make_flow, proved, store)
    assert (await shelf.get(proved.id)).value.status is Status.BINDING
    assert len(await bound(registry)) == 1
    assert await proved.status() is Status.PAIRED
    assert (await proved.flow.for_browser(proved.id, BROWSER)).status is Status.PAIRED


async def test_a_confirmation_after_such_a_crash_hears_that_it_is_paired(
    make_flow, proved, store, registry, person, audit
):
    await committed(make_flow, proved, store)
    await close_person(registry, person)
    with pytest.raises(PairingClosed) as refused:
        await proved.confirm()
    assert refused.value.members == {"status": Status.PAIRED}
    assert await proved.status() is Status.PAIRED
    assert len(await bound(registry)) == len(await audit()) == 1


async def test_a_bound_phone_does_not_hear_that_it_expired(make_flow, proved, store, clock):
    await committed(make_flow, proved, store)
    clock.advance(PAIRING_LIFETIME)
    assert await proved.status() is Status.PAIRED


async def test_a_registry_that_is_away_leaves_it_to_be_confirmed_again(
    make_flow, proved, registry
):
    async def away():
        raise RegistryUnavailableError

    with pytest.raises(RegistryUnavailableError):
        await proved.confirm(flow=make_flow(registry=MeanwhileRegistry(registry, away)))
    assert await proved.status() is Status.BINDING
    await proved.confirm()
    assert len(await bound(registry)) == 1


async def end_membership(registry, person, clock):
    ended = Membership(
        person_id=person.id,
        ura=URA,
        role_code="01.015",
        kind=MembershipKind.EMPLOYEE,
        administrative_role=None,
        valid_until=clock(),
        created_at=clock(),
    )
    await registry.commit(lambda tx: people.put_membership(tx, ended))


async def end_person(registry, person, clock):
    _ = clock
    await close_person(registry, person)


async def end_organisation(registry, person, clock):
    _ = person, clock
    close = sa.update(organisation).values(status="closed")
    await registry.commit(lambda tx: tx.run(close))


ENDS = [end_membership, end_person, end_organisation]


@pytest.mark.parametrize("end", ENDS)
async def test_who_does_not_work_there_any_more_is_not_bound(
    proved, registry, person, clock, audit, end
):
    await end(registry, person, clock)
    with pytest.raises(PairingClosed) as refused:
        await proved.confirm()
    assert refused.value.members == {"status": Status.REFUSED}
    assert await bound(registry) == []
    assert await proved.status() is Status.REFUSED
    (event,) = await audit()
    assert event["action"] == "PairingRefused"


@pytest.mark.parametrize("end", ENDS)
async def test_an_end_between_the_claim_and_the_commit_is_seen(
    *, make_flow, proved, registry, person, clock, end
):
    meanwhile = MeanwhileRegistry(registry, lambda: end(registry, person, clock))
    with pytest.raises(PairingClosed):
        await proved.confirm(flow=make_flow(registry=meanwhile))
    assert meanwhile.stalled
    assert await bound(registry) == []


@pytest.mark.parametrize("end", ENDS)
async def test_who_does_not_work_there_is_offered_nothing(flow, registry, person, clock, end):
    await end(registry, person, clock)
    with pytest.raises(NotRegistered):
        await flow.offer(person.id, URA, BROWSER, "uzi-pas")


@pytest.mark.parametrize(("who", "ura"), [(None, URA), ("nobody", URA), ("", "90000383")])
async def test_who_is_not_registered_is_offered_nothing(flow, person, who, ura):
    _ = person
    with pytest.raises(NotRegistered):
        await flow.offer(who, ura, BROWSER, "uzi-pas")


class OldIdAuthenticator(Authenticator):
    """Makes new keys under the id of an old one."""

    def __init__(self, credential_id):
        super().__init__()
        self._old = b64url_decode(credential_id)

    def _attested(self, credential, key, twist):
        made = super()._attested(credential, key, twist)
        return made[:18] + self._old + made[18 + len(self._old) :]


async def test_a_credential_id_that_is_bound_is_refused(scanned, registry, person, clock):
    other = await add_handset(registry, person, clock())
    with pytest.raises(CredentialExists):
        await scanned.prove(authenticator=OldIdAuthenticator(other.credential_id))
    await scanned.prove()
    await scanned.confirm()


async def test_a_credential_id_that_was_bound_meanwhile_is_refused(
    flow, scanned, registry, person, audit
):
    held, code = await flow.offer(person.id, URA, BROWSER, "uzi-pas")
    other = await Play(flow, held.id, code.secret, draw()).scan()
    authenticator = Authenticator()
    await scanned.prove(authenticator=authenticator)
    twin = OldIdAuthenticator(authenticator.credentials[0].credential_id)
    await other.prove(authenticator=twin)
    outcomes = await results(scanned.confirm(), other.confirm())
    assert outcomes == {"done": 1, CredentialExists: 1}
    (credential,) = await bound(registry)
    assert {await scanned.status(), await other.status()} == {Status.PAIRED, Status.REFUSED}
    assert sorted(event["action"] for event in await audit()) == [
        "AuthenticatorBound",
        "PairingRefused",
    ]
    assert credential.pairing_id in {scanned.id, other.id}


async def test_a_device_token_of_another_phone_binds_nothing(offered, registry, person, clock):
    other = await add_handset(registry, person, clock())
    play = await (await replace(offered, token=other.device_token).scan()).prove()
    with pytest.raises(CredentialExists):
        await play.confirm()
    assert [each.id for each in await bound(registry)] == [other.credential_id]


async def test_a_key_that_does_not_verify_leaves_the_pairing_open(scanned):
    with pytest.raises(InvalidCredential):
        await scanned.prove(twist=Twist(challenge=b"another" * 4))
    assert await scanned.status() is Status.SCANNED
    await scanned.prove()


async def test_the_key_of_another_pairing_is_refused(flow, scanned, person):
    held, code = await flow.offer(person.id, URA, BROWSER, "uzi-pas")
    other = await Play(flow, held.id, code.secret, draw()).scan()
    assert other.challenge != scanned.challenge
    with pytest.raises(InvalidCredential):
        await replace(scanned, challenge=other.challenge).prove()


async def test_strangers_get_one_answer(proved):
    stranger = replace(proved, token=draw())
    unknown = replace(proved, id="unknown")
    calls = [
        *(stranger.scan(), stranger.prove(), stranger.status()),
        replace(proved, secret=draw()).scan(),
        proved.flow.confirm(proved.id, "another browser", proved.number),
        proved.flow.for_browser(proved.id, "another browser"),
        *(unknown.scan(), unknown.prove(), unknown.status(), unknown.confirm()),
        proved.flow.for_browser("unknown", BROWSER),
    ]
    assert await results(*calls) == {NotFound: len(calls)}


async def test_a_stranger_at_the_page_burns_no_attempt(proved, shelf):
    guesses = [proved.flow.confirm(proved.id, "another", proved.wrong) for _ in range(3)]
    assert await results(*guesses) == {NotFound: 3}
    assert (await shelf.get(proved.id)).value.attempts_left == 3


async def test_a_claim_without_a_key_binds_nothing(proved, shelf, registry):
    await shelf.change(proved.id, lambda held: replace(held, key=None))
    with pytest.raises(PairingClosed):
        await proved.confirm()
    assert await bound(registry) == []


async def test_a_number_is_typed_after_the_key(scanned):
    with pytest.raises(PairingClosed) as refused:
        await scanned.confirm()
    assert refused.value.members == {"status": Status.SCANNED}


async def test_a_phone_waits_until_the_number_was_typed(proved):
    waiting = asyncio.create_task(
        proved.flow.for_phone(proved.id, proved.token, timedelta(seconds=25))
    )
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await proved.confirm()
    assert (await asyncio.wait_for(waiting, 10)).status is Status.PAIRED


async def test_a_phone_hears_of_a_refusal_at_once(proved):
    waiting = asyncio.create_task(
        proved.flow.for_phone(proved.id, proved.token, timedelta(seconds=25))
    )
    await asyncio.sleep(0.05)
    await results(*(proved.confirm(proved.wrong) for _ in range(3)))
    assert (await asyncio.wait_for(waiting, 10)).status is Status.REFUSED


async def test_a_phone_waits_no_longer_than_the_pairing_lives(scanned, clock):
    clock.advance(PAIRING_LIFETIME - timedelta(seconds=0.2))
    waiting = scanned.flow.for_phone(scanned.id, scanned.token, timedelta(seconds=25))
    held = await asyncio.wait_for(waiting, 10)
    assert held.status_at(clock()) is Status.EXPIRED


async def test_a_phone_waits_no_longer_than_it_said(scanned):
    waiting = scanned.flow.for_phone(scanned.id, scanned.token, timedelta(seconds=0.1))
    assert (await asyncio.wait_for(waiting, 10)).status is Status.SCANNED


@pytest.mark.parametrize(("drawn", "number"), [(0, "0000"), (7, "0007"), (2**64 - 1, "1615")])
async def test_a_check_number_has_four_digits(make_flow, offered, drawn, number):
    fixed = make_flow(
        random=lambda count: drawn.to_bytes(8, "big") if count == 8 else bytes(count)
    )
    assert (await replace(offered, flow=fixed).scan()).number == number


async def test_a_sign_out_between_the_number_and_the_commit_binds_nothing(
    proved, make_flow, registry, person, clock
):
    async def sign_out():
        await registry.commit(lambda tx: people.sign_out(tx, person.id, clock()))

    meanwhile = MeanwhileRegistry(registry, sign_out)

    with pytest.raises(Unauthenticated):
        await proved.confirm(flow=make_flow(registry=meanwhile))

    assert meanwhile.stalled
    assert await bound(registry) == []
    assert await proved.status() is Status.REFUSED


async def test_what_was_offered_after_a_sign_out_is_bound(registry, person, clock, flow):
    await registry.commit(lambda tx: people.sign_out(tx, person.id, clock()))
    held, code = await flow.offer(person.id, URA, BROWSER, "uzi-pas")
    play = await (await Play(flow, held.id, code.secret, draw()).scan()).prove()

    await play.confirm()

    assert len(await bound(registry)) == 1


@pytest.mark.parametrize("kind", sorted(STATEMENTS))
async def test_a_key_that_its_maker_attested_is_bound_as_such(ports, scanned, registry, kind):
    root = Authority.root()
    believing = PairingFlow(ports, rp=trusting(root), base_url=ORIGIN, policy=KeyPolicy())
    making = Making(twist=Twist(challenge=b64url_decode(scanned.challenge)))
    made = making.response(kind, STATEMENTS[kind](making, root))
    with pytest.raises(AttestationNotAccepted):
        await scanned.flow.prove(scanned.id, scanned.token, made, None)
    await believing.prove(scanned.id, scanned.token, made, None)
    await scanned.confirm()
    (credential,) = await bound(registry)
    assert (credential.attestation_format, credential.attestation_verdict) == (kind, "hardware")


async def test_a_strangers_certificates_are_not_followed_on_the_loop(scanned, monkeypatch):
    threads = []

    def verify(*arguments):
        threads.append(threading.current_thread())
        return verify_registration(*arguments)

    monkeypatch.setattr("pairing_server.qr.flow.verify_registration", verify)
    await scanned.prove()
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()
