"""Cards in readers, through any PKCS#11 module; nothing else here knows PKCS#11.

Section numbers are those of the PKCS #11 Specification version 3.1.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from clients.card_certificates import choose_authentication, holder_name, issuers
from clients.card_signature import (
    CURVES,
    DIGEST_INFO_SHA256,
    Proof,
    check_signature,
)
from clients.desktop_words import Trouble

if TYPE_CHECKING:
    import pkcs11

#: Where the modules for the UZI-pas install themselves: SafeSign, which comes with the card,
#: before OpenSC.
MODULES = (
    "/usr/lib/libaetpkss.so.3",
    "/usr/lib/libaetpkss.so",
    "/usr/lib/x86_64-linux-gnu/libaetpkss.so.3",
    "/usr/lib64/libaetpkss.so.3",
    "/usr/local/lib/libaetpkss.dylib",
    "/Applications/tokenadmin.app/Contents/Frameworks/libaetpkss.dylib",
    "C:/Windows/System32/aetpkss1.dll",
    "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
    "/usr/lib/aarch64-linux-gnu/opensc-pkcs11.so",
    "/usr/lib64/pkcs11/opensc-pkcs11.so",
    "/usr/lib64/opensc-pkcs11.so",
    "/usr/lib/pkcs11/opensc-pkcs11.so",
    "/usr/lib/opensc-pkcs11.so",
    "/Library/OpenSC/lib/opensc-pkcs11.so",
    "/opt/homebrew/lib/opensc-pkcs11.so",
    "C:/Program Files/OpenSC Project/OpenSC/pkcs11/opensc-pkcs11.dll",
)


def find_module(configured: Path | None) -> Path:
    """Return the PKCS#11 module to use.

    Raises:
        Trouble: `no_module`.
    """
    candidates = [Path(name) for name in MODULES] if configured is None else [configured]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise Trouble("no_module")


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands in one reader, for a help desk; `token` is empty when nothing does."""

    reader: str
    token: str
    certificates: tuple[x509.Certificate, ...]
    authentication: x509.Certificate | None
    pin: str


class TokenCard:
    """A card in a reader, with a certificate that proves its holder."""

    def __init__(
        self, token: "pkcs11.Token", identifier: bytes, certificates: list[x509.Certificate]
    ) -> None:
        leaf = choose_authentication(certificates)
        if leaf is None:
            raise ValueError("no authentication certificate")
        self.certificate = leaf
        self.chain = tuple(issuers(leaf, certificates))
        self.holder = holder_name(leaf)
        self._token = token
        self._identifier = identifier

    @property
    def pin_pad(self) -> bool:
        """Whether the PIN is entered on the reader itself (section 3.2, protected path)."""
        from pkcs11 import TokenFlag  # noqa: PLC0415

        return TokenFlag.PROTECTED_AUTHENTICATION_PATH in self._token.flags

    def pin_state(self) -> str:
        """Ask the card about its PIN: `good`, `low`, `final` or `locked`, as far as it tells.

        Raises:
            Trouble: `card_removed`.
        """
        with _pulled_out(self._token):
            return _pin_state(self._token.slot.get_token())

    def prove(self, data: bytes, pin: str) -> Proof:
        """Sign with the authentication key; with a PIN pad `pin` is not looked at.

        Raises:
            Trouble: about the PIN, or a card that was pulled out or fails.
        """
        import pkcs11  # noqa: PLC0415

        with _pulled_out(self._token):
            self._expect_same_card()
            session = _log_in(self._token, pkcs11.PROTECTED_AUTH if self.pin_pad else pin)
            try:
                signature, algorithm = self._sign(session, data, "" if self.pin_pad else pin)
            finally:
                # It logs out first, which a card that is gone refuses; the session is gone, too.
                with suppress(pkcs11.PKCS11Error):
                    session.close()
        try:
            check_signature(self.certificate, data, signature, algorithm)
        except InvalidSignature as error:
            raise Trouble("wrong_key") from error
        return Proof(self.certificate, self.chain, signature, algorithm)

    def _expect_same_card(self) -> None:
        """Make sure that the PIN goes to the card that was shown, not to another put in since."""
        session = self._token.open()
        try:
            found = [certificate for _, certificate in _certificates(session)]
        finally:
            session.close()
        if self.certificate not in found:
            raise Trouble("card_removed")

    def _sign(self, session: "pkcs11.Session", data: bytes, pin: str) -> tuple[bytes, str]:
        import pkcs11  # noqa: PLC0415

        key = self._private_key(session)
        again = {"pin": pin} if _wants_pin_again(key) else {}
        offered = self._token.slot.get_mechanisms()
        match self.certificate.public_key():
            case rsa.RSAPublicKey():
                mechanism, parameter, signed, algorithm = _rsa(offered, data)
            case ec.EllipticCurvePublicKey() as public if public.curve.name in CURVES:
                algorithm, digest = CURVES[public.curve.name]
                mechanism, parameter = pkcs11.Mechanism.ECDSA, None
                signed = hashlib.new(digest.name, data).digest()
            case _:
                raise Trouble("unknown_key")
        try:
            made = key.sign(signed, mechanism=mechanism, mechanism_param=parameter, **again)
        except pkcs11.MechanismInvalid as error:
            raise Trouble("unknown_key") from error
        return bytes(made), algorithm

    def _private_key(self, session: "pkcs11.Session") -> Any:
        """Find the certificate's key by CKA_ID, and where several have it by the public key."""
        from pkcs11 import Attribute, ObjectClass  # noqa: PLC0415

        wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: self._identifier}
        keys = list(session.get_objects(wanted))
        fitting = [key for key in keys if self._fits(key)]
        if not fitting:
            raise Trouble("wrong_key" if keys else "no_key")
        return fitting[0]

    def _fits(self, key: Any) -> bool:
        """Compare the modulus; an elliptic curve key tells nothing before it has signed."""
        from pkcs11 import Attribute, PKCS11Error  # noqa: PLC0415

        public = self.certificate.public_key()
        if not isinstance(public, rsa.RSAPublicKey):
            return True
        try:
            modulus = int.from_bytes(key[Attribute.MODULUS], "big")
        except PKCS11Error:
            return True
        return modulus == public.public_numbers().n


