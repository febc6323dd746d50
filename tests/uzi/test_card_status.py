"""What decides whether a card holds: OCSP, lists, and what wins over what."""

import base64
import hashlib
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from clients.test_responder import Manner, OcspResponder, Status
from pairing_server.destination import AllowList, EgressError
from pairing_server.egress import Egress
from pairing_server.metrics import METRICS
from pairing_server.settings import load
from pairing_server.uzi.card_status import Places
from pairing_server.uzi.hierarchy import RevocationSources
from pairing_server.uzi.ocsp import Question, read_response
from pairing_server.uzi.refusals import AuthorityRevoked, CardRevoked, RevocationUnknown
from pairing_server.uzi.revocation import MAX_AGE
from pairing_server.uzi.revocation_setup import make_card_status
from tests.uzi.publisher import Publisher, answering, loopback, saying, silence

HOUR = timedelta(hours=1)
#: A machine that is busy is no responder that is down.
PATIENT = timedelta(seconds=20)
LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def issuing(ca):
    return ca.issuing("Z")


@pytest.fixture
def path(card):
    return (card.certificate, *card.chain)


@pytest.fixture
def lists(ca, issuing, publisher, now):
    """Publish the lists of all levels; a test may publish others instead."""
    levels = {"issuing": issuing, "level_2": ca.level_2, "root": ca.root}

    def publish(name, revoked=(), at=now, **options):
        builder = levels[name].list_builder(at, revoked, **options)
        publisher.lists[f"{name}.crl"] = levels[name].sign_list(builder)

    for name in levels:
        publish(name)
    return publish


@pytest.fixture
def delegated(issuing, now):
    return OcspResponder.delegated(issuing, now)


@pytest.fixture
async def opened(publisher, tmp_path, ca):
    """Make what checks cards, of settings, and start it."""
    async with AsyncExitStack() as stack:

        async def opened(*, ocsp=True, sources=None, names=loopback, patience=PATIENT, **settings):
            settings.setdefault(
                "uzi_crl_urls",
                [publisher.url(f"{name}.crl") for name in ("issuing", "level_2", "root")],
            )
            if ocsp:
                settings.setdefault("uzi_ocsp_url", publisher.url("ocsp"))
            settings.setdefault("egress_inside", LOOPBACK)
            loaded = load({}, data_dir=tmp_path / "data", **settings)
            egress = Egress(loaded.egress_inside, resolve=names)
            status = make_card_status(
                loaded,
                sources or RevocationSources(),
                [ca.root.certificate],
                egress,
                lambda: datetime.now(UTC),
                secrets.token_bytes,
            )
            if status._responder:
                status._responder._patience = patience
            await stack.enter_async_context(status.running())
            for source in status._keeper._sources.values() if status._keeper else ():
                await source.tried.wait()
            return status

        yield opened


@dataclass
class Scene:
    """A published register, and a card of it.

    Attributes:
        publish: Publish another list of a level.
        opened: Make what checks cards, of settings.
    """

    opened: Any
    publish: Any
    publisher: Publisher
    delegated: OcspResponder
    card: Any
    path: Any
    issuing: Any
    now: datetime


@pytest.fixture
def scene(opened, lists, publisher, delegated, card, path, issuing, now):  # noqa: PLR0917
    return Scene(opened, lists, publisher, delegated, card, path, issuing, now)


def counted(source, outcome):
    labels = {"source": source, "outcome": outcome}
    return METRICS.get_sample_value("pairing_uzi_card_status_total", labels) or 0


async def test_ocsp_decides_first(scene):
    scene.publisher.ocsp = answering(scene.delegated, scene.card.certificate)
    before = counted("ocsp", "good")

    evidence = await (await scene.opened()).check(scene.path, scene.now)

    assert evidence["source"] == "ocsp"
    assert evidence["ocsp"]["responder"].startswith("CN=OCSP responder")
    assert counted("ocsp", "good") == before + 1
    assert "ocsp_disrupted" not in evidence


async def test_the_evidence_can_be_checked_again_by_anybody(scene):
    scene.publisher.ocsp = answering(scene.delegated, scene.card.certificate)
    evidence = await (await scene.opened()).check(scene.path, scene.now)

    response = base64.b64decode(evidence["ocsp"]["response"])
    nonce = x509.ocsp.load_der_ocsp_response(response).extensions[0].value.nonce
    question = Question(scene.card.certificate, scene.issuing.certificate, nonce)
    assert read_response(response, question, scene.now)
    told = {one["issuer"]: one for one in (evidence["crl"], *evidence["authorities"])}
    assert len(told) == 3
    for name in ("issuing", "level_2", "root"):
        crl = x509.load_der_x509_crl(scene.publisher.lists[f"{name}.crl"])
        one = told[crl.issuer.rfc4514_string()]
        assert one["sha256"] == hashlib.sha256(scene.publisher.lists[f"{name}.crl"]).hexdigest()
        assert one["number"] == "1"
        assert one["this_update"].endswith("Z")


