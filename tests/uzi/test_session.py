"""The rules of a UZI session, over every state and time."""

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.desktop import AgentLink
from pairing_server.errors import Conflict, Expired, NotFound, Refusal
from pairing_server.uzi import session as rules
from pairing_server.uzi.belief import Belief
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.proof import proof_message
from pairing_server.uzi.session import Proof, Purpose, Status, UziSession, WrongBrowser

#: A machine that is busy is no failure.
never_late = settings(deadline=None)

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
END = NOW + rules.SESSION_LIFETIME
LAST_MOMENT = END - timedelta(microseconds=1)
CARD = Card(
    uzi_number="900001234",
    card_type="Z",
    ura="90000382",
    role_code="01.015",
    agb_code="00000000",
    oid_ca="2.16.528.1.1007.99.217",
    first_names="Jan",
    last_name="Jansen",
    title=None,
    organisation_name="Zorg",
    not_valid_after=END,
    serial_number="1f",
)
PROOF = Proof(certificate="", chain=(), signature="", algorithm="ES256")
WAITING = UziSession(
    id="an-identifier-of-it",
    purpose=Purpose.LOGIN,
    statement="Ik log in.",
    nonce="a-nonce-of-the-session",
    browser="browser-digest",
    status=Status.WAITING,
    expires_at=END,
)
BELIEF = Belief(CARD, {"source": "crl"})
PROVED = rules.prove(WAITING, BELIEF, PROOF, "completion-digest", NOW)
SETTLED = [Status.REFUSED, Status.COMPLETED]


def complete(session, browser="browser-digest", completion="completion-digest", now=NOW):
    return rules.complete(session, browser, completion, now)


def test_the_first_proof_stands():
    assert PROVED.status is Status.PROVED
    assert (PROVED.card, PROVED.proof) == (CARD, PROOF)
    with pytest.raises(NotFound):
        rules.prove(PROVED, Belief(replace(CARD, uzi_number="900009999"), {}), PROOF, "other", NOW)


def test_a_refusal_ends_the_session_with_the_code_of_its_rule():
    refused = rules.refuse(WAITING, "card_expired", NOW)

    assert (refused.status, refused.refused) == (Status.REFUSED, "card_expired")


def test_a_proved_session_is_not_refused_any_more():
    with pytest.raises(NotFound):
        rules.refuse(PROVED, "card_expired", NOW)


@pytest.mark.parametrize("status", SETTLED)
def test_a_settled_session_takes_nothing(status):
    settled = replace(PROVED, status=status)

    for step in (
        lambda: rules.prove(settled, BELIEF, PROOF, "completion-digest", NOW),
        lambda: rules.refuse(settled, "card_expired", NOW),
        lambda: rules.check_agent(settled, settled.nonce, NOW),
        lambda: complete(settled),
    ):
        with pytest.raises(NotFound):
            step()


@pytest.mark.parametrize("session", [WAITING, PROVED], ids=["waiting", "proved"])
def test_its_last_moment_is_the_one_before_its_end(session):
    assert session.status_at(LAST_MOMENT) is session.status
    assert session.status_at(END) is Status.EXPIRED


@pytest.mark.parametrize("status", SETTLED)
def test_what_is_settled_does_not_expire(status):
    assert replace(PROVED, status=status).status_at(END) is status


def test_everybody_hears_that_it_expired():
    for step in (
        lambda: rules.prove(WAITING, BELIEF, PROOF, "completion-digest", END),
        lambda: rules.refuse(WAITING, "card_expired", END),
        lambda: rules.check_agent(WAITING, WAITING.nonce, END),
        lambda: complete(WAITING, now=END),
        lambda: complete(PROVED, now=END),
    ):
        with pytest.raises(Expired):
            step()


