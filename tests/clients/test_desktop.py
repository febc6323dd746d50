"""The desktop agent trusts no link, no server but its own, and signs what it shows."""

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from clients.desktop import AgentLink, Card, Declined, DesktopAgent
from clients.portal import PortalPage
from clients.wire import MalformedAnswer, WireError

ID, NONCE = "i" * 22, "n" * 43
GOOD = f"zorgid://session?server=https://zorg.example&id={ID}&nonce={NONCE}"


@pytest.fixture(scope="module")
def card(card_file):
    return Card.from_pkcs12(card_file, "1234")


@pytest.fixture
async def page(stand_in):
    async with PortalPage(stand_in.base) as page:
        yield page


def test_a_link_is_read():
    assert AgentLink.parse(GOOD) == AgentLink("https://zorg.example", ID, NONCE)
    encoded = GOOD.replace("https://", "https%3A%2F%2F") + "&later=1"
    assert AgentLink.parse(encoded) == AgentLink.parse(GOOD)


@pytest.mark.parametrize(
    "server",
    [
        "http://zorg.example",
        "http://127.0.0.1:8000",
        "http://localhost.evil.example",
        "https://zorg.example/",
        "https://zorg.example/path",
        "https://zorg.example%3Fa",
        "https://zorg.example%23a",
        "https://zorg.example:443",
        "http://localhost:80",
        "https://zorg.example:99999",
        "https://Zorg.example",
        "https://zorg.example@evil.example",
        "https://a:b@zorg.example",
        "https://z%C3%B6rg.example",
        "https://zorg.example%5C.evil.example",
        "https://zorg%09.example",
        "https://zorg.example%0A",
        "ftp://zorg.example",
        "zorg.example",
        "https://",
        "",
    ],
)
def test_a_strange_server_is_declined(server):
    with pytest.raises(Declined):
        AgentLink.parse(GOOD.replace("https://zorg.example", server))


@pytest.mark.parametrize(
    "link",
    [
        "",
        "zorgid://session",
        GOOD.replace("zorgid", "https"),
        GOOD.replace("session", "other"),
        GOOD.replace("session", "me@session"),
        GOOD.replace("session?", "session/x?"),
        GOOD + "#fragment",
        GOOD + "&id=" + ID,
        GOOD.replace(f"&id={ID}", ""),
        GOOD.replace(ID, "../" + ID),
        GOOD.replace(ID, ID + "%2F.."),
        GOOD.replace(NONCE, "short"),
        GOOD.replace(NONCE, NONCE + "%0Ax"),
        GOOD.replace("session", "ses\nsion"),
        " " + GOOD,
        GOOD + "&a=1" * 20,
        "zorgid://[session?server=x",
    ],
)
def test_a_strange_link_is_declined(link):
    with pytest.raises(Declined):
        AgentLink.parse(link)


@given(st.text())
def test_arbitrary_text_is_declined(text):
    with pytest.raises(Declined):
        AgentLink.parse(text)


async def test_a_card_is_proved(http, page, stand_in, card):
    agent = DesktopAgent(http, [stand_in.base])
    assert await page.login(agent, card) == {"card": {"uzi_number": "900000001"}}


async def test_the_chain_goes_up_to_the_root_without_it(card):
    names = [c.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value for c in card.chain]
    assert names == ["Middle"]


async def test_a_foreign_server_is_never_called(http, page, stand_in, card):
    session = await page.start_session("login")
    stand_in.seen.clear()
    with pytest.raises(Declined):
        await DesktopAgent(http, ["https://zorg.example"]).prove(session.agent_uri, card)
    assert stand_in.seen == []


async def test_the_person_confirms_the_first_server_alone(http, page, stand_in, card):
    asked = []
    agent = DesktopAgent(http, confirm_server=lambda server: not asked.append(server))
    await page.login(agent, card)
    with pytest.raises(Declined):
        await agent.prove(GOOD, card)
    assert asked == [stand_in.base]


async def test_an_unconfirmed_server_is_declined(http, page, card):
    with pytest.raises(Declined):
        await page.login(DesktopAgent(http), card)


async def test_the_person_sees_the_statement_and_may_say_no(http, page, stand_in, card):
    shown = []
    agent = DesktopAgent(http, [stand_in.base], accept=lambda *seen: shown.append(seen))
    session = await page.start_session("login")
    with pytest.raises(Declined):
        await agent.prove(session.agent_uri, card)
    assert [(server, seen.statement) for server, seen in shown] == [(stand_in.base, "Ik log in.")]
    assert await page.session_status(session) == "waiting"


