"""What people and programs sign in with: kept in the key store, without a history, each change logged.

A password is kept as the hash that its owner's sign-in page made of it, a token
as SHA-256 of its random bytes. Nothing here decides whether somebody is who they
say: whoever serves people does, and writes down that they signed in.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

import attrs

from muniment.codec import canonical
from muniment.errors import AccessDenied, IntegrityError, NotFound, UsageError
from muniment.model import SCOPES, id_text
from muniment.session.ground import Footing
from muniment.session.kernel.definitions import User
from muniment.session.reading.cursor import opened_place, sealed_place
from muniment.session.reading.pieces import Piece

__all__ = ["LONGEST_DAYS", "Credential", "Credentials", "Passkey", "Token"]

LONGEST_DAYS: Final = 366
"""For how many days a token may be good at the most."""

_FORMAT: Final = 1
_SECRET: Final = 32
_LONGEST_NAME: Final = 100
_DAY_US: Final = 86_400_000_000
_PLACE: Final = b"piece/token"
_MOST: Final = 500
_OWNED: Final = b"1"
"""What lies under a token's second name, by which its owner's are found."""


@attrs.frozen
class Passkey:
    """A key that somebody's device holds (W3C Web Authentication).

    Attributes:
        id: as the device names it.
        public_key: COSE bytes.
        sign_count: what the device counted last; 0 for devices that do not.
        name: what its owner calls it.
        added_us: when, microseconds since 1970.
    """

    id: bytes
    public_key: bytes
    sign_count: int
    name: str
    added_us: int


@attrs.frozen
class Credential:
    """All that one user may sign in with.

    Attributes:
        password: the encoded hash; empty for none.
        password_us: when it was set.
        totp: the seed of the second factor (RFC 6238), base32; empty for none.
        totp_last: the last time step that was used, so that no code is used twice.
        recovery: SHA-256 of each unused recovery code, hex.
        passkeys: keys of devices.
    """

    password: str = ""
    password_us: int = 0
    totp: str = ""
    totp_last: int = 0
    recovery: tuple[str, ...] = ()
    passkeys: tuple[Passkey, ...] = ()

    @property
    def present(self) -> bool:
        """Whether somebody can sign in with it at all."""
        return bool(self.password or self.passkeys)


@attrs.frozen
class Token:
    """What a program shows instead of a person's sign-in, or a person once to set a password.

    Attributes:
        id: 16 bytes, hex; names it in the log.
        login: whose rights it has at the most.
        name: what its owner calls it.
        scopes: what it may be used for.
        added_us: when it was made, microseconds since 1970.
        expires_us: from when on it is refused.
    """

    id: str
    login: str
    name: str
    scopes: tuple[str, ...]
    added_us: int
    expires_us: int


class Credentials(Footing):
    """The credentials of an archive's users, as one actor may change them.

    Made by ``Session.credentials``; one's own may always be changed, others'
    with the right ``user.change``.
    """

    def of(self, login: str) -> Credential:
        """What somebody signs in with; an empty one for whom the archive does not know.

        For whoever serves the sign-in; nothing of it may be shown.
        """
        user = self._engine.definitions.users.get(login)
        data = None if user is None else self._engine.keys.box_get(_name(user))
        return _read(data)

    def anybody(self) -> bool:
        """Whether anybody at all can sign in yet."""
        return any(self.of(login).present for login in self._engine.definitions.users)

    def change(
        self, login: str, what: str, change: Callable[[Credential], Credential], *, removing: bool = False
    ) -> Credential:
        """Change what somebody signs in with; the entry that says so is in the log first.

        Args:
            login: whose.
            what: ``password``, ``totp``, ``recovery`` or ``passkey``; stands in the log.
            change: makes the new credential of the old one.
            removing: whether something is taken away.

        Raises:
            AccessDenied: ``access.action``; logged.
            NotFound: ``sign.no_user``.
        """
        user = self._user(login)
        self._require_over(login)
        self._engine.note(
            self._acting,
            "credential.remove" if removing else "credential.set",
            target={"login": login, "what": what},
        )
        return self.use(user.login, change)

    def use(self, login: str, change: Callable[[Credential], Credential]) -> Credential:
        """Note what a sign-in used up, such as a code; the sign-in itself is the entry."""
        changed = self._engine.keys.box_change(
            _name(self._user(login)), lambda data: _written(change(_read(data)))
        )
        return _read(changed)

    # Tokens

    def issue(
        self, login: str, *, name: str, scopes: tuple[str, ...], days: int, kind: str = "token"
    ) -> tuple[Token, str]:
        """Make a token; its text is shown once and kept nowhere.

        Args:
            login: whose rights it has at the most.
            name: what its owner calls it.
            scopes: what it may be used for.
            days: how long.
            kind: ``token``, or ``invite`` for one that sets a password once.

        Returns:
            The token, and its text.

        Raises:
            AccessDenied: ``access.action``; logged.
            NotFound: ``sign.no_user``.
            UsageError: ``sign.token_name``, ``sign.token_scope``, ``sign.token_days``.
        """
        engine = self._engine
        user = self._user(login)
        self._require_over(login)
        _check_terms(name, scopes, days)
        now = engine.clock()
        # In the order in which they are made, as lists show them; what nobody can guess is the secret.
        identifier, secret = engine.new_id().hex(), engine.random(_SECRET)
        token = Token(identifier, login, name, scopes, now, now + days * _DAY_US)
        engine.note(
            self._acting,
            "token.issue",
            target={"token": identifier, "login": login, "what": kind, "scopes": list(scopes) or ["all"]},
        )
        document = {**attrs.asdict(token), "scopes": list(scopes), "hash": sha256(secret).hexdigest(), "v": 1}
        # The name under its owner first: one that leads nowhere is passed over; a token without it is hidden.
        engine.keys.box_put(f"{_owned(kind, user)}{identifier}", _OWNED)
        engine.keys.box_put(f"{kind}/{identifier}", canonical(document))
        text = urlsafe_b64encode(bytes.fromhex(identifier) + secret).decode("ascii").rstrip("=")
        return token, text

    def token(self, text: str, *, kind: str = "token") -> Token:
        """The token that a text shows.

        Raises:
            AccessDenied: ``sign.token`` where there is none, or it has expired: alike.
        """
        refused = AccessDenied("sign.token")
        try:
            data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            raise refused from None
        if len(data) != 16 + _SECRET:
            raise refused
        document = self._document(kind, data[:16].hex())
        given = sha256(data[16:]).hexdigest()
        if document is None or not compare_digest(given, str(document["hash"])):
            raise refused
        token = _token(document)
        if token.expires_us <= self._engine.clock():
            raise refused
        return token

    def own(self, *, limit: int | None = None, after: str | None = None) -> Piece[Token]:
        """One's own tokens, the oldest first.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            UsageError: ``usage.cursor``.
        """
        user = self._engine.definitions.users.get(self._acting.actor.id)
        return Piece() if user is None else self._piece(_owned("token", user), limit, after)

    def listed(self, *, limit: int | None = None, after: str | None = None) -> Piece[Token]:
        """One's own tokens, the oldest first; whoever may read users sees everybody's, which is an entry.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            UsageError: ``usage.cursor``.
        """
        if not self._engine.policy.may(self._acting.actor, "user.read"):
            return self.own(limit=limit, after=after)
        found = self._piece("token/", limit, after)
        self._engine.note(self._acting, "user.read", target={"what": "token"}, count=len(found))
        return found

    def _piece(self, prefix: str, limit: int | None, after: str | None) -> Piece[Token]:
        """The tokens whose names begin so, which end with the identifier of each."""
        engine = self._engine
        behind = "" if after is None else opened_place(engine, _PLACE, after)
        if not isinstance(behind, str):
            raise UsageError("usage.cursor")
        found: Piece[Token] = Piece()
        some = _MOST if limit is None else min(limit + 1, _MOST)
        while names := engine.keys.box_names(prefix, after=f"{prefix}{behind}" if behind else "", limit=some):
            for name in names:
                identifier = name[len(prefix) :]
                document = self._document("token", identifier)
                if document is None:
                    continue  # taken back between the two looks
                if len(found) == limit:
                    found.after = sealed_place(engine, _PLACE, found[-1].id)
                    return found
                found.append(_token(document))
            behind = identifier
        return found

    def tokens(self, *, kind: str = "token") -> Iterator[Token]:
        """Every token that is kept, whoever's it is; see ``listed`` for what may be shown to whom."""
        for name in self._engine.keys.box_names(f"{kind}/"):
            document = self._document(kind, name.partition("/")[2])
            if document is not None:
                yield _token(document)

    def of_user(self, login: str, *, kind: str) -> Iterator[Token]:
        """The tokens of one kind that a user has, whoever asks; see ``listed`` for what may be shown."""
        prefix = _owned(kind, self._user(login))
        for name in self._engine.keys.box_names(prefix):
            document = self._document(kind, name[len(prefix) :])
            if document is not None:
                yield _token(document)

    def revoke(self, identifier: str, *, kind: str = "token") -> None:
        """Take a token back at once.

        Raises:
            NotFound: ``sign.no_token``, also for one that is none of the actor's to take back; logged.
        """
        document = self._document(kind, identifier)
        if document is None:
            error = NotFound("sign.no_token")
            self._engine.refused(self._acting, "user.change", error)
            raise error
        try:
            self._require_over(str(document["login"]))
        except AccessDenied:
            raise NotFound("sign.no_token") from None
        gone = False

        def take(there: bytes | None) -> None:
            nonlocal gone
            gone = there is None

        self._engine.note(
            self._acting, "token.revoke", target={"token": identifier, "login": str(document["login"])}
        )
        self._engine.keys.box_change(f"{kind}/{identifier}", take)
        owner = self._engine.definitions.users.get(str(document["login"]))
        if owner is not None:
            self._engine.keys.box_delete(f"{_owned(kind, owner)}{identifier}")
        if gone:
            # Somebody else was faster: what works once has worked for them.
            raise NotFound("sign.no_token")

    def _document(self, kind: str, identifier: str) -> dict[str, Any] | None:
        if len(identifier) != 32 or not identifier.isalnum():
            return None
        data = self._engine.keys.box_get(f"{kind}/{identifier}")
        return None if data is None else _parsed(data)

    # Who may

    def _user(self, login: str) -> User:
        self._engine.refresh()
        user = self._engine.definitions.users.get(login)
        if user is None:
            raise NotFound("sign.no_user")
        return user

    def _require_over(self, login: str) -> None:
        actor = self._acting.actor
        try:
            if actor.id == login and actor.roles and not actor.disabled:
                return
            self._engine.policy.require(actor, "user.change")
        except AccessDenied as error:
            self._engine.refused(self._acting, "user.change", error)
            raise


