"""What people and programs get in with: tokens, sign-ins, the second factor of somebody who lost theirs."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request
from pydantic import Field, StringConstraints

from muniment.errors import AccessDenied, NotFound
from muniment.model import SCOPES
from muniment.session import Session
from muniment.session.credentials import LONGEST_DAYS, Token
from muniment_web.api._calls import Caller, area, may, whole_caller
from muniment_web.api._parts import After, Done, Limit, Login, Moment, Paged, Shown, Strict
from muniment_web.server.people import confirm, end_sign_ins, forget_factor, sign_ins_of, taken_code
from muniment_web.server.web import Web

__all__ = ["router"]

router: Final = area("access")
Own = Annotated[Session, Depends(may("setup"))]
# What is told once is not told again to a retry.
Secretly = Annotated[Session, Depends(may("setup", once="mark"))]
Changing = Annotated[Session, Depends(may("setup", "user.change"))]
Whole = Annotated[Caller, Depends(whole_caller)]
TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
SignInId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
Scope = Annotated[
    str, StringConstraints(pattern=f"^({'|'.join(SCOPES)})$"), Field(json_schema_extra={"enum": list(SCOPES)})
]


# Tokens


class TokenShown(Shown):
    """A token, without its text."""

    id: str
    login: str
    name: str
    scopes: list[str]
    added: Moment
    expires: Moment


class TokenList(Paged):
    """Tokens, the oldest first."""

    tokens: list[TokenShown]


class TokenRequest(Strict):
    """A token for a program; nobody makes one without the password of its owner, as on the page."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"\S")]
    scopes: list[Scope] = Field(default=["read"], min_length=1, max_length=len(SCOPES))
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] = 30
    password: Annotated[str, StringConstraints(max_length=1_000)] = Field(description="one's own, once more")
    code: Annotated[str, StringConstraints(max_length=100)] = Field(
        default="", description="of the second factor, where a token asks and its owner has one"
    )


class TokenMade(TokenShown):
    """A token; its text is shown once."""

    token: str


@router.get("/tokens", tags=["tokens"])
def list_tokens(session: Own, limit: Limit = 100, after: After = None) -> TokenList:
    """One's own tokens; whoever may read users sees everybody's."""
    found = session.credentials.listed(limit=limit, after=after)
    return TokenList(tokens=[TokenShown(**_token(one)) for one in found], after=found.after)


@router.post("/tokens", tags=["tokens"], status_code=201)
def make_token(request: Request, session: Secretly, caller: Whole, given: TokenRequest) -> TokenMade:
    """Make a token of one's own; asks for the password, so that a token that was stolen makes no other.

    A token gives no scope that it does not have itself, and shows the code of its owner's second factor too.
    """
    web: Web = request.app.state.web
    if set(given.scopes) - caller.scopes:
        error = AccessDenied("sign.token_wider")
        session.engine.refused(session.acting, "session", error)
        raise error
    confirm(web, session.acting, given.password)
    if session.acting.actor.auth == "token" and session.credentials.of(session.actor).totp:
        # A sign-in has shown its code when it began.
        _require_code(web, session, given.code)
    scopes = tuple(dict.fromkeys(given.scopes))
    one, text = session.credentials.issue(
        session.actor, name=given.name.strip(), scopes=scopes, days=given.days
    )
    return TokenMade(**_token(one), token=text)


def _require_code(web: Web, session: Session, code: str) -> None:
    if not taken_code(web, session.acting, session.actor, code):
        web.engine.note(session.acting, "user.sign_fail", outcome="denied", code="sign.wrong")
        raise AccessDenied("sign.wrong")


def _token(one: Token) -> dict[str, Any]:
    return {
        "id": one.id,
        "login": one.login,
        "name": one.name,
        "scopes": list(one.scopes),
        "added": one.added_us,
        "expires": one.expires_us,
    }


@router.delete("/tokens/{token}", tags=["tokens"])
def revoke_token(session: Own, token: TokenId) -> Done:
    """Take a token back at once."""
    session.credentials.revoke(token)
    return Done(id=token, state="revoked")


# Sign-ins


class SignInShown(Shown):
    """Where one is signed in to the pages."""

    id: str
    here: bool = Field(description="whether it is the one that asks")
    auth: str
    address: str
    since: Moment
    seen: Moment


class SignInList(Shown):
    """One's own sign-ins to the pages: the one that asks first, then where one was last."""

    sign_ins: list[SignInShown]


class Ended(Shown):
    """How many sign-ins ended."""

    ended: int


@router.get("/sign-ins", tags=["sign-ins"])
def list_sign_ins(request: Request, session: Own) -> SignInList:
    """Where one is signed in to the pages."""
    here = session.acting.session
    return SignInList(
        sign_ins=[
            SignInShown.model_validate(
                {
                    "id": one.id,
                    "here": one.id == here,
                    "auth": one.auth,
                    "address": one.address,
                    "since": one.since_us,
                    "seen": one.seen_us,
                }
            )
            for one in sign_ins_of(request.app.state.web, session.actor, here)
        ]
    )


@router.delete("/sign-ins", tags=["sign-ins"])
def end_own_sign_ins(request: Request, session: Own) -> Ended:
    """End one's own sign-ins, but the one that asks."""
    web: Web = request.app.state.web
    return Ended(ended=end_sign_ins(web, session.actor, "elsewhere", but=session.acting.session))


@router.delete("/sign-ins/{sign_in}", tags=["sign-ins"])
def end_sign_in(request: Request, session: Own, sign_in: SignInId) -> Ended:
    """End one of one's own sign-ins; the one that asks ends on the page."""
    web: Web = request.app.state.web
    ended = end_sign_ins(web, session.actor, "elsewhere", but=session.acting.session, which=sign_in)
    if not ended:
        raise NotFound("sign.no_sign_in")
    return Ended(ended=ended)


# Of others


@router.delete("/users/{login}/sign-ins", tags=["users"])
def end_sign_ins_of(request: Request, session: Changing, login: Login) -> Ended:
    """End somebody's sign-ins, but the one that asks."""
    web: Web = request.app.state.web
    session.require("user.change")
    if login not in session.engine.definitions.users:
        raise NotFound("sign.no_user")
    return Ended(ended=end_sign_ins(web, login, "ended", but=session.acting.session))


@router.delete("/users/{login}/second-factor", tags=["users"])
def remove_second_factor(request: Request, session: Changing, login: Login) -> Done:
    """Take off the second factor of somebody who lost it, with its recovery codes; their sign-ins end.

    One's own is taken off on the page, which asks for the password.
    """
    forget_factor(request.app.state.web, session, login)
    return Done(id=login, state="removed")
