"""One link with a person: what is shown, what is asked, and what is never done without them."""

import asyncio
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from clients.card_profile import Holder, Use
from clients.desktop import DesktopAgent
from clients.desktop_session import CardFile, LinkSession
from clients.desktop_words import Refused, Trouble, Words
from clients.portal import PortalPage
from clients.test_ca import KeyKind, Style, UziTestCa, make_key

ID, NONCE = "i" * 22, "n" * 43
PIN = "1234"
#: What a person does about what stands in the way.
MENDS, STOPS = True, False


@dataclass
class Person:
    """Somebody who does what a test says, and remembers what was asked."""

    answers: list[object] = field(default_factory=list)
    asked: list[object] = field(default_factory=list)

    def _answer(self, *asked):
        self.asked.append(asked)
        return self.answers.pop(0)

    def confirm(self, question):
        return self._answer("confirm", question)

    def choose(self, _question, choices):
        return self._answer("choose", *choices)

    def ask_pin(self, question):
        return self._answer("pin", question)

    def try_again(self, sentence):
        return self._answer("again", sentence)

    def busy(self, text):
        pass


@dataclass
class Token:
    """A card that does what a test says; `file` signs."""

    file: CardFile
    certificate: x509.Certificate | None = None
    holder: str = "Jan Jansen"
    pin_pad: bool = False
    states: list[str] = field(default_factory=lambda: ["good"])
    troubles: list[str] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)

    def pin_state(self):
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def prove(self, data, pin):
        self.pins.append(pin)
        if self.troubles:
            raise Trouble(self.troubles.pop(0))
        return self.file.prove(data, PIN)


@pytest.fixture
async def page(stand_in):
    async with PortalPage(stand_in.base) as page:
        yield page


@pytest.fixture
def token(card_file):
    return Token(CardFile(card_file))


class Case:
    """A link of the stand-in's, a person and the cards in the readers."""

    def __init__(self, http, stand_in, link, *cards, language="nl"):
        self.person = Person()
        self.opened = []
        self.cards = list(cards)
        self.link = link
        self.agent = DesktopAgent(http, [stand_in.base], language=language)
        self.session = LinkSession(
            self.agent, self.person, Words(language), lambda: self.cards, self.browse
        )

    def browse(self, address):
        self.opened.append(address)
        return True

    async def handle(self, *answers):
        self.person.answers = list(answers)
        await self.session.handle(self.link)

    async def trouble(self, *answers):
        with pytest.raises(Trouble) as caught:
            await self.handle(*answers)
        assert self.opened == []
        return caught.value


@pytest.fixture
async def case(http, page, stand_in, token):
    return Case(http, stand_in, (await page.start_session("login")).agent_uri, token)


def posted(stand_in):
    return [path for method, path, _ in stand_in.seen if path.endswith("/proof")]


async def test_a_yes_with_the_pin_opens_the_return_uri(case, page, stand_in):
    await case.handle(PIN)

    (opened,) = case.opened
    assert opened.startswith(f"{stand_in.base}/uzi/return#")
    assert "card" in await page.complete(opened)


async def test_server_purpose_statement_and_holder_are_shown(case, stand_in):
    await case.handle(PIN)

    ((_, question),) = case.person.asked
    assert (question.server, question.statement) == (stand_in.base, "Ik log in.")
    assert (question.purpose, question.holder) == ("Inloggen met uw UZI-pas", "Jan Jansen")


async def test_a_no_signs_nothing(case, token, stand_in):
    assert (await case.trouble(None)).code == "declined"
    assert (token.pins, posted(stand_in)) == ([], [])


async def test_without_a_browser_the_person_is_told(case):
    case.session._browse = lambda _address: False
    assert (await case.trouble(PIN)).code == "no_browser"


async def test_a_wrong_pin_may_be_entered_again(case, token):
    token.troubles = ["wrong_pin", "pin_length"]

    await case.handle("1", "2", PIN)

    warnings = [question.warning for _, question in case.person.asked]
    words = Words("nl")
    told = [words.sentence(Trouble(code)) for code in ("wrong_pin", "pin_length")]
    assert warnings == ["", *told]
    assert token.pins == ["1", "2", PIN]


async def test_three_wrong_pins_are_the_last_of_a_silent_card(case, token):
    token.troubles = ["wrong_pin"] * 4

    assert (await case.trouble(*"1234")).code == "too_many_pins"
    assert len(token.pins) == 3


async def test_the_last_attempt_is_warned_of_before_and_after(case, token):
    token.states = ["final", "final", "final"]
    token.troubles = ["wrong_pin"]

    await case.handle("1", PIN)

    before, after = (question.warning for _, question in case.person.asked)
    assert before.startswith("Let op: u hebt nog één poging.")
    assert after.startswith("De pincode is verkeerd. U hebt nog één poging;")


