"""The writer: one commit for all the changes that have gathered."""

import random
import time
from dataclasses import dataclass
from typing import Any

from pairing_server.audit.append import Appender, Draft
from pairing_server.metrics import EVENTS
from pairing_server.registry import AlreadyExistsError, RegistryUnavailableError, Transaction
from pairing_server.registry.driver import ConnectionLostError, ContendedError
from pairing_server.registry.session import Change, Session
from pairing_server.registry.worker import Job, settle

#: How often a change is run alone before it is given up.
ATTEMPTS = 6
#: Seconds between the attempts of a change that lost a deadlock, drawn up to this.
PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any
    error: BaseException | None
    lost_race: bool
    drafts: list[Draft]


class Writer:
    """Runs changes, their audit events with them."""

    def __init__(self, appender: Appender) -> None:
        self._appender = appender

    def handle(self, session: Session, jobs: list[Job[Transaction]]) -> None:
        """Commit the changes together, and those for which that does not work alone.

        Raises:
            RegistryUnavailableError: the database does not answer; undone jobs were not made, but
                for those of a commit during which the connection broke.
        """
        wanted = [job for job in jobs if not job.future.cancelled()]
        alone = self._commit_together(session, wanted) if len(wanted) > 1 else wanted
        settle(job for job in wanted if job.is_done)
        for job in alone:
            if not job.future.cancelled():
                self._commit_alone(session, job)

    def _commit_together(
        self, session: Session, jobs: list[Job[Transaction]]
    ) -> list[Job[Transaction]]:
        """Return the jobs that are to be run alone."""
        session.begin_write()
        try:
            outcomes = [self._run_in_savepoint(session, job) for job in jobs]
            self._finish(session, [draft for done in outcomes for draft in done.drafts])
        except ConnectionLostError:
            raise
        except Exception:  # noqa: BLE001  (whoever caused it finds out when running alone)
            session.rollback()
            return jobs
        for job, outcome in zip(jobs, outcomes, strict=True):
            if not outcome.lost_race:
                _tell(job, outcome)
        return [job for job in jobs if not job.is_done]

    def _run_in_savepoint(self, session: Session, job: Job[Transaction]) -> _Outcome:
        session.savepoint()
        outcome = _run(session, job)
        if outcome.error is None:
            session.release()
        else:
            session.undo()
        return outcome

    def _commit_alone(self, session: Session, job: Job[Transaction]) -> None:
        has_lost = False
        for _ in range(ATTEMPTS):
            session.begin_write()
            try:
                outcome = _run(session, job)
                if outcome.error is None:
                    self._finish(session, outcome.drafts)
                else:
                    session.rollback()
            except ConnectionLostError:
                raise
            except (ContendedError, AlreadyExistsError):
                session.rollback()
                time.sleep(random.uniform(0, PAUSE))  # noqa: S311  (against meeting again)
                continue
            except Exception as error:  # noqa: BLE001  (as in a change)
                session.rollback()
                outcome = _Outcome(None, error, lost_race=False, drafts=[])
            # What was unique a moment ago may have been taken by another node, so that a change
            # that looks before it writes now takes its other path.
            if not outcome.lost_race or has_lost:
                _tell(job, outcome)
                return
            has_lost = True
        job.fail(RegistryUnavailableError("the database is too busy"))

    def _finish(self, session: Session, drafts: list[Draft]) -> None:
        self._appender.append(session, drafts)
        session.commit()
        for draft in drafts:
            EVENTS.labels(draft.action, draft.outcome).inc()


def _run(session: Session, job: Job[Transaction]) -> _Outcome:
    """Run a change.

    Raises:
        RegistryUnavailableError: the transaction is of no more use.
    """
    session.forget_failure()
    change = Change(session)
    value, error = None, None
    try:
        value = job.work(change)
    except BaseException as raised:  # noqa: BLE001  (whatever it is, it is the caller's)
        error = raised
    failure = session.failure
    if isinstance(failure, RegistryUnavailableError):
        raise failure
    lost_race = isinstance(failure or error, AlreadyExistsError)
    error = error or failure
    return _Outcome(value, error, lost_race, [] if error else change.drafts)


def _tell(job: Job[Transaction], outcome: _Outcome) -> None:
    if outcome.error is None:
        job.succeed(outcome.value)
    else:
        job.fail(outcome.error)
