"""What the settings make of revocation: who is asked where, and what is wrong with that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from pairing_server.clock import Clock
from pairing_server.destination import AllowList, EgressError
from pairing_server.egress import Answer, Call, Egress
from pairing_server.settings import PREFIX, Settings
from pairing_server.tokens import Random
from pairing_server.uzi.card_status import CardStatus, Places
from pairing_server.uzi.hierarchy import HierarchyError, RevocationSources
from pairing_server.uzi.ocsp import MAX_RESPONSE_BYTES, REQUEST_TYPE
from pairing_server.uzi.responder import Responder
from pairing_server.uzi.revocation import (
    RevocationList,
    UnusableList,
    common_name,
    read_revocation_list,
)
from pairing_server.uzi.revocation_cache import ListCache
from pairing_server.uzi.revocation_files import ListDirectory
from pairing_server.uzi.revocation_lists import ListKeeper, NotFetched
from pairing_server.uzi.revocation_reading import MAX_LIST_BYTES, ListReader
from pairing_server.uzi.trust import choose_hierarchy

#: For a list of 10 MB through a slow line.
LIST_DEADLINE = timedelta(seconds=120)
_CACHE = "uzi-lists"
_OK = 200


def make_egress(settings: Settings) -> Egress:
    """Make what calls out."""
    proxy = settings.egress_proxy
    return Egress(settings.egress_inside, None if proxy is None else proxy.get_secret_value())


def make_card_status(
    settings: Settings,
    sources: RevocationSources,
    anchors: Sequence[x509.Certificate],
    egress: Egress,
    clock: Clock,
    random: Random,
) -> CardStatus:
    """Make what checks cards.

    Args:
        anchors: By which fetched lists are judged from the beginning.
    """
    reader = ListReader()
    directory = ListDirectory(settings.uzi_crl_dir, reader)
    if not settings.uzi_online:
        return CardStatus(directory, None, None, Places(), sources.crl_max_age)
    calls = _Calls(egress, allow_list(settings, sources))
    keeper = ListKeeper(
        calls.fetch,
        ListCache(settings.data_dir / _CACHE),
        clock,
        random,
        urls=list_addresses(settings, sources),
        authorities=anchors,
        interval=timedelta(minutes=settings.uzi_crl_every_minutes),
        reader=reader,
    )
    responder = Responder(calls.post, random, nonce_required=settings.uzi_ocsp_nonce)
    fallback = next(iter(sources.ocsp_urls), None)
    places = Places(calls.allowed, settings.uzi_ocsp_url, fallback)
    return CardStatus(
        directory, keeper, responder, places, sources.crl_max_age, stopped=egress.close
    )


@dataclass(frozen=True, slots=True)
class _Calls:
    """The two calls out, and where they may go."""

    egress: Egress
    allowed: AllowList

    async def fetch(self, url: str) -> bytes:
        """Fetch a list."""
        call = Call(url, limit=MAX_LIST_BYTES, deadline=LIST_DEADLINE)
        answer = await self.egress.send(call, self.allowed)
        if answer.status != _OK:
            raise NotFetched("status")
        return answer.body

    async def post(self, url: str, question: bytes, deadline: timedelta) -> Answer:
        """Ask a responder."""
        call = Call(
            url,
            limit=MAX_RESPONSE_BYTES,
            deadline=deadline,
            method="POST",
            body=question,
            headers={"Content-Type": REQUEST_TYPE},
        )
        return await self.egress.send(call, self.allowed)


def allow_list(settings: Settings, sources: RevocationSources) -> AllowList:
    """Return what may be called about revocation: lists and responses are signed, so http too."""
    configured = [*settings.uzi_crl_urls, *filter(None, (settings.uzi_ocsp_url,))]
    published = AllowList.of(
        (*sources.hosts, *settings.uzi_revocation_hosts), plain_http=True
    ).and_urls((*sources.crl_urls, *sources.ocsp_urls))
    return published.and_urls(configured)


def list_addresses(settings: Settings, sources: RevocationSources) -> tuple[str, ...]:
    """Return where lists are fetched ahead."""
    return settings.uzi_crl_urls or sources.crl_urls


def examine_revocation(settings: Settings, now: datetime) -> tuple[list[str], list[str]]:
    """Return what keeps cards from being checked, and what an operator may want to know.

    Reads files and calls nobody.
    """
    mistakes: list[str] = []
    remarks: list[str] = []
    try:
        hierarchy = choose_hierarchy(settings.uzi_environment, settings.uzi_hierarchy_file)
        sources: RevocationSources | None = hierarchy.revocation
    except HierarchyError:
        sources = None  # The hierarchy's own mistakes are told with it.
    directory = settings.uzi_crl_dir
    given = _examine_directory(directory, now, mistakes) if directory is not None else []
    remarks.extend(f"Revocation list of {_told(one, now)}." for one in given)
    if settings.uzi_online:
        if sources is not None:
            _examine_online(settings, sources, now, (mistakes, remarks))
    elif directory is None:
        mistakes.append(
            f"{PREFIX}UZI_CRL_DIR: without the issuers' revocation lists every card is refused: "
            f"name a directory and fetch them into it every hour, or leave {PREFIX}UZI_ONLINE on."
        )
    return mistakes, remarks


def _examine_directory(
    directory: Path, now: datetime, mistakes: list[str]
) -> list[RevocationList]:
    setting = f"{PREFIX}UZI_CRL_DIR"
    found = []
    try:
        files = [file for file in sorted(directory.iterdir()) if not file.name.startswith(".")]
    except OSError as error:
        mistakes.append(
            f"{setting}: {directory} cannot be read ({error.strerror}): make it, let the server's "
            "user read it, and fetch the issuers' lists into it."
        )
        return []
    for file in files:
        try:
            one = read_revocation_list(file.read_bytes())
        except (OSError, UnusableList):
            mistakes.append(
                f"{setting}: {file.name} is no revocation list that can be read: fetch it again, "
                "or take it out."
            )
            continue
        found.append(one)
        if not one.is_fresh(now, max_age=None):
            mistakes.append(f"{setting}: {file.name} is not fresh: fetch it again.")
    if not files:
        mistakes.append(f"{setting}: {directory} is empty: fetch the issuers' lists into it.")
    return found


def _examine_online(
    settings: Settings,
    sources: RevocationSources,
    now: datetime,
    told: tuple[list[str], list[str]],
) -> None:
    mistakes, remarks = told
    urls = list_addresses(settings, sources)
    remarks.extend(f"Revocation lists are fetched from {url}." for url in urls)
    allowed = allow_list(settings, sources)
    hosts = sorted({host for host, _ in allowed.places})
    remarks.append(f"Hosts that may be called about revocation: {', '.join(hosts) or 'none'}.")
    if settings.egress_proxy is not None:
        remarks.append("They are called through a proxy, which resolves their names.")
    if not urls and not hosts and settings.uzi_crl_dir is None:
        mistakes.append(
            f"{PREFIX}UZI_CRL_URLS: no address of a revocation list is known, so that every card "
            "is refused: name one, or a directory in "
            f"{PREFIX}UZI_CRL_DIR."
        )
    for kept in ListCache(settings.data_dir / _CACHE).lists():
        try:
            if not allowed.allows(kept.url):
                continue
            one = read_revocation_list(kept.data)
        except (EgressError, UnusableList):
            mistakes.append(f"The list fetched from {kept.url} cannot be read.")
            continue
        if one.is_fresh(now, max_age=None):
            remarks.append(f"Fetched: the list of {_told(one, now)}.")
        else:
            mistakes.append(
                f"The list of {_told(one, now)}, is not fresh any more: is {kept.url} reachable?"
            )


def _told(one: RevocationList, now: datetime) -> str:
    hours = (now - one.this_update).total_seconds() / 3600
    return f"{common_name(one.issuer)}, {len(one.serials)} entries, {hours:.1f} hours old"