async def test_attempts_that_were_used_before_are_warned_of(case, token):
    token.states = ["low"]

    await case.handle(PIN)

    assert case.person.asked[0][1].warning.startswith("Let op: er is al een verkeerde pincode")


@pytest.mark.parametrize("states", [["locked"], ["good", "locked"]])
async def test_no_pin_is_asked_of_a_locked_card(case, token, states):
    token.states, token.troubles = states, ["wrong_pin"]

    assert (await case.trouble(*["1"] * (len(states) - 1))).code == "pin_locked"


async def test_a_card_that_locks_ends_it(case, token):
    token.troubles = ["pin_locked"]

    assert (await case.trouble("1")).code == "pin_locked"


async def test_with_a_pin_pad_only_a_yes_is_asked(case, token):
    token.pin_pad = True

    await case.handle("")

    assert case.person.asked[0][1].pin_pad


@pytest.mark.parametrize(
    ("days", "code"), [(-1, "not_yet_valid"), (1, None), (3 * 365, "expired")]
)
async def test_a_card_out_of_its_time_is_told_before_its_pin_is_asked(
    case, token, certify_from, days, code
):
    token.certificate = certify_from(datetime.now(UTC) - timedelta(days=days))
    if code is None:
        await case.handle(PIN)
        return

    trouble = await case.trouble()

    assert (trouble.code, trouble.facts["holder"]) == (code, "Jan Jansen")


async def test_the_servers_clock_says_whether_a_card_is_out_of_its_time(
    case, token, certify_from, stand_in
):
    token.certificate = certify_from(datetime.now(UTC) - timedelta(days=3 * 365))

    async def long_ago(request):
        response = await stand_in.show_session(request)
        response.headers["Date"] = "Sun, 03 Nov 2024 08:49:37 GMT"
        return response

    stand_in.faults["GET", f"/uzi/sessions/{session_id(case.link)}"] = long_ago

    await case.handle(PIN)


async def test_of_two_cards_the_person_chooses(case, token, card_file, certify_from):
    other = Token(CardFile(card_file), holder="Anna de Vries")
    other.certificate = certify_from(datetime.now(UTC) - timedelta(days=1))
    case.cards.append(other)

    await case.handle(1, PIN)

    chosen, pin = case.person.asked
    until = other.certificate.not_valid_after_utc.astimezone()
    assert chosen == ("choose", "Jan Jansen", f"Anna de Vries, geldig tot {until:%d-%m-%Y}")
    assert pin[1].holder == "Anna de Vries"
    assert (token.pins, other.pins) == ([], [PIN])


async def test_choosing_neither_card_is_a_no(case, token):
    case.cards.append(token)

    assert (await case.trouble(None)).code == "declined"


@pytest.mark.parametrize("code", ["no_reader", "no_card", "no_uzi_card"])
async def test_what_the_person_can_mend_is_waited_for(case, code):
    found = [Trouble(code), case.cards]

    def look():
        seen = found.pop(0)
        if isinstance(seen, Trouble):
            raise seen
        return seen

    case.session._cards = look

    await case.handle(MENDS, PIN)

    assert case.person.asked[0] == ("again", Words("nl").sentence(Trouble(code)))


async def test_a_card_that_was_pulled_out_may_be_put_back(case, token):
    token.troubles = ["card_removed"]

    await case.handle(PIN, MENDS, PIN)

    assert [asked[0] for asked in case.person.asked] == ["pin", "again", "pin"]


async def test_who_stops_there_is_told_nothing_twice(case, token):
    token.troubles = ["card_removed"]

    trouble = await case.trouble(PIN, STOPS)

    assert (trouble.code, trouble.told) == ("card_removed", True)


async def test_what_only_others_can_mend_ends_it(case, token):
    token.troubles = ["no_key"]

    assert (await case.trouble(PIN)).code == "no_key"


# What the server and the way to it do.


def session_id(link):
    return link.partition("&id=")[2].partition("&")[0]


def fault(stand_in, case, method, answer):
    async def respond(_request):
        return answer()

    path = f"/uzi/sessions/{session_id(case.link)}"
    stand_in.faults[method, path + ("/proof" if method == "POST" else "")] = respond


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("card_revoked", 422),
        ("expired", 410),
        ("not_found", 404),
        ("too_many_requests", 429),
        ("server_error", 500),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_servers_refusal_is_told(case, stand_in, error, status, method):
    body = {"error": error, "error_description": "In English."}
    fault(stand_in, case, method, lambda: web.json_response(body, status=status))

    trouble = await case.trouble(*[PIN] * (method == "POST"))

    assert isinstance(trouble, Refused)
    assert (trouble.code, trouble.description) == (error, "In English.")