@pytest.mark.parametrize("nonce", ["", "a-nonce-of-the-sessioN", "a-nonce", "é", "\udcff"])
def test_an_agent_without_the_nonce_hears_nothing(nonce):
    with pytest.raises(NotFound):
        rules.check_agent(WAITING, nonce, NOW)


def test_an_agent_without_the_nonce_does_not_hear_that_it_expired():
    with pytest.raises(NotFound):
        rules.check_agent(WAITING, "another", END)


def test_the_browser_that_started_it_finishes_it():
    assert complete(PROVED) == replace(PROVED, status=Status.COMPLETED)


@pytest.mark.parametrize("session", [WAITING, PROVED], ids=["waiting", "proved"])
@pytest.mark.parametrize("browser", [None, "", "another"])
def test_another_browser_spends_it(session, browser):
    spent = complete(session, browser=browser)

    assert (spent.status, spent.refused) == (Status.REFUSED, WrongBrowser.code)
    with pytest.raises(NotFound):
        complete(spent)


def test_another_completion_changes_nothing():
    with pytest.raises(NotFound):
        complete(PROVED, completion="another")


@pytest.mark.parametrize("session", [WAITING, PROVED], ids=["waiting", "proved"])
def test_what_is_withdrawn_takes_no_proof_and_is_not_finished(session):
    withdrawn = rules.withdraw(session)

    assert (withdrawn.status, withdrawn.refused) == (Status.REFUSED, "withdrawn")
    for step in (
        lambda: rules.prove(withdrawn, BELIEF, PROOF, "completion-digest", NOW),
        lambda: complete(withdrawn),
    ):
        with pytest.raises(NotFound):
            step()


def test_a_refused_session_keeps_its_reason_when_it_is_withdrawn():
    refused = rules.refuse(WAITING, "card_expired", NOW)

    assert rules.withdraw(refused) == refused


def test_what_was_completed_is_not_withdrawn():
    with pytest.raises(Conflict):
        rules.withdraw(complete(PROVED))


def test_nothing_is_finished_before_a_card_is_proved():
    with pytest.raises(Conflict):
        complete(WAITING)


@never_late
@given(
    session=st.builds(
        replace,
        st.sampled_from([WAITING, PROVED]),
        status=st.sampled_from(Status),
        browser=st.sampled_from(["browser-digest", "another"]),
    ),
    browser=st.sampled_from([None, "browser-digest", "another"]),
    completion=st.sampled_from(["completion-digest", "another"]),
    now=st.sampled_from([NOW, LAST_MOMENT, END]),
)
def test_only_a_proved_session_is_completed_and_only_by_its_browser(
    session, browser, completion, now
):
    try:
        after = complete(session, browser, completion, now)
    except Refusal:
        return

    assert (after.status is Status.COMPLETED) == (
        session.status is Status.PROVED
        and session.card is not None
        and browser == session.browser
        and completion == session.completion_digest
        and now < END
    )


@never_late
@given(purpose=st.sampled_from(Purpose), host=st.just("localhost:1"), words=st.text())
def test_a_statement_is_one_line_that_can_be_shown(purpose, host, words):
    said = rules.statement(purpose, host, words)

    assert [char for char in said if unicodedata.category(char)[0] == "C"] == []
    assert said.splitlines() == [said]
    assert proof_message("https://x", "id", "nonce", purpose, said).count(b"\n") == 5


def test_names_do_not_run_together_where_a_control_was():
    said = rules.statement(Purpose.SIGN_REGISTRATION, "host", "Jan\nJansen\u202e\x00 (URA 1)")

    assert said == "Ik registreer mij bij host: Jan Jansen (URA 1)."


def test_each_purpose_has_a_statement_of_its_own():
    assert len({rules.statement(purpose, "host", "x") for purpose in Purpose}) == len(Purpose)


def test_the_link_is_the_agents():
    link = AgentLink.parse(rules.agent_uri("http://localhost:8080", WAITING))

    assert link == AgentLink("http://localhost:8080", WAITING.id, WAITING.nonce)