class Readers:
    """The readers that a module sees, while the block lasts.

    Raises:
        Trouble: on entering, `no_software`, `no_module` or `broken_module`.
    """

    def __init__(self, module: Path | None = None) -> None:
        self._configured = module
        self._lib: Any = None
        self._looked = False
        self.module: Path | None = None

    def __enter__(self) -> Self:
        try:
            import pkcs11  # noqa: PLC0415
        except ImportError as error:
            raise Trouble("no_software") from error
        self.module = find_module(self._configured)
        try:
            self._lib = pkcs11.lib(str(self.module))
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            raise Trouble("broken_module", module=str(self.module)) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from pkcs11 import PKCS11Error  # noqa: PLC0415

        with suppress(PKCS11Error):
            self._lib.finalize()

    @property
    def description(self) -> str:
        """What the module calls itself."""
        return f"{self._lib.manufacturer_id} {self._lib.library_description}".strip()

    def cards(self) -> list[TokenCard]:
        """Find the cards that can prove their holders; those of an earlier look are void.

        Raises:
            Trouble: `no_reader`, `no_card`, `no_uzi_card`.
        """
        from pkcs11 import PKCS11Error  # noqa: PLC0415

        if self._looked:
            # A reader that was plugged in since is seen by some modules from a new start alone.
            with suppress(PKCS11Error):
                self._lib.reinitialize()
        self._looked = True
        slots = self._slots()
        if not slots:
            raise Trouble("no_reader")
        tokens = [token for slot in slots if (token := _token_in(slot)) is not None]
        if not tokens:
            raise Trouble("no_card")
        cards = [card for token in tokens if (card := _card_on(token)) is not None]
        if not cards:
            raise Trouble("no_uzi_card")
        return cards

    def seen(self) -> Iterator[Seen]:
        """Look into every reader without a PIN."""
        for slot in self._slots():
            token = _token_in(slot)
            if token is None:
                yield Seen(slot.slot_description, "", (), None, "")
                continue
            found = tuple(certificate for _, certificate in _read_certificates(token))
            leaf = choose_authentication(found)
            label = f"{token.label} ({token.manufacturer_id} {token.model})"
            yield Seen(slot.slot_description, label, found, leaf, _pin_state(token))

    def _slots(self) -> "list[pkcs11.Slot]":
        from pkcs11 import PKCS11Error  # noqa: PLC0415

        try:
            return list(self._lib.get_slots())
        except PKCS11Error:
            # What a module answers whose smart card service does not run.
            return []