async def test_words_of_the_server_are_shown_on_one_line_and_not_without_end(case, stand_in):
    body = {"error": "brand_new\n" * 99, "error_description": "Do \u202ethis.\n" * 99}
    fault(stand_in, case, "GET", lambda: web.json_response(body, status=422))

    trouble = await case.trouble()

    assert trouble.description.startswith("Do this. Do this.")
    assert len(trouble.description) == 300
    assert (trouble.code.isprintable(), len(trouble.code)) == (True, 40)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda: web.Response(status=502, text="<html>"), "server_fails"),
        (lambda: web.Response(status=404, text="<html>"), "strange_answer"),
        (lambda: web.Response(text="<html>"), "strange_answer"),
        (lambda: web.json_response({}), "strange_answer"),
    ],
)
async def test_what_is_no_answer_of_the_server_is_told(case, stand_in, answer, code):
    fault(stand_in, case, "GET", answer)

    trouble = await case.trouble()

    assert (trouble.code, trouble.facts) == (code, {"server": stand_in.base})


async def test_the_server_is_asked_for_the_persons_language(http, page, stand_in, token):
    link = (await page.start_session("login")).agent_uri
    stand_in.seen.clear()

    await Case(http, stand_in, link, token, language="en").handle(PIN)

    assert [seen["Accept-Language"] for _, _, seen in stand_in.seen] == ["en", "en"]


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("https://zorg.example", "strange_link"),
        (f"zorgid://session?server=https://zorg.example&id={ID}&nonce={NONCE}", "foreign_server"),
    ],
)
async def test_a_link_that_is_not_followed_is_told(case, link, code):
    case.link = link

    trouble = await case.trouble()

    assert trouble.code == code
    assert trouble.facts["server"] == ("https://zorg.example" if "session" in link else "")


def link_to(server):
    return f"zorgid://session?server={server}&id={ID}&nonce={NONCE}"


async def test_a_server_that_is_not_there_is_told(case, unused_tcp_port):
    server = f"http://localhost:{unused_tcp_port}"
    case.agent.servers.add(server)
    case.link = link_to(server)

    assert (await case.trouble()).code == "unreachable"


async def test_a_server_that_does_not_answer_is_told(case, stand_in, monkeypatch):
    monkeypatch.setattr("clients.wire.TIMEOUT", 0.05)

    async def silent(_request):
        await asyncio.sleep(5)

    stand_in.faults["GET", f"/uzi/sessions/{session_id(case.link)}"] = silent

    assert (await case.trouble()).code == "unreachable"


@pytest.fixture
def tls(tmp_path):
    """Start a server with a certificate for localhost of these days; returns its origin."""

    async def start(days):
        since, until = (datetime.now(UTC) + timedelta(days=day) for day in days)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = made.public_bytes(Encoding.PEM)
        file = tmp_path / "server.pem"
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        runner = web.AppRunner(web.Application())
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "localhost", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        return f"https://localhost:{port}", pem

    runners = []
    start.runners = runners
    return start


@pytest.mark.parametrize(
    ("trusted", "days", "code"),
    [
        (False, (-1, 1), "tls"),
        (True, (-9, -1), "clock"),
        (True, (1, 9), "clock"),
    ],
    ids=("unknown-authority", "expired", "not-yet-valid"),
)
async def test_a_wrong_certificate_is_told_and_nothing_sent(
    stand_in, token, tls, trusted, days, code
):
    server, pem = await tls(days)
    context = ssl.create_default_context(cadata=pem.decode() if trusted else None)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context), cookie_jar=aiohttp.DummyCookieJar()
    ) as http:
        case = Case(http, stand_in, link_to(server), token)
        case.agent.servers.add(server)

        trouble = await case.trouble()

    for runner in tls.runners:
        await runner.cleanup()
    assert (trouble.code, trouble.facts) == (code, {"server": server})


# A file in the place of a card.


async def test_a_file_proves_like_a_card(http, page, stand_in, card_file):
    link = (await page.start_session("login")).agent_uri
    case = Case(http, stand_in, link, CardFile(card_file))

    await case.handle("0000", PIN)

    assert len(case.opened) == 1


async def test_a_file_that_is_not_there_is_told(http, page, stand_in, tmp_path):
    link = (await page.start_session("login")).agent_uri
    case = Case(http, stand_in, link, CardFile(tmp_path / "none.p12"))

    assert (await case.trouble(PIN, STOPS)).code == "no_card"


@pytest.fixture
def certify_from(ca_of_cards):
    def certify(at):
        profile = ca_of_cards.profile(Holder(), Use.AUTHENTICATION, at)
        return ca_of_cards.certify(Holder(), profile, make_key(KeyKind.P_256)).certificate

    return certify


@pytest.fixture(scope="module")
def ca_of_cards():
    return UziTestCa.create(datetime.now(UTC), Style(KeyKind.P_256))