@pytest.mark.parametrize("why", ["down", "silent", "none"])
async def test_the_list_decides_when_ocsp_is_disrupted(scene, why):
    scene.publisher.ocsp = {"down": saying(b"", status=503), "silent": silence, "none": None}[why]
    before = counted("crl", "good")

    checks = await scene.opened(ocsp=why != "none", patience=timedelta(seconds=1))
    evidence = await checks.check(scene.path, scene.now)

    assert evidence["source"] == "crl"
    assert evidence["crl"]["issuer"].startswith("CN=TEST UZI-register Zorgverlener CA G3")
    told = {"down": "status 503", "silent": "egress timeout", "none": None}[why]
    assert evidence.get("ocsp_disrupted") == told
    assert counted("crl", "good") == before + 1


async def test_ocsp_says_revoked_what_the_list_does_not_name_yet(scene):
    statuses = {scene.card.certificate.serial_number: Status.REVOKED}
    scene.publisher.ocsp = answering(
        replace(scene.delegated, statuses=statuses), scene.card.certificate
    )
    before = counted("ocsp", "revoked")

    with pytest.raises(CardRevoked):
        await (await scene.opened()).check(scene.path, scene.now)

    assert counted("ocsp", "revoked") == before + 1


@pytest.mark.parametrize("manner", [Manner(nonce=False), Manner(nonce=b"\x01" * 32)])
async def test_a_list_clears_no_card_of_which_ocsp_ever_said_revoked(scene, manner):
    """A responder that signs ahead knows of no nonce; what it signed, it signed."""
    statuses = {scene.card.certificate.serial_number: Status.REVOKED}
    scene.publisher.ocsp = answering(
        replace(scene.delegated, statuses=statuses), scene.card.certificate, manner
    )

    with pytest.raises(CardRevoked):
        await (await scene.opened()).check(scene.path, scene.now)


async def test_what_a_list_names_is_revoked_whatever_ocsp_says(scene):
    scene.publish("issuing", [scene.card.certificate.serial_number])
    scene.publisher.ocsp = answering(scene.delegated, scene.card.certificate)
    before = counted("crl", "revoked")

    with pytest.raises(CardRevoked):
        await (await scene.opened()).check(scene.path, scene.now)

    assert scene.publisher.questions == []
    assert counted("crl", "revoked") == before + 1


async def test_what_a_stale_list_names_is_revoked_too(scene):
    scene.publish("issuing", [scene.card.certificate.serial_number], scene.now - 2 * MAX_AGE)
    scene.publisher.ocsp = answering(scene.delegated, scene.card.certificate)

    with pytest.raises(CardRevoked):
        await (await scene.opened()).check(scene.path, scene.now)


async def test_a_card_that_its_issuer_does_not_know_is_not_believed(scene):
    """A list could not tell: it names what was issued and revoked, and not what never was."""
    statuses = {scene.card.certificate.serial_number: Status.UNKNOWN}
    scene.publisher.ocsp = answering(
        replace(scene.delegated, statuses=statuses), scene.card.certificate
    )

    with pytest.raises(RevocationUnknown):
        await (await scene.opened()).check(scene.path, scene.now)


async def test_unknown_of_another_authoritys_responder_is_only_a_disruption(scene, ca):
    """As of a test scene.card at the responder of production, or the other way round."""
    other = OcspResponder.delegated(
        ca.issuing("N"), scene.now, statuses={scene.card.certificate.serial_number: Status.UNKNOWN}
    )
    scene.publisher.ocsp = answering(other, scene.card.certificate)

    evidence = await (await scene.opened()).check(scene.path, scene.now)

    assert (evidence["source"], evidence["ocsp_disrupted"]) == ("crl", "other_certificate")


async def test_without_either_nothing_is_known(scene):
    del scene.publisher.lists["issuing.crl"]
    before = counted("none", "unknown")
    checks = await scene.opened()

    with pytest.raises(RevocationUnknown) as refused:
        await checks.check(scene.path, scene.now)

    assert "status 404" in refused.value.args[1]
    assert counted("none", "unknown") == before + 1


async def test_ocsp_alone_is_enough_for_a_card(scene):
    del scene.publisher.lists["issuing.crl"]
    scene.publisher.ocsp = answering(scene.delegated, scene.card.certificate)

    evidence = await (await scene.opened()).check(scene.path, scene.now)

    assert evidence["source"] == "ocsp"
    assert "crl" not in evidence