@pytest.mark.parametrize(
    "changed",
    [
        {"statement": "a\nb"},
        {"statement": "a\u202eb"},
        {"id": "o" * 22},
        {"purpose": "transfer-money"},
        {"purpose": 7},
        {"statement": "a " * 2001},
    ],
)
async def test_a_strange_session_is_not_signed(http, page, stand_in, card, changed):
    session = await page.start_session("login")
    said = {"id": session.id, "purpose": "login", "statement": "s", "expires_in": 9} | changed
    path = f"/uzi/sessions/{session.id}"

    async def strange(_request):
        return web.json_response(said)

    stand_in.faults["GET", path] = strange
    with pytest.raises(MalformedAnswer):
        await DesktopAgent(http, [stand_in.base]).prove(session.agent_uri, card)
    assert ("POST", f"{path}/proof") not in [seen[:2] for seen in stand_in.seen]


@pytest.mark.parametrize(
    "return_uri",
    [
        "https://evil.example/uzi/return#{id}.{secret}",
        "{base}.evil.example/uzi/return#{id}.{secret}",
        "{base}/uzi/other#{id}.{secret}",
        "{base}/uzi/return#other.{secret}",
        "{base}/uzi/return#{id}.",
        "{base}/uzi/return#{id}.{secret} --option",
        "{base}/uzi/return#{id}.{secret}\n",
    ],
)
async def test_a_foreign_return_uri_is_not_opened(http, page, stand_in, card, return_uri):
    session = await page.start_session("login")
    told = return_uri.format(base=stand_in.base, id=session.id, secret="s" * 43)

    async def foreign(_request):
        return web.json_response({"return_uri": told})

    stand_in.faults["POST", f"/uzi/sessions/{session.id}/proof"] = foreign
    with pytest.raises(MalformedAnswer):
        await DesktopAgent(http, [stand_in.base]).prove(session.agent_uri, card)


async def test_a_refused_card_says_which_rule(http, page, stand_in, card):
    session = await page.start_session("login")

    async def refuse(_request):
        body = {"error": "card_expired", "error_description": "Uw pas is verlopen."}
        return web.json_response(body, status=422)

    stand_in.faults["POST", f"/uzi/sessions/{session.id}/proof"] = refuse
    with pytest.raises(WireError) as refused:
        await DesktopAgent(http, [stand_in.base]).prove(session.agent_uri, card)
    assert refused.value.status == 422
    assert refused.value.error == "card_expired"
    assert refused.value.description == "Uw pas is verlopen."


async def test_a_redirect_is_not_followed(http, page, stand_in, card):
    session = await page.start_session("login")

    async def elsewhere(_request):
        raise web.HTTPTemporaryRedirect("/userinfo")

    stand_in.faults["GET", f"/uzi/sessions/{session.id}"] = elsewhere
    with pytest.raises(MalformedAnswer):
        await DesktopAgent(http, [stand_in.base]).prove(session.agent_uri, card)


@pytest.mark.parametrize(
    ("curve", "algorithm", "digest", "size"),
    [
        (ec.SECP256R1(), "ES256", hashes.SHA256(), 32),
        (ec.SECP384R1(), "ES384", hashes.SHA384(), 48),
        (ec.SECP521R1(), "ES512", hashes.SHA512(), 66),
    ],
)
def test_an_elliptic_curve_card_signs_raw(certify, curve, algorithm, digest, size):
    key = ec.generate_private_key(curve)
    signature, named = Card(key, certify("Card", key)).sign(b"data")
    assert (named, len(signature)) == (algorithm, 2 * size)
    halves = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
    key.public_key().verify(encode_dss_signature(*halves), b"data", ec.ECDSA(digest))


def test_an_unknown_curve_does_not_sign(certify):
    key = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(ValueError, match="curve"):
        Card(key, certify("Card", key)).sign(b"data")


def test_the_wrong_pin_opens_no_card(card_file):
    with pytest.raises(ValueError, match=r"(?i)password"):
        Card.from_pkcs12(card_file, "0000")


def test_a_file_without_a_card_is_refused(tmp_path, client_key):
    file = tmp_path / "key.p12"
    made = pkcs12.serialize_key_and_certificates(None, client_key, None, None, NoEncryption())
    file.write_bytes(made)
    with pytest.raises(ValueError, match="no authentication key"):
        Card.from_pkcs12(file, "")
