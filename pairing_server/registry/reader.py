"""The reader: queries of one moment in one transaction."""

from pairing_server.registry import Query
from pairing_server.registry.driver import ConnectionLostError
from pairing_server.registry.session import Session, View
from pairing_server.registry.worker import Job


def handle(session: Session, jobs: list[Job[Query]]) -> None:
    """Run queries, all of them on what was committed when the first one began.

    Raises:
        ConnectionLostError: the database does not answer.
    """
    waiting = [job for job in jobs if not job.future.cancelled()]
    while waiting:
        waiting = _read(session, waiting)


def _read(session: Session, jobs: list[Job[Query]]) -> list[Job[Query]]:
    """Return the jobs that are left when a statement failed, and the transaction with it."""
    session.forget_failure()
    session.begin_read()
    for number, job in enumerate(jobs, start=1):
        try:
            job.succeed(job.work(View(session)))
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is the caller's)
            job.fail(error)
        failure = session.failure
        if failure is not None:
            if isinstance(failure, ConnectionLostError):
                job.is_done = False
                raise failure
            job.fail(failure)
            session.rollback()
            return jobs[number:]
    session.rollback()
    return []
