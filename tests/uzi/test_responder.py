"""A responder is asked in time, a few at once, and not when it is down."""

import asyncio
import os
import socket
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from cryptography.x509 import ocsp

from clients.test_responder import Manner, OcspResponder, asked_nonce, unsuccessful
from pairing_server.destination import AllowList, EgressError, Reason
from pairing_server.egress import Answer, Call, Egress
from pairing_server.metrics import METRICS
from pairing_server.uzi.ocsp import Disrupted, Disruption, Verdict
from pairing_server.uzi.responder import (
    FIRST_PAUSE,
    LAST_PAUSE,
    MAX_FAILURES,
    MAX_IN_FLIGHT,
    Circuit,
    Responder,
)
from tests.uzi.publisher import (
    answering,
    dribbling,
    loopback,
    redirecting,
    saying,
    silence,
)

LIMIT = 32 * 1024
SHORT = timedelta(seconds=0.3)


@pytest.fixture(scope="module")
def issuing(ca):
    return ca.issuing("Z")


@pytest.fixture
def path(card, ca):
    return [card.certificate, *card.chain]


@pytest.fixture
def delegated(issuing):
    return OcspResponder.delegated(issuing, datetime.now(UTC))


class Time:
    """A monotonic clock that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def asking(publisher):
    """Make who asks, and ask: `ask = asking(...)`, `await ask()`."""
    egress = Egress([ip_network("127.0.0.0/8")], resolve=loopback)
    allowed = AllowList.of([f"crl.test:{publisher.port}"], plain_http=True)

    async def post(url, question, deadline):
        headers = {"Content-Type": "application/ocsp-request"}
        call = Call(url, LIMIT, deadline, "POST", question, headers)
        return await egress.send(call, allowed)

    def asking(path, post=post, **options):
        responder = Responder(post, os.urandom, **options)

        async def ask(url=None, **options):
            url = url or publisher.url("ocsp")
            return await responder.ask(url, path, datetime.now(UTC), [], **options)

        return ask

    return asking


async def disruption(ask, **options):
    with pytest.raises(Disrupted) as refused:
        await ask(**options)
    return refused.value.disruption


def measured(outcome):
    name = "pairing_uzi_ocsp_seconds_count"
    return METRICS.get_sample_value(name, {"outcome": outcome}) or 0


async def test_a_responder_is_asked(asking, path, publisher, delegated, card):
    publisher.ocsp = answering(delegated, card.certificate)
    before = measured("good")

    heard = await asking(path)()

    assert heard.answer.verdict is Verdict.GOOD
    assert ocsp.load_der_ocsp_response(heard.response).serial_number == (
        card.certificate.serial_number
    )
    assert measured("good") == before + 1


async def test_each_question_has_a_nonce_of_its_own(asking, path, publisher, delegated, card):
    publisher.ocsp = answering(delegated, card.certificate)
    ask = asking(path)

    await asyncio.gather(*(ask() for _ in range(5)))

    nonces = {asked_nonce(question) for question in publisher.questions}
    assert len(nonces) == 5
    assert {len(nonce) for nonce in nonces} == {32}


async def test_the_response_to_one_is_a_replay_to_another(
    asking, path, publisher, delegated, card
):
    publisher.ocsp = answering(delegated, card.certificate)
    ask = asking(path)
    heard = await ask()
    publisher.ocsp = saying(heard.response)

    assert await disruption(ask) is Disruption.REPLAYED


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        (saying(b"", status=503), Disruption.STATUS),
        (saying(b"\x30\x03\x0a\x01\x00", status=201), Disruption.STATUS),
        (saying(b"<html>", "text/html"), Disruption.MEDIA_TYPE),
        (saying(b"<html>"), Disruption.MALFORMED),
        (saying(b""), Disruption.MALFORMED),
        (saying(bytes(LIMIT + 1)), Disruption.EGRESS),
        (redirecting("/elsewhere"), Disruption.EGRESS),
        (silence, Disruption.EGRESS),
        (dribbling(bytes(1000)), Disruption.EGRESS),
        (saying(unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)), Disruption.UNSUCCESSFUL),
    ],
    ids=[
        "503",
        "201",
        "portal",
        "no response",
        "empty",
        "too large",
        "redirect",
        "silence",
        "dribble",
        "try later",
    ],
)
async def test_what_is_no_answer(asking, path, publisher, handler, found):
    publisher.ocsp = handler
    began = time.monotonic()
    before = measured(found.value)

    assert await disruption(asking(path, patience=SHORT)) is found
    assert time.monotonic() - began < 20
    assert measured(found.value) == before + 1


async def test_where_nobody_listens(asking, path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ask = asking(path)

    assert await disruption(ask, url=f"http://crl.test:{port}/") is Disruption.EGRESS


async def test_an_answer_of_another_certificate_is_none(
    asking, path, publisher, delegated, issuing
):
    publisher.ocsp = answering(delegated, issuing.certificate)

    assert await disruption(asking(path)) is Disruption.OTHER_CERTIFICATE


async def test_an_answer_without_nonce_is_one_where_that_is_allowed(
    asking, path, publisher, delegated, card
):
    publisher.ocsp = answering(delegated, card.certificate, Manner(nonce=False))

    assert await disruption(asking(path)) is Disruption.NO_NONCE
    heard = await asking(path, nonce_required=False)()
    assert heard.answer.verdict is Verdict.GOOD


async def test_a_responder_that_is_down_is_left_alone(asking, path, publisher, clock):
    publisher.ocsp = saying(b"", status=503)
    ask = asking(path, monotonic=clock)
    for _ in range(MAX_FAILURES):
        assert await disruption(ask) is Disruption.STATUS

    assert await disruption(ask) is Disruption.OPEN_CIRCUIT
    assert len(publisher.questions) == MAX_FAILURES


async def test_where_there_is_nothing_else_to_go_by_it_is_asked_all_the_same(
    asking, path, publisher, clock, delegated, card
):
    publisher.ocsp = saying(b"", status=503)
    ask = asking(path, monotonic=clock)
    for _ in range(MAX_FAILURES):
        await disruption(ask)
    publisher.ocsp = answering(delegated, card.certificate)

    assert (await ask(even_if_down=True)).answer.verdict is Verdict.GOOD
    assert (await ask()).answer.verdict is Verdict.GOOD


async def test_a_responder_that_is_back_is_asked_again(
    asking, path, publisher, clock, delegated, card
):
    publisher.ocsp = saying(b"", status=503)
    ask = asking(path, monotonic=clock)
    for _ in range(MAX_FAILURES):
        await disruption(ask)
    publisher.ocsp = answering(delegated, card.certificate)
    clock.now += FIRST_PAUSE.total_seconds() - 1
    assert await disruption(ask) is Disruption.OPEN_CIRCUIT

    clock.now += 1

    assert (await ask()).answer.verdict is Verdict.GOOD


async def test_one_at_a_time_tries_whether_it_is_back(asking, path, clock):
    tries, answered = [], asyncio.Event()

    async def post(url, question, deadline):
        tries.append(url)
        if len(tries) > MAX_FAILURES:
            await answered.wait()
        raise EgressError(Reason.TIMEOUT)

    ask = asking(path, post, monotonic=clock)
    for _ in range(MAX_FAILURES):
        await disruption(ask)
    clock.now += FIRST_PAUSE.total_seconds()
    trying = asyncio.create_task(disruption(ask))
    await asyncio.sleep(0)

    assert await disruption(ask) is Disruption.OPEN_CIRCUIT
    answered.set()
    assert await trying is Disruption.EGRESS
    assert len(tries) == MAX_FAILURES + 1


@pytest.mark.parametrize("handler", [saying(b"nonsense")])
async def test_what_is_wrong_but_quick_leaves_the_circuit_closed(asking, path, publisher, handler):
    """Whoever can make one response fail must not turn the responder off for all."""
    publisher.ocsp = handler
    ask = asking(path)

    found = {await disruption(ask) for _ in range(MAX_FAILURES + 2)}

    assert found == {Disruption.MALFORMED}


async def test_one_responder_down_leaves_the_other_alone(asking, path, publisher, delegated, card):
    publisher.ocsp = saying(b"", status=503)
    ask = asking(path)
    for _ in range(MAX_FAILURES):
        await disruption(ask)
    publisher.ocsp = answering(delegated, card.certificate)

    assert await disruption(ask) is Disruption.OPEN_CIRCUIT
    assert await ask(url=publisher.url("other"))


def test_a_pause_doubles_up_to_the_last():
    circuit, pauses = Circuit(), []
    for _ in range(MAX_FAILURES + 8):
        circuit.failed(100.0)
        pauses.append(max(0.0, circuit.closed_from - 100.0))

    first, last = FIRST_PAUSE.total_seconds(), LAST_PAUSE.total_seconds()
    assert pauses[: MAX_FAILURES + 2] == [0, 0, first, 2 * first, 4 * first]
    assert pauses[-1] == last
    circuit.worked()
    assert not circuit.is_open(100.0)


async def test_so_many_are_asked_at_once_and_the_rest_hear_that_it_is_busy(asking, path):
    under_way = []

    async def post(url, question, deadline):
        under_way.append(deadline)
        await asyncio.sleep(1)
        return Answer(503, "", b"")

    ask = asking(path, post, patience=SHORT)
    found = await asyncio.gather(*(disruption(ask) for _ in range(MAX_IN_FLIGHT + 4)))

    assert len(under_way) == MAX_IN_FLIGHT
    assert found.count(Disruption.BUSY) == 4


async def test_who_waited_for_a_place_has_the_less_time_left(asking, path):
    left = []

    async def post(url, question, deadline):
        left.append(deadline)
        await asyncio.sleep(0.1)
        return Answer(503, "", b"")

    ask = asking(path, post, patience=timedelta(seconds=1))
    await asyncio.gather(*(disruption(ask) for _ in range(MAX_IN_FLIGHT + 1)))

    assert left[-1] < timedelta(seconds=0.95)


async def test_a_caller_who_goes_away_frees_its_place(asking, path):
    under_way = []

    async def post(url, question, deadline):
        under_way.append(url)
        await asyncio.sleep(60)

    ask = asking(path, post, patience=timedelta(seconds=20))
    gone = [asyncio.create_task(ask()) for _ in range(MAX_IN_FLIGHT)]
    await asyncio.sleep(0.01)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    asking_on = asyncio.create_task(ask())
    await asyncio.sleep(0.01)
    asking_on.cancel()

    assert len(under_way) == MAX_IN_FLIGHT + 1
