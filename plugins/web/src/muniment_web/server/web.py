"""What one serving process holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from threading import Lock
from typing import Any, Final

import attrs
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape
from jinja2.runtime import Context, Macro

from muniment.archive import Archive
from muniment.policy import Actor
from muniment.session import Acting, Session
from muniment.session.kernel.engine import Engine
from muniment_web.server.assets import Assets
from muniment_web.server.challenges import Challenges
from muniment_web.server.figures import Figures
from muniment_web.server.format import coded, escaped
from muniment_web.server.icons import icon
from muniment_web.server.limits import Limits
from muniment_web.server.passwords import Passwords
from muniment_web.server.planning import Planning
from muniment_web.server.plugged import Plugged
from muniment_web.server.sending import Sending
from muniment_web.server.settings import Settings
from muniment_web.server.signs import SignIn, SignIns
from muniment_web.server.texts import LANGUAGES, Say
from muniment_web.server.throttle import Throttle
from muniment_web.server.verifying import Verifying
from muniment_web.server.waiting import Waiting

__all__ = ["Web"]

PROGRAM: Final = "web"
_MINUTE_US: Final = 60_000_000
_DEVICE_BOX: Final = "serve/browsers"


class Web:
    """What all requests of one process share.

    Args:
        archive: opened; stays open as long as the process serves.
        settings: how it is served.
        passwords: how passwords are hashed; tests take a cheap way.
    """

    def __init__(self, archive: Archive, settings: Settings, *, passwords: Passwords | None = None) -> None:
        self.archive = archive
        self.settings = settings
        self.engine = archive.engine
        self.assets = Assets()
        self.passwords = passwords or Passwords()
        self.throttle = Throttle(self.engine.clock)
        self.limits = Limits(self.engine.clock, settings.requests_a_minute)
        self.signs = SignIns(
            self.engine.clock,
            idle_us=settings.idle_minutes * _MINUTE_US,
            longest_us=settings.session_hours * 60 * _MINUTE_US,
        )
        self.verifying = Verifying(archive)
        self.planning = Planning()
        self.counting = Planning()
        self.waiting = Waiting()
        self.sending = Sending()
        self.says = {lang: Say(lang) for lang in LANGUAGES}
        self.device_key = _device_key(self.engine)
        self.figures = Figures()
        self.challenges = Challenges(self.engine.clock, self.engine.random)
        # How many records a sign-in was told of a moment ago, by type, filters of clear fields, and whether
        # deleted ones: another person may reach others.
        self.totals: dict[tuple[str, str, tuple[object, ...], bool], tuple[int, int]] = {}
        # How many records wait in whose tray: a hint that spares a request, never the answer.
        self.trays: dict[tuple[str, str], int] = {}
        # What a sign-in saw last of a table, by identifier: from one record to the next.
        self.listed: dict[tuple[str, str], tuple[str, ...]] = {}
        # The rail as it was drawn, by all that it depends on of a request.
        self.rails: dict[tuple[object, ...], Any] = {}
        self.lock = Lock()
        self.plugged = Plugged(settings.plugin_seconds)
        self.templates = _environment(self)
        # What frames a page, for one request and template: the pages say it, which stand above this.
        self.around: Callable[[Any, str], Mapping[str, Any]] = lambda call, template: {}

    @property
    def cookie(self) -> str:
        """The name of the cookie; a browser sends one with this prefix over TLS and to this host alone."""
        return "__Host-muniment" if self.settings.secure else "muniment"

    @property
    def device_cookie(self) -> str:
        """The name of the cookie that marks a known browser."""
        return "__Host-muniment-device" if self.settings.secure else "muniment-device"

    @property
    def name(self) -> str:
        """What people call the archive."""
        return self.archive.applied.name or "muniment"

    def sent_by_us(self, headers: Mapping[str, str]) -> bool:
        """Whether a request says that one of our pages sent it, or does not say who; then its token decides.

        Args:
            headers: by name, whatever its case.
        """
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        scheme = "https" if self.settings.secure else "http"
        return origin is None or origin == f"{scheme}://{headers.get('host', '')}"

    def visitor(self, address: str, *, login: str = "", auth: str = "asserted", sign_in: str = "") -> Acting:
        """Somebody who is not signed in, or about to be, as the archive knows them now."""
        if login:
            self.engine.refresh()
        actor = self.engine.actor(login, auth=auth) if login else Actor("anonymous", (), auth)
        return Acting(actor, self.archive.applied.purpose, PROGRAM, address or None, sign_in or None)

    def session_of(self, login: str, *, auth: str, address: str, sign_in: str) -> Session:
        """A session that shows masks first."""
        return self.archive.session(
            actor=login, auth=auth, program=PROGRAM, address=address or None, sign_in=sign_in, masked=True
        )

    def end(self, one: SignIn, why: str) -> None:
        """End a sign-in and write that down, once."""
        if self.signs.end(one):
            self.signed_out(one, why)

    def signed_out(self, one: SignIn, why: str) -> None:
        """Write down that a sign-in ended."""
        # Other pages put theirs in meanwhile, so the keys are taken at once.
        for key in [key for key in list(self.listed) if key[0] == one.id]:
            self.listed.pop(key, None)
        for asked in [asked for asked in list(self.totals) if asked[0] == one.id]:
            self.totals.pop(asked, None)
        acting = self.visitor(one.address, login=one.login, auth=one.auth, sign_in=one.id)
        # Whose it was is known, though the archive may not know them any more.
        acting = attrs.evolve(acting, actor=attrs.evolve(acting.actor, id=one.login))
        self.engine.note(acting, "user.sign_out", target={"why": why})

    def sweep(self) -> None:
        """Write down the sign-ins that ended by themselves."""
        for one in self.signs.over():
            self.signed_out(one, "idle")


def _device_key(engine: Engine) -> bytes:
    """What marks known browsers; kept, or nobody's browser would be known after a restart."""
    kept = engine.keys.box_get(_DEVICE_BOX)
    if kept is None:
        # Of two processes that start at once the first one's holds.
        kept = engine.keys.box_change(_DEVICE_BOX, lambda there: there or engine.random(32))
    assert kept is not None
    return kept


class _Context(Context):
    """Calls what a template calls as it is: of ours only macros ask what stands around them.

    Jinja looks for that at each call, four times over, and a page of a table has hundreds.
    """

    def call(
        self,
        called: Callable[..., Any],
        /,
        *given: Any,
        _loop_vars: Any = None,
        _block_vars: Any = None,
        **named: Any,
    ) -> Any:
        return super().call(called, *given, **named) if type(called) is Macro else called(*given, **named)


class _Template(Template):
    """Joins text to a page: ``escape`` makes Markup of each of its hundreds of pieces first."""

    @classmethod
    def _from_namespace(
        cls, environment: Environment, namespace: MutableMapping[str, Any], globals: MutableMapping[str, Any]
    ) -> Template:
        namespace["escape"] = escaped
        return super()._from_namespace(environment, namespace, globals)


def _environment(web: Web) -> Environment:
    made = Environment(
        loader=PackageLoader("muniment_web", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.context_class = _Context
    made.template_class = _Template
    made.filters["ref"] = lambda place: str(place).removeprefix("0:")
    made.filters["coded"] = coded
    made.filters["attr_of"] = lambda label, lang: label.of(lang)
    made.globals.update(asset=web.assets.__getitem__, icon=icon, settings=web.settings)
    return made
