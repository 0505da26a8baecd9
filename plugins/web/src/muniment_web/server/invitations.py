"""Links that let somebody set a password, once."""

from __future__ import annotations

from typing import Final

from muniment.session import Session

__all__ = ["INVITE_DAYS", "new_invitation"]

INVITE_DAYS: Final = 3


def new_invitation(session: Session, login: str, *, days: int = INVITE_DAYS) -> str:
    """The end of a new link; the links before it hold no more.

    Args:
        session: of whoever invites.
        login: who is invited.
        days: how long the link holds.

    Raises:
        AccessDenied: ``access.action``; logged.
        NotFound: ``sign.no_user``.
    """
    for one in list(session.credentials.of_user(login, kind="invite")):
        session.credentials.revoke(one.id, kind="invite")
    _, text = session.credentials.issue(login, name="link", scopes=(), days=days, kind="invite")
    return text