def _check_terms(name: str, scopes: tuple[str, ...], days: int) -> None:
    """Refuse a token that nobody could tell from others, or that is good for what there is not.

    Raises:
        UsageError: ``sign.token_name``, ``sign.token_scope``, ``sign.token_days``.
    """
    # It is printed in lists: a line break, or a sign that turns the text, would pass for more than a name.
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UsageError("sign.token_name", count=_LONGEST_NAME)
    if set(scopes) - set(SCOPES):
        # Not named: what was typed may be anything.
        raise UsageError("sign.token_scope", known=", ".join(SCOPES))
    if not 1 <= days <= LONGEST_DAYS:
        raise UsageError("sign.token_days", count=LONGEST_DAYS)


def _name(user: User) -> str:
    # The record's identifier, for names of boxes stand in clear.
    return f"credential/{id_text(user.record)}"


def _owned(kind: str, user: User) -> str:
    """What the second names of a user's tokens of a kind begin with; the identifier follows."""
    return f"{kind}-of/{id_text(user.record)}/"


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(data)
        if document["v"] != _FORMAT:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise IntegrityError("integrity.value") from None
    return document


def _read(data: bytes | None) -> Credential:
    if data is None:
        return Credential()
    document = _parsed(data)
    return Credential(
        document["password"],
        document["password_us"],
        document["totp"],
        document["totp_last"],
        tuple(document["recovery"]),
        tuple(
            Passkey(
                bytes.fromhex(one["id"]),
                bytes.fromhex(one["public_key"]),
                one["sign_count"],
                one["name"],
                one["added_us"],
            )
            for one in document["passkeys"]
        ),
    )


def _written(credential: Credential) -> bytes:
    document = attrs.asdict(credential)
    document["recovery"] = list(credential.recovery)
    document["passkeys"] = [
        {**attrs.asdict(one), "id": one.id.hex(), "public_key": one.public_key.hex()}
        for one in credential.passkeys
    ]
    return canonical({**document, "v": _FORMAT})


def _token(document: dict[str, Any]) -> Token:
    return Token(
        document["id"],
        document["login"],
        document["name"],
        tuple(document["scopes"]),
        document["added_us"],
        document["expires_us"],
    )
