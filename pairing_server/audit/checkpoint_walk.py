"""Rules by which checkpoints are checked: each by itself, and as one chain from the first."""

from pairing_server.audit.chain import Head
from pairing_server.audit.checkpoint import (
    Checkpoint,
    Signed,
    Verify,
    read_signed,
    signature_digest,
)
from pairing_server.audit.walk import Fault, Finding


class CheckpointWalk:
    """Checks the checkpoints: `add` each in the order in which they stand, then `end`.

    That the newest are gone can be seen only by one that was kept elsewhere.

    Args:
        check: Tells what a checkpoint's signature signs.
        kept: The checkpoint that was kept elsewhere.

    Attributes:
        before: Number and digest of the one before the first that is there.
    """

    def __init__(self, check: Verify, kept: Checkpoint | None = None) -> None:
        self._check = check
        self._kept = kept
        # What the log has under the number of the one that was kept.
        self._instead: Checkpoint | None = None
        self._number, self._digest = self.before = 0, signature_digest("")
        self._finding: Finding | None = None
        self._broken: dict[str, Finding] = {}

    @property
    def kept_heads(self) -> dict[str, Head]:
        """The heads that the checkpoint kept elsewhere vouches for."""
        signed = None if self._kept is None else read_signed(self._kept, self._check)
        return {} if signed is None else signed.heads

    def begin(self, number: int, digest: str) -> None:
        """Take that the checkpoints begin further on."""
        self._number, self._digest = self.before = number, digest

    def add(self, checkpoint: Checkpoint) -> dict[str, Head]:
        """Take the next checkpoint, and return the heads that it vouches for."""
        signed = read_signed(checkpoint, self._check)
        if self._finding is None:
            self._check_place(checkpoint, signed)
        elif self._finding.fault is Fault.CHECKPOINT_MISSING:
            self._check_not_missing(checkpoint.number)
        if self._kept is not None and checkpoint.number == self._kept.number:
            self._instead = checkpoint
        self._number = checkpoint.number
        self._digest = signature_digest(checkpoint.signature)
        return {} if signed is None else signed.heads

    def broken(self, number: int, chain: str, sequence: int, found: str | None) -> None:
        """Note a checkpoint that names an event which is not in its place."""
        now = "no event is there" if found is None else "another event is there"
        detail = f"checkpoint {number} saw the head at {sequence}, and {now} now"
        finding = Finding(Fault.CHECKPOINT_BROKEN, chain, sequence, None, detail)
        self._broken.setdefault(chain, finding)

    def end(self) -> list[Finding]:
        """Return the first that is wrong with the checkpoints, and the first of each chain."""
        return [*filter(None, (self._finding, self._check_kept())), *self._broken.values()]

    def _check_place(self, checkpoint: Checkpoint, signed: Signed | None) -> None:
        number, expected = checkpoint.number, self._number + 1
        if signed is None:
            self._find(Fault.CHECKPOINT_FORGED, number, "its signature is not over what it says")
        elif signed.number != number:
            self._find(Fault.CHECKPOINT_REORDERED, number, f"it is checkpoint {signed.number}")
        elif number > expected:
            self._find(Fault.CHECKPOINT_MISSING, expected, f"the next checkpoint is {number}")
        elif number < expected:
            self._find(Fault.CHECKPOINT_REORDERED, number, f"it stands behind {self._number}")
        elif signed.previous != self._digest:
            detail = f"checkpoint {number} follows another one"
            self._find(Fault.CHECKPOINT_REPLACED, self._number, detail)

    def _check_not_missing(self, number: int) -> None:
        if self._finding is not None and number == self._finding.sequence:
            self._find(Fault.CHECKPOINT_REORDERED, number, "it stands further on")

    def _check_kept(self) -> Finding | None:
        if self._kept is None or self._kept.number <= self.before[0]:
            return None
        signed = read_signed(self._kept, self._check)
        if signed is None or signed.number != self._kept.number:
            fault, detail = Fault.CHECKPOINT_FORGED, "no key of the server signed what was kept"
        elif self._instead is None:
            fault = Fault.CHECKPOINT_MISSING
            detail = f"it was kept elsewhere, and the log ends at checkpoint {self._number}"
        elif self._instead.signature != self._kept.signature:
            fault, detail = Fault.CHECKPOINT_REPLACED, "it is not the one that was kept elsewhere"
        else:
            return None
        return Finding(fault, None, self._kept.number, None, detail)

    def _find(self, fault: Fault, number: int, detail: str) -> None:
        self._finding = Finding(fault, None, number, None, detail)
