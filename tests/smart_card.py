"""The manners of a smart card on a SoftHSM2 token, which has none of them.

SoftHSM2 takes any number of wrong PINs and knows no reader.  Here its own functions are called
behind a PIN counter, a PIN of a certain length, a PIN pad and a card that can be pulled out: the
entries of the module's function list (PKCS #11 version 2.40, section 3.6) lead through these.

    python tests/smart_card.py '{"attempts": 3}' <arguments of zorgid-desktop>
"""

import ctypes
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

CKR_DEVICE_REMOVED = 0x32
CKR_PIN_INCORRECT = 0xA0
CKR_PIN_LEN_RANGE = 0xA2
CKR_PIN_LOCKED = 0xA4
CKR_TOKEN_NOT_PRESENT = 0xE0
CKU_USER = 1
PROTECTED_AUTHENTICATION_PATH = 0x100
COUNT_LOW, FINAL_TRY, LOCKED = 0x10000, 0x20000, 0x40000

Number = ctypes.c_ulong
Pointer = ctypes.c_void_p
#: Where these stand in a CK_FUNCTION_LIST, after its version.
GET_TOKEN_INFO, LOGIN, SIGN = 6, 18, 43
#: Where CK_TOKEN_INFO has its flags: after label, manufacturer, model and serial number.
FLAGS_AT = 32 + 32 + 16 + 16
TOKEN_INFO = ctypes.CFUNCTYPE(Number, Number, Pointer)
LOGIN_CALL = ctypes.CFUNCTYPE(Number, Number, Number, Pointer, Number)
SIGN_CALL = ctypes.CFUNCTYPE(Number, Number, Pointer, Number, Pointer, Pointer)


@dataclass
class SmartCard:
    """What the card does.

    Attributes:
        attempts: Wrong PINs that it still takes.
        silent: Whether the flags tell nothing of the attempts, as with some modules.
        shortest: PIN that the module hands on to the card at all.
        pin_pad: The PIN that is entered on the reader, if it has a keypad.
        pulled_out: The call in the middle of which the card goes: `C_Login` or `C_Sign`.
        tokens: The directory that is emptied then.
        fault: Whether the agent itself fails once the card has signed.
    """

    attempts: int = 3
    silent: bool = False
    shortest: int = 4
    pin_pad: str = ""
    pulled_out: str = ""
    tokens: str = ""
    fault: bool = False

    def json(self) -> str:
        return json.dumps(asdict(self))

    @contextmanager
    def in_module(self, module: Path) -> Iterator[None]:
        """Let the module behave so, in this process."""
        library = ctypes.CDLL(str(module))
        listed = Pointer()
        assert library.C_GetFunctionList(ctypes.byref(listed)) == 0
        entries = (Pointer * 68).from_address(listed.value + ctypes.sizeof(Pointer))
        before = {at: entries[at] for at in (GET_TOKEN_INFO, LOGIN, SIGN)}
        self._info = TOKEN_INFO(before[GET_TOKEN_INFO])
        self._login = LOGIN_CALL(before[LOGIN])
        self._sign = SIGN_CALL(before[SIGN])
        ours = {
            GET_TOKEN_INFO: TOKEN_INFO(self.token_info),
            LOGIN: LOGIN_CALL(self.login),
            SIGN: SIGN_CALL(self.sign),
        }
        try:
            for at, call in ours.items():
                entries[at] = ctypes.cast(call, Pointer).value
            yield
        finally:
            for at, address in before.items():
                entries[at] = address

    def token_info(self, slot: int, info: int) -> int:
        if self.pulled_out == "gone":
            return CKR_TOKEN_NOT_PRESENT
        answer = self._info(slot, info)
        flags = Number.from_address(info + FLAGS_AT)
        flags.value &= ~(COUNT_LOW | FINAL_TRY | LOCKED)
        if self.pin_pad:
            flags.value |= PROTECTED_AUTHENTICATION_PATH
        if not self.silent:
            flags.value |= {0: LOCKED, 1: FINAL_TRY, 2: COUNT_LOW}.get(self.attempts, 0)
        return answer

    def login(self, session: int, user: int, pin: int | None, length: int) -> int:
        if self._pull_out("C_Login"):
            return CKR_DEVICE_REMOVED
        if self.attempts == 0:
            return CKR_PIN_LOCKED
        typed = ctypes.string_at(pin, length) if pin else b""
        if self.pin_pad:
            assert not typed
            typed = self.pin_pad.encode()
        if len(typed) < self.shortest:
            return CKR_PIN_LEN_RANGE
        answer = self._login(session, user, ctypes.create_string_buffer(typed), len(typed))
        if answer == CKR_PIN_INCORRECT:
            self.attempts -= 1
        return answer

    def sign(self, session: int, data: int, length: int, made: int, made_length: int) -> int:
        # The first call asks how long the signature is; the card goes in the second.
        if made and self._pull_out("C_Sign"):
            return CKR_DEVICE_REMOVED
        return self._sign(session, data, length, made, made_length)

    def _pull_out(self, during: str) -> bool:
        if self.pulled_out != during:
            return self.pulled_out == "gone"
        self.pulled_out = "gone"
        shutil.rmtree(self.tokens)
        return True


if __name__ == "__main__":
    from clients import smartcard
    from clients.desktop_command import run

    card = SmartCard(**json.loads(sys.argv[1]))
    arguments = sys.argv[2:]
    if card.fault:
        smartcard.check_signature = None
    with card.in_module(Path(arguments[arguments.index("--module") + 1])):
        sys.exit(run(arguments))
