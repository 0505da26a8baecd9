"""Who is signed in: kept in memory, so that stopping the server ends every sign-in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from hashlib import sha256
from threading import Lock

import attrs

from muniment.session import Session

__all__ = ["SignIn", "SignIns", "Upload"]


@attrs.frozen
class Upload:
    """A file on its way through the import's steps; in memory, so that nothing of it is left behind.

    Attributes:
        name: what its owner calls it.
        content: its bytes.
        type: key of the record type that it is for.
        sheets: the names of a workbook's sheets, in its order.
    """

    name: str
    content: bytes
    type: str
    sheets: tuple[str, ...] = ()


@attrs.define
class SignIn:
    """One sign-in of one person in one browser.

    Attributes:
        id: names it in the log; opens nothing.
        login: who.
        roles: the roles they had then; others end it.
        auth: ``password`` or ``passkey``.
        address: from where.
        csrf: what every form must carry.
        since_us: when it began, microseconds since 1970.
        seen_us: when it was last used.
        session: shows masks first.
        previous_us: when the same person signed in before; 0 for never.
        challenge: what a passkey has to sign next.
        totp_seed: of a second factor that is being set up.
        upload: a file that is being imported.
        rejected: the workbook of its refused rows.
        notes: what the next page tells once.
    """

    id: str
    login: str
    roles: tuple[str, ...]
    auth: str
    address: str
    csrf: str
    since_us: int
    seen_us: int
    session: Session
    previous_us: int = 0
    challenge: bytes = b""
    totp_seed: str = ""
    upload: Upload | None = None
    rejected: bytes = b""
    notes: list[str] = attrs.field(factory=list)


class SignIns:
    """The sign-ins of one process.

    Args:
        clock: microseconds since 1970.
        idle_us: one that was not used for so long is over.
        longest_us: one that began so long ago is over.
    """

    def __init__(self, clock: Callable[[], int], *, idle_us: int, longest_us: int) -> None:
        self._clock = clock
        self._idle_us = idle_us
        self._longest_us = longest_us
        self._by_hash: dict[bytes, SignIn] = {}
        self._lock = Lock()
        self.last_us: dict[str, int] = {}

    def begin(self, make: Callable[[str, str, int], SignIn]) -> tuple[SignIn, str]:
        """Keep a new sign-in.

        Args:
            make: makes it from an identifier, a token for forms, and the time.

        Returns:
            The sign-in, and the text of its cookie, which is kept nowhere here.
        """
        cookie = secrets.token_urlsafe(32)
        now = self._clock()
        made = make(secrets.token_hex(8), secrets.token_urlsafe(24), now)
        with self._lock:
            made.previous_us = self.last_us.get(made.login, 0)
            self.last_us[made.login] = now
            self._by_hash[_hash(cookie)] = made
        return made, cookie

    def find(self, cookie: str, *, quiet: bool = False) -> SignIn | None:
        """The sign-in that a cookie belongs to; None where it is over or was none.

        Args:
            cookie: its text.
            quiet: nobody does anything with it, so it goes on ending by itself.
        """
        with self._lock:
            found = self._by_hash.get(_hash(cookie))
            if found is None or self._over(found):
                return None
            if not quiet:
                found.seen_us = self._clock()
            return found

    def _over(self, one: SignIn) -> bool:
        now = self._clock()
        return now - one.seen_us > self._idle_us or now - one.since_us > self._longest_us

    def end(self, one: SignIn) -> bool:
        """Forget a sign-in; says whether it was still there."""
        with self._lock:
            held = [key for key, other in self._by_hash.items() if other is one]
            for key in held:
                del self._by_hash[key]
        return bool(held)

    def beyond(self, login: str, most: int) -> list[SignIn]:
        """Those of a person that are more than so many: the ones that were not used for longest."""
        with self._lock:
            held = sorted(
                (one for one in self._by_hash.values() if one.login == login), key=lambda one: -one.seen_us
            )
        return held[most:]

    def over(self) -> list[SignIn]:
        """Those that ended by themselves since the last look; they are forgotten."""
        with self._lock:
            gone = {key: one for key, one in self._by_hash.items() if self._over(one)}
            for key in gone:
                del self._by_hash[key]
        return list(gone.values())

    def __iter__(self) -> Iterator[SignIn]:
        with self._lock:
            return iter(list(self._by_hash.values()))


def _hash(cookie: str) -> bytes:
    return sha256(cookie.encode("utf-8", "surrogatepass")).digest()
