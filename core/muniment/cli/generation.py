"""Naming generations of the log, and saying plainly that there are earlier ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from muniment.cli.base import option
from muniment.errors import UsageError

if TYPE_CHECKING:
    from muniment.cli.invocation import Invocation
    from muniment.session import Session
    from muniment.session.reading.generations import Asked

__all__ = ["asked_generation", "generation", "tell_answered", "tell_earlier", "wanted_generations"]

_Callback = TypeVar("_Callback", bound=Callable[..., Any])


def generation(function: _Callback) -> _Callback:
    """The option that names a generation, or all."""
    return option(
        "--generation",
        metavar="N",
        words=(
            "A generation of the log, or all; a restore that gave entries up begins a new one.",
            "日志的代，或 all；放弃部分条目的恢复会开始新的一代。",
        ),
    )(function)


def asked_generation(text: str | None) -> Asked:
    """What the option says.

    Raises:
        UsageError: ``log.generation``.
    """
    if text is None:
        return None
    if text == "all":
        return "all"
    if not (text.isascii() and text.isdigit()):
        raise UsageError("log.generation")
    return int(text)


def wanted_generations(session: Session, text: str | None) -> list[int | None]:
    """The generations to take away, each for itself; None for the newest.

    Raises:
        UsageError: ``log.generation``.
    """
    asked = asked_generation(text)
    return [span.generation for span in session.generations()] if asked == "all" else [asked]


def tell_earlier(call: Invocation, session: Session, named: object) -> None:
    """Say that there are earlier generations, where nobody named one."""
    if named is None and not call.json and session.may("log.read"):
        _tell(call, session, "audit.earlier")


def tell_answered(call: Invocation, session: Session, named: object) -> None:
    """Say that an answer comes out of several generations, where it does."""
    if named is None and not call.json:
        _tell(call, session, "audit.earlier_answered")


def _tell(call: Invocation, session: Session, code: str) -> None:
    from muniment.cli.output import talk

    *earlier, newest = session.generations()
    if earlier:
        said = (call.say("audit.generation_one", name=one.generation, count=one.size) for one in earlier)
        talk(call.say(code, name=newest.generation, known=", ".join(said)))
