"""The part of `pairing-server check` that is about whom the server believes about keys."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pairing_server.clock import utc_now, wire_time
from pairing_server.keys.attestation.directory import (
    SETTING,
    STATUS_FILE,
    AttestationRootsError,
    Found,
    read_directory,
)
from pairing_server.keys.attestation.roots import CHAINED
from pairing_server.settings import Settings

#: Google renews it daily.
STATUS_LIFETIME = timedelta(days=7)
STATUS_SOURCE = "https://android.googleapis.com/attestation/status"


def examine_attestation(settings: Settings, mistakes: list[str], remarks: list[str]) -> None:
    """Say which makers' roots are in force, and what is wrong with the operator's own.

    Reads files, so call it in a thread.
    """
    try:
        found = read_directory(settings.attestation_dir)
    except AttestationRootsError as error:
        mistakes += (f"{SETTING}: {mistake}" for mistake in error.mistakes)
        return
    now = utc_now()
    mistakes += _outside_validity(found, now)
    remarks.append(_in_force(found))
    remarks.append(_called_back(found, now))


def _in_force(found: Found) -> str:
    counts = ", ".join(f"{name} {len(found.roots.of(name))}" for name in CHAINED)
    said = f"Attestation roots: {counts}."
    missing = [name for name in CHAINED if not found.roots.of(name)]
    if missing:
        said += f" A key whose attestation is {' or '.join(missing)} with a chain is refused."
    return said


def _called_back(found: Found, now: datetime) -> str:
    if found.status_at is None:
        return (
            f"No {STATUS_FILE} in {SETTING}: Android keys whose attestation Google has called "
            f"back are believed. Fetch it daily from {STATUS_SOURCE}."
        )
    said = (
        f"Attestations that Google has called back: {len(found.roots.called_back)}, as of "
        f"{wire_time(found.status_at)}."
    )
    if now - found.status_at > STATUS_LIFETIME:
        said += f" That is long ago: fetch it daily from {STATUS_SOURCE}."
    return said


def _outside_validity(found: Found, now: datetime) -> Iterator[str]:
    for path, certificate in found.files:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            yield (
                f"{SETTING}: the root in {path} is not valid now: every key below it is refused. "
                "Fetch the root that followed it, and remove this one."
            )