async def test_an_error_page_is_no_list_even_if_it_holds_one(scene):
    crl = scene.publisher.lists["issuing.crl"]
    scene.publisher.handlers["issuing.crl"] = saying(crl, status=500)

    with pytest.raises(RevocationUnknown):
        await (await scene.opened(ocsp=False)).check(scene.path, scene.now)


async def test_a_list_older_than_48_hours_clears_no_card(scene):
    scene.publish("issuing", at=scene.now - MAX_AGE, lifetime=timedelta(days=9))

    with pytest.raises(RevocationUnknown):
        await (await scene.opened()).check(scene.path, scene.now)


async def test_the_hierarchy_says_how_long_a_list_is_believed(scene):
    scene.publish("issuing", at=scene.now - HOUR, lifetime=timedelta(days=9))
    assert await (await scene.opened()).check(scene.path, scene.now)

    with pytest.raises(RevocationUnknown):
        await (await scene.opened(sources=RevocationSources(crl_max_age=HOUR))).check(
            scene.path, scene.now
        )


@pytest.mark.parametrize("level", ["level_2", "root"])
async def test_an_authority_without_a_fresh_list_is_not_believed(scene, level):
    scene.publisher.ocsp = answering(scene.delegated, scene.card.certificate)
    scene.publish(level, at=scene.now - 2 * HOUR, lifetime=HOUR)

    with pytest.raises(RevocationUnknown):
        await (await scene.opened()).check(scene.path, scene.now)

    assert scene.publisher.questions == []


async def test_an_authoritys_list_lasts_as_long_as_it_says(scene):
    scene.publisher.ocsp = answering(scene.delegated, scene.card.certificate)
    for level in ("level_2", "root"):
        scene.publish(level, at=scene.now - timedelta(days=100), lifetime=timedelta(days=365))

    assert await (await scene.opened()).check(scene.path, scene.now)


@pytest.mark.parametrize(("level", "place"), [("level_2", 1), ("root", 2)])
@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=9)], ids=["fresh", "stale"])
async def test_an_authority_on_a_list_of_its_issuer_is_refused(scene, level, place, age):
    scene.publisher.ocsp = answering(scene.delegated, scene.card.certificate)
    scene.publish(level, [scene.path[place].serial_number], scene.now - age)

    with pytest.raises(AuthorityRevoked):
        await (await scene.opened()).check(scene.path, scene.now)


@pytest.fixture
def naming(certify, profile, ca, card, publisher):
    """Make a card that names the publisher's addresses, and its path."""

    def naming(crl=None, ocsp=None):
        crl = crl or publisher.url("issuing.crl")
        place = x509.UniformResourceIdentifier(crl)
        edit = profile.replacing(
            x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)])
        ).without(x509.AuthorityInformationAccess)
        if ocsp:
            access = x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp)
            )
            edit = edit.replacing(x509.AuthorityInformationAccess([access]))
        named = certify(edit).certificate
        return (named, *card.chain)

    return naming


@pytest.fixture
def levels(publisher):
    """Only the lists of the authorities are configured; the card names its own."""
    return [publisher.url(f"{name}.crl") for name in ("level_2", "root")]


async def test_a_list_that_a_card_names_is_fetched_if_its_host_may_be_called(
    opened, lists, publisher, naming, now, levels
):
    path = naming()
    checks = await opened(ocsp=False, uzi_crl_urls=levels)

    evidence = await checks.check(path, now)

    assert evidence["source"] == "crl"
    assert publisher.asked.count("issuing.crl") == 1


async def test_a_list_on_another_host_is_never_fetched(
    opened, lists, publisher, naming, now, levels
):
    asked = []

    async def names(host):
        asked.append(host)
        return ["127.0.0.1"]

    path = naming(crl=publisher.url("issuing.crl", "inside.test"))
    checks = await opened(ocsp=False, uzi_crl_urls=levels, names=names)

    with pytest.raises(RevocationUnknown):
        await checks.check(path, now)

    assert set(asked) == {"crl.test"}
    assert set(checks._keeper._sources) == set(levels)
    assert "issuing.crl" not in publisher.asked


async def test_what_calls_out_holds_to_the_list_of_hosts_by_itself(opened, publisher):
    checks = await opened()
    url = publisher.url("issuing.crl", "inside.test")

    with pytest.raises(EgressError, match="host_not_allowed"):
        await checks._keeper._fetch(url)
    with pytest.raises(EgressError, match="host_not_allowed"):
        await checks._responder._post(url, b"", PATIENT)


async def test_a_host_that_the_operator_adds_may_be_called(
    opened, lists, publisher, naming, now, levels
):
    path = naming(crl=publisher.url("issuing.crl", "inside.test"))
    hosts = [f"inside.test:{publisher.port}"]
    checks = await opened(ocsp=False, uzi_crl_urls=levels, uzi_revocation_hosts=hosts)

    assert await checks.check(path, now)