def _token_in(slot: "pkcs11.Slot") -> "pkcs11.Token | None":
    from pkcs11 import PKCS11Error, TokenFlag  # noqa: PLC0415

    try:
        token = slot.get_token()
    except PKCS11Error:
        return None
    return token if TokenFlag.TOKEN_INITIALIZED in token.flags else None


def _card_on(token: "pkcs11.Token") -> TokenCard | None:
    found = _read_certificates(token)
    certificates = [certificate for _, certificate in found]
    leaf = choose_authentication(certificates)
    if leaf is None:
        return None
    identifier = next(named for named, certificate in found if certificate == leaf)
    return TokenCard(token, identifier, certificates)


def _read_certificates(token: "pkcs11.Token") -> list[tuple[bytes, x509.Certificate]]:
    from pkcs11 import PKCS11Error  # noqa: PLC0415

    try:
        session = token.open()
    except PKCS11Error:
        return []
    try:
        return list(_certificates(session))
    except PKCS11Error:
        return []
    finally:
        with suppress(PKCS11Error):
            session.close()


def _certificates(session: "pkcs11.Session") -> Iterator[tuple[bytes, x509.Certificate]]:
    """Read the certificates and their CKA_ID; what cannot be parsed is none of ours."""
    from pkcs11 import Attribute, ObjectClass, PKCS11Error  # noqa: PLC0415

    for stored in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE}):
        with suppress(ValueError, PKCS11Error):
            read = x509.load_der_x509_certificate(bytes(stored[Attribute.VALUE]))
            yield bytes(stored[Attribute.ID]), read


def _pin_state(token: "pkcs11.Token") -> str:
    from pkcs11 import TokenFlag  # noqa: PLC0415

    states = {
        TokenFlag.USER_PIN_LOCKED: "locked",
        TokenFlag.USER_PIN_FINAL_TRY: "final",
        TokenFlag.USER_PIN_COUNT_LOW: "low",
    }
    return next((state for flag, state in states.items() if flag in token.flags), "good")


def _log_in(token: "pkcs11.Token", pin: object) -> "pkcs11.Session":
    """Open a session and log in (section 5.6.8).

    Raises:
        Trouble: about the PIN.
    """
    import pkcs11  # noqa: PLC0415

    try:
        return token.open(user_pin=pin)
    except pkcs11.PinIncorrect as error:
        # Some modules count the last attempt so, and tell of the lock in the flags alone.
        locked = _pin_state(token.slot.get_token()) == "locked"
        raise Trouble("pin_locked" if locked else "wrong_pin") from error
    except pkcs11.PinLocked as error:
        raise Trouble("pin_locked") from error
    except (pkcs11.PinLenRange, pkcs11.PinInvalid) as error:
        raise Trouble("pin_length") from error
    except (pkcs11.PinExpired, pkcs11.UserPinNotInitialized) as error:
        raise Trouble("pin_not_set") from error
    except (pkcs11.FunctionCancelled, pkcs11.FunctionRejected) as error:
        raise Trouble("declined") from error


def _wants_pin_again(key: Any) -> bool:
    from pkcs11 import Attribute, PKCS11Error  # noqa: PLC0415

    try:
        return bool(key[Attribute.ALWAYS_AUTHENTICATE])
    except PKCS11Error:
        return False


def _rsa(offered: set[Any], data: bytes) -> tuple[Any, Any, bytes, str]:
    """Choose how the token signs with RSA: what it is handed, and what that is called."""
    from pkcs11 import MGF, Mechanism  # noqa: PLC0415

    pss = (Mechanism.SHA256, MGF.SHA256, 32)
    digest = hashlib.sha256(data).digest()
    choices = (
        (Mechanism.SHA256_RSA_PKCS, None, data, "RS256"),
        (Mechanism.RSA_PKCS, None, DIGEST_INFO_SHA256 + digest, "RS256"),
        (Mechanism.SHA256_RSA_PKCS_PSS, pss, data, "PS256"),
        (Mechanism.RSA_PKCS_PSS, pss, digest, "PS256"),
    )
    for choice in choices:
        if choice[0] in offered:
            return choice
    raise Trouble("unknown_key")


@contextmanager
def _pulled_out(token: "pkcs11.Token") -> Iterator[None]:
    """Tell a card that was pulled out from one that fails: by looking, as each module differs."""
    from pkcs11 import PKCS11Error  # noqa: PLC0415

    try:
        yield
    except PKCS11Error as error:
        gone = _token_in(token.slot) is None or not _read_certificates(token)
        raise Trouble("card_removed" if gone else "card_fails") from error
