"""Rules of `Retry-After`: who is to be left alone, and until when.

Services say it of one token as well as of themselves, and rarely which.  So it holds for the token
first, and for the service once several tokens heard it: else whoever has a phone could have it
said of their own, and nobody would be woken.
"""

from dataclasses import dataclass, replace
from datetime import datetime

#: So many tokens at once mean the service.
TOKENS_OF_A_SERVICE = 3
#: So many are remembered; one more takes the place of the one that is over first.
MOST = 200


@dataclass(frozen=True, slots=True)
class Pauses:
    """What a service asked for.

    Attributes:
        tokens: Until when each is to be left alone, by a mark that does not tell it.
        service: Until when nothing is to be sent.
    """

    tokens: tuple[tuple[str, datetime], ...] = ()
    service: datetime | None = None


def told(pauses: Pauses, token: str, until: datetime, now: datetime) -> Pauses:
    """Take note of a `Retry-After` in the answer to a send to `token`."""
    others = [(name, end) for name, end in pauses.tokens if name != token and now < end]
    kept = sorted(others, key=lambda pause: pause[1])[-(MOST - 1) :]
    following = replace(pauses, tokens=(*kept, (token, until)))
    if len(following.tokens) < TOKENS_OF_A_SERVICE:
        return following
    # The shortest of the longest: so many tokens agree that it lasts at least until then.
    agreed = sorted((end for _, end in following.tokens), reverse=True)[TOKENS_OF_A_SERVICE - 1]
    return replace(following, service=max(agreed, pauses.service or agreed))


def until(pauses: Pauses, token: str, now: datetime) -> datetime | None:
    """Return before when nothing is to be sent to this token, or `None`."""
    ends = [end for name, end in pauses.tokens if name == token]
    ends += [pauses.service] if pauses.service is not None else []
    later = [end for end in ends if now < end]
    return max(later, default=None)


def are_over(pauses: Pauses, now: datetime) -> bool:
    """Whether there is nothing left to be waited for."""
    ends = [*(end for _, end in pauses.tokens), pauses.service]
    return all(end is None or end <= now for end in ends)
