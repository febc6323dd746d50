"""`pairing-server audit evidence`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pairing_server.audit.chain import Facts
from pairing_server.cli.running import TAKES_ID, Mistake, registry_only, run, with_settings
from pairing_server.clock import from_milliseconds, wire_time
from pairing_server.evidence import Check, Linked, NoEvidenceError, broken, check_link, is_readable
from pairing_server.evidence.acts import check_act, read_act
from pairing_server.evidence.card import (
    BY_CARD,
    OF_PERSONS,
    check_card,
    is_of_card,
    read_statement,
)
from pairing_server.evidence.log import ExportLog, Log, RegistryLog
from pairing_server.evidence.phone import ACTIONS as APPROVALS
from pairing_server.evidence.phone import (
    Approval,
    check_approval,
    read_approval,
    read_redeemed,
)
from pairing_server.keys.ceremony import RelyingParty
from pairing_server.settings import Settings, SettingsError, UziEnvironment
from pairing_server.uzi.path import CardVerifier
from pairing_server.uzi.trust_setup import read_anchors, read_hierarchy

#: Exit status where there is nothing to verify.
NOTHING = 2


@click.command("evidence", context_settings=TAKES_ID)
@click.argument("event_id")
@click.option(
    "--export",
    "export_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Look in this export instead, away from the server.",
)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Trust this certificate instead of the configured ones; may repeat.",
)
@click.option(
    "--environment",
    type=click.Choice([one.value for one in UziEnvironment]),
    help="Of the cards, instead of the configured one.",
)
@with_settings
def evidence(
    settings: Settings,
    event_id: str,
    export_file: Path | None,
    anchors: tuple[Path, ...],
    environment: str | None,
) -> None:
    """Verify again, offline, what a card or a phone signed for the event with this id.

    Prints the result of each check as JSON.  Exits with 1 when one does not hold, and with 2 when
    there is no such event or nobody signed for it.
    """
    changed: dict[str, Any] = {"uzi_anchors": anchors} if anchors else {}
    if environment is not None:
        changed |= {"uzi_environment": UziEnvironment(environment), "uzi_hierarchy_file": None}
    chosen = settings.model_copy(update=changed)
    if export_file is not None:
        log = ExportLog(export_file)
        told = run(lambda: _verify(log, event_id, chosen))
    else:
        told = run(lambda: _verify_here(chosen, event_id))
    click.echo(json.dumps(told, indent=2, ensure_ascii=False, default=repr))
    if told["verdict"] != "holds":
        raise SystemExit(1)


async def _verify_here(settings: Settings, event_id: str) -> dict[str, Any]:
    async with registry_only(settings) as registry:
        return await _verify(RegistryLog(registry), event_id, settings)


async def _verify(log: Log, event_id: str, settings: Settings) -> dict[str, Any]:
    """Verify an event, and say each check's result.

    Raises:
        Mistake: there is no such event, or nobody signed for it.
    """
    try:
        linked = await log.by_id(event_id)
        if linked is None:
            raise Mistake(f"there is no event {event_id} in the audit log")
        return await _verify_event(log, linked, settings)
    except ValueError as error:
        raise Mistake(f"this is not an export of an audit log: {error}") from error
    except SettingsError as error:
        raise Mistake("these settings are wrong:\n- " + "\n- ".join(error.mistakes)) from error


async def _verify_event(log: Log, linked: Linked, settings: Settings) -> dict[str, Any]:
    facts, checks = linked.entry.facts, {"chain": check_link(linked)}
    more: dict[str, Any] = {}
    try:
        if is_readable(linked.entry):
            found, more = await _signed(log, facts, settings)
        else:
            found = {}
    except NoEvidenceError as error:
        if checks["chain"].holds:
            raise Mistake(f"nobody signed for this event ({facts.action})") from error
        found = {"evidence": broken("there is none")}
    except ValueError:
        found = {"evidence": broken("it is not of the form in which it is kept")}
    checks |= found
    holds = all(check.holds is not False for check in checks.values())
    return {
        "event": {
            "id": facts.id,
            "action": facts.action,
            "time": wire_time(from_milliseconds(facts.time)) if found else facts.time,
            "actor": facts.actor,
            "object": facts.object,
            "ura": facts.ura,
        },
        **more,
        "checks": {name: asdict(check) for name, check in checks.items()},
        "verdict": "holds" if holds else "broken",
    }


async def _signed(
    log: Log, facts: Facts, settings: Settings
) -> tuple[dict[str, Check], dict[str, Any]]:
    """Check what was signed, or the approval that an assertion was issued for."""
    if facts.action != "AssertionIssued":
        return await _by_whom(log, facts, settings)
    request = read_redeemed(facts)
    for action in ("AuthRequestApproved", BY_CARD):
        if approval := await log.by_object(action, f"auth-request:{request}"):
            break
    else:
        return {"approval": broken("no event in the log approves this request")}, {}
    checks, told = {"approval": check_link(approval)}, dict[str, Any]()
    if is_readable(approval.entry):
        approved = approval.entry.facts
        if approved.actor != facts.object or approved.ura != facts.ura:
            checks["approval"] = broken("another person approved, or for another organisation")
        try:
            found, told = await _by_whom(log, approved, settings)
        except NoEvidenceError:
            found = {"evidence": broken("nobody signed the approval")}
        checks |= found
    return checks, told


async def _by_whom(
    log: Log, facts: Facts, settings: Settings
) -> tuple[dict[str, Check], dict[str, Any]]:
    check = _card if is_of_card(facts) else _phone
    return await check(log, facts, settings)


async def _card(
    log: Log, facts: Facts, settings: Settings
) -> tuple[dict[str, Check], dict[str, Any]]:
    kept = read_statement(facts)
    registered = None
    if facts.action in OF_PERSONS:
        registered = await log.by_object("PersonRegistered", facts.actor)
    known = registered.entry.facts if registered and is_readable(registered.entry) else None
    hierarchy = read_hierarchy(settings)
    verifier = CardVerifier(read_anchors(settings, hierarchy), hierarchy)
    told = {"statement": kept.statement, "origin": kept.origin, "revocation": kept.revocation}
    found = check_card(facts, kept, verifier, hierarchy, settings.origin, known)
    if registered is not None:
        found["registration"] = check_link(registered)
    return found, told


async def _phone(
    log: Log, facts: Facts, settings: Settings
) -> tuple[dict[str, Check], dict[str, Any]]:
    rp = RelyingParty(settings.rp_id, settings.webauthn_origins)
    kept = read_approval(facts) if facts.action in APPROVALS else read_act(facts)
    bound = await log.by_object("AuthenticatorBound", f"credential:{kept.credential}")
    binding = bound.entry.facts if bound is not None and is_readable(bound.entry) else None
    if isinstance(kept, Approval):
        found = check_approval(facts, kept, binding, rp)
    else:
        found = check_act(facts, kept, binding, rp)
    if bound is not None:
        found["binding"] = check_link(bound)
    named = {"approval": facts.id} if isinstance(kept, Approval) else {}
    return found, {**named, "signed": kept.signed}
