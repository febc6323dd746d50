"""Rules of what an export has in full; of the rest it has the digests, by which it is verified."""

from dataclasses import asdict, dataclass

from pairing_server.audit.chain import Facts
from pairing_server.audit.filing import Filing, filing_of
from pairing_server.audit.search import Search
from pairing_server.clock import to_milliseconds

#: What every export tells, for it holds nothing of anybody and the chain is checked by it.
_EVERYBODYS = frozenset({"AuditPruned"})


@dataclass(frozen=True, slots=True)
class Part:
    """An organisation's events, or those of them that were looked for."""

    search: Search

    def has(self, facts: Facts) -> bool:
        """Whether an event is in it."""
        if facts.action in _EVERYBODYS:
            return True
        search = self.search
        filed = filing_of(asdict(facts))
        return (
            filed is not None
            and facts.ura == search.ura
            and (not search.actions or facts.action in search.actions)
            and search.workstation in {None, filed.workstation}
            and _is_in_time(search, facts.time)
            and _is_about(search, facts, filed)
        )


def _is_in_time(search: Search, time: int) -> bool:
    since, until = search.since, search.until
    return (since is None or time >= to_milliseconds(since)) and (
        until is None or time < to_milliseconds(until)
    )


def _is_about(search: Search, facts: Facts, filed: Filing) -> bool:
    if not search.people and not search.credentials:
        return True
    return (
        filed.credential in search.credentials
        or filed.person in search.people
        or facts.actor in search.actors
    )
