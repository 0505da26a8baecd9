"""What the pages and the API both do about what people sign in with, and where they are signed in."""

from __future__ import annotations

import attrs

from muniment.errors import AccessDenied, NotFound
from muniment.session import Acting, Session
from muniment_web.server.factors import use_code
from muniment_web.server.signs import SignIn
from muniment_web.server.throttle import network_of
from muniment_web.server.web import Web

__all__ = ["confirm", "end_sign_ins", "forget_factor", "opens_nothing", "sign_ins_of", "taken_code"]


def confirm(web: Web, acting: Acting, password: str) -> None:
    """See that whoever acts knows their password; each try counts like a sign-in.

    Raises:
        AccessDenied: ``sign.wrong`` or ``sign.throttled``.
    """
    login = acting.actor.id
    # Counted by sign-in or token: whoever took over one must not keep its owner from mending that elsewhere.
    place = f"account/{acting.session}"
    web.throttle.begin(login, place)
    held = Session(web.engine, acting).credentials.of(login)
    if not web.passwords.check(held.password, password):
        web.engine.note(acting, "user.sign_fail", outcome="denied", code="sign.wrong")
        raise AccessDenied("sign.wrong")
    web.throttle.succeeded(login, place)
    web.engine.note(acting, "user.step_up")


def taken_code(web: Web, acting: Acting, login: str, code: str, *, browser: str = "") -> bool:
    """Whether a code of the second factor is right; it is used up by that.

    Whoever comes this far knows the password, so guesses from everywhere count together: a million codes
    are soon tried from a thousand addresses. A browser that the person has signed in with counts alone.

    Args:
        web: where it is tried.
        acting: who tries.
        login: whose code it is.
        code: as it was typed.
        browser: marks a known browser; empty for others.

    Raises:
        AccessDenied: ``sign.throttled``.
    """
    together = browser or f"code/{login}"
    if web.throttle.begin(f"code/{login}", together):
        web.engine.note(acting, "user.lock", outcome="denied", code="sign.throttled")
    right = use_code(web.engine, Session(web.engine, acting).credentials, login, code)
    if right:
        web.throttle.succeeded(f"code/{login}", together)
    return right


def opens_nothing(web: Web, acting: Acting) -> None:
    """Count a link or a token that somebody showed and that is none: anybody can, and each is an entry.

    Waiting bounds how many; whoever shows one that is right is never asked to wait.

    Args:
        web: where it was shown.
        acting: who showed it.

    Raises:
        AccessDenied: ``sign.throttled``; then this one is not written down.
    """
    if web.throttle.begin("", f"shown/{network_of(acting.address or '')}"):
        web.engine.note(acting, "user.lock", outcome="denied", code="sign.throttled")


def sign_ins_of(web: Web, login: str, here: str | None) -> list[SignIn]:
    """Where somebody is signed in: this place first, then where they were last.

    Args:
        web: whose sign-ins are looked through.
        login: who.
        here: identifier of the sign-in that asks.
    """
    own = [one for one in web.signs if one.login == login]
    return sorted(own, key=lambda one: (one.id != here, -one.seen_us))


def end_sign_ins(web: Web, login: str, why: str, *, but: str | None = None, which: str = "") -> int:
    """End somebody's sign-ins, each an entry; give how many.

    Args:
        web: whose sign-ins are looked through.
        login: whose.
        why: stands in the log.
        but: identifier of the one that stays: where this is asked from.
        which: identifier of the only one that ends; by default all end.
    """
    ended = [one for one in web.signs if one.login == login and one.id != but and which in ("", one.id)]
    for one in ended:
        web.end(one, why)
    return len(ended)


def forget_factor(web: Web, session: Session, login: str) -> None:
    """Take off the second factor of somebody who lost it, with its recovery codes; their sign-ins end.

    Raises:
        AccessDenied: ``access.action``, logged; ``sign.own_factor`` for one's own, which takes the password.
        NotFound: ``sign.no_user``.
    """
    session.require("user.change")
    if login not in session.engine.definitions.users:
        raise NotFound("sign.no_user")
    if login == session.actor:
        raise AccessDenied("sign.own_factor")
    session.credentials.change(
        login, "totp", lambda held: attrs.evolve(held, totp="", totp_last=0, recovery=()), removing=True
    )
    end_sign_ins(web, login, "ended")