async def test_an_allowed_host_at_an_inside_address_is_not_called(scene):
    checks = await scene.opened(egress_inside=())

    with pytest.raises(RevocationUnknown):
        await checks.check(scene.path, scene.now)

    assert scene.publisher.asked == []


async def test_the_responder_that_a_card_names_is_asked(
    opened, lists, publisher, naming, now, delegated
):
    path = naming(ocsp=publisher.url("named"))
    publisher.ocsp = answering(delegated, path[0])

    evidence = await (await opened(ocsp=False)).check(path, now)

    assert evidence["source"] == "ocsp"
    assert "named" in publisher.asked


def test_which_responder_is_asked(naming, card):
    allowed = AllowList.of(["ocsp.test"], plain_http=True)
    named = naming(ocsp="http://ocsp.test/a")[0]
    foreign = naming(ocsp="http://inside.test/a")[0]

    assert Places(allowed, "http://set.test/").responder_of(named) == "http://set.test/"
    assert Places(allowed).responder_of(named) == "http://ocsp.test/a"
    assert Places(allowed).responder_of(foreign) is None
    assert Places(allowed, None, "http://ocsp.test/b").responder_of(foreign) == (
        "http://ocsp.test/b"
    )


async def test_without_a_nonce_the_list_decides_unless_the_operator_says_otherwise(scene):
    scene.publisher.ocsp = answering(scene.delegated, scene.card.certificate, Manner(nonce=False))

    evidence = await (await scene.opened()).check(scene.path, scene.now)
    assert (evidence["source"], evidence["ocsp_disrupted"]) == ("crl", "no_nonce")
    evidence = await (await scene.opened(uzi_ocsp_nonce=False)).check(scene.path, scene.now)
    assert evidence["source"] == "ocsp"


async def test_a_responder_that_is_down_costs_one_card_its_time_and_not_every_card(scene):
    scene.publisher.ocsp = saying(b"", status=503)
    checks = await scene.opened()

    for _ in range(6):
        evidence = await checks.check(scene.path, scene.now)

    assert evidence["ocsp_disrupted"] == "open_circuit"
    assert len(scene.publisher.questions) == 3


async def test_a_responder_that_is_down_is_asked_all_the_same_where_no_list_is_fresh(scene):
    scene.publisher.ocsp = saying(b"", status=503)
    del scene.publisher.lists["issuing.crl"]
    checks = await scene.opened()
    for _ in range(4):
        with pytest.raises(RevocationUnknown):
            await checks.check(scene.path, scene.now)
    scene.publisher.ocsp = answering(scene.delegated, scene.card.certificate)

    assert (await checks.check(scene.path, scene.now))["source"] == "ocsp"


async def test_a_directory_alone_is_enough(scene, tmp_path):
    (tmp_path / "crl").mkdir()
    for name, data in scene.publisher.lists.items():
        (tmp_path / "crl" / name).write_bytes(data)

    checks = await scene.opened(uzi_online=False, uzi_crl_dir=tmp_path / "crl")
    evidence = await checks.check(scene.path, scene.now)

    assert evidence["source"] == "crl"
    assert scene.publisher.asked == []
    assert set(checks.ages(scene.now + HOUR)) == {
        "TEST UZI-register Zorgverlener CA G3",
        "TEST Zorg CSP Level 2 Persoon CA G3",
        "TEST Zorg CSP Root CA G3",
    }


async def test_a_directory_and_fetched_lists_add_up(scene, tmp_path):
    (tmp_path / "crl").mkdir()
    named = scene.issuing.revocation_list(scene.now - HOUR, [scene.card.certificate.serial_number])
    (tmp_path / "crl" / "issuing.crl").write_bytes(named)

    with pytest.raises(CardRevoked):
        await (await scene.opened(uzi_crl_dir=tmp_path / "crl")).check(scene.path, scene.now)


async def test_the_age_of_the_freshest_list_of_each_authority_is_told(scene, tmp_path):
    (tmp_path / "crl").mkdir()
    (tmp_path / "crl" / "old.crl").write_bytes(scene.issuing.revocation_list(scene.now - 3 * HOUR))
    scene.publish("issuing", at=scene.now - HOUR)

    ages = (await scene.opened(uzi_crl_dir=tmp_path / "crl")).ages(scene.now)

    assert ages["TEST UZI-register Zorgverlener CA G3"] == pytest.approx(3600, abs=1)


async def test_lists_outlive_a_restart_while_the_publisher_is_away(scene):
    assert await (await scene.opened()).check(scene.path, scene.now)
    scene.publisher.lists.clear()

    evidence = await (await scene.opened()).check(scene.path, scene.now)

    assert evidence["source"] == "crl"
