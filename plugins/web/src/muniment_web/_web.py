"""What one serving process holds, and one request as the pages see it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import attrs
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from muniment.archive import Archive
from muniment.errors import AccessDenied, text_of
from muniment.policy import Actor
from muniment.session import Acting, Session
from muniment_web import _format
from muniment_web._assets import Assets
from muniment_web._figures import Figures
from muniment_web._icons import icon
from muniment_web._limits import Limits
from muniment_web._nav import short_navigation
from muniment_web._passwords import Passwords
from muniment_web._plugged import Plugged
from muniment_web._sending import Sending
from muniment_web._settings import Settings
from muniment_web._signs import SignIn, SignIns
from muniment_web._texts import LANGUAGES, Say
from muniment_web._throttle import Throttle
from muniment_web._verifying import Verifying
from muniment_web._waiting import Waiting

__all__ = ["Call", "Web"]

PROGRAM: Final = "web"
_MINUTE_US: Final = 60_000_000


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
        self.waiting = Waiting()
        self.sending = Sending()
        self.says = {lang: Say(lang) for lang in LANGUAGES}
        self.zone = ZoneInfo(archive.applied.timezone or "UTC")
        self.device_key = self.engine.random(32)
        self.figures = Figures()
        self.challenges: dict[bytes, int] = {}
        self.totals: dict[str, tuple[int, int]] = {}
        # How many records wait in whose tray: a hint that spares a request, never the answer.
        self.trays: dict[tuple[str, str], int] = {}
        self.lock = Lock()
        self.plugged = Plugged(settings.plugin_seconds)
        self.templates = _environment(self)

    @property
    def name(self) -> str:
        """What people call the archive."""
        return self.archive.applied.name or "muniment"

    def visitor(self, address: str, *, login: str = "", auth: str = "asserted", sign_in: str = "") -> Acting:
        """Somebody who is not signed in, or about to be."""
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
        acting = self.visitor(one.address, login=one.login, auth=one.auth, sign_in=one.id)
        self.engine.note(acting, "user.sign_out", target={"why": why})

    def sweep(self) -> None:
        """Write down the sign-ins that ended by themselves."""
        for one in self.signs.over():
            self.signed_out(one, "idle")


def _environment(web: Web) -> Environment:
    made = Environment(
        loader=PackageLoader("muniment_web", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["ref"] = lambda place: str(place).removeprefix("0:")
    made.filters["attr_of"] = lambda label, lang: label.of(lang)
    made.globals.update(
        asset=web.assets.__getitem__, icon=icon, settings=web.settings, short_nav=short_navigation
    )
    return made


@attrs.define
class Call:
    """One request, with who makes it and in which language.

    Attributes:
        sign: the sign-in; None for somebody who is not signed in.
        form: what was sent, by name; empty for a request without a form.
        files: uploaded files, by name, each in a temporary place.
    """

    web: Web
    request: Request
    lang: str
    sign: SignIn | None = None
    form: FormData = attrs.field(factory=FormData)
    cookies: dict[str, str | None] = attrs.field(factory=dict)

    # Who

    @property
    def signed(self) -> SignIn:
        """The sign-in.

        Raises:
            AccessDenied: ``sign.needed``.
        """
        if self.sign is None:
            raise AccessDenied("sign.needed")
        return self.sign

    @property
    def session(self) -> Session:
        """What the person may do; masks first."""
        return self.signed.session

    @property
    def address(self) -> str:
        """Where the request came from."""
        return self.request.client.host if self.request.client else ""

    @property
    def plain(self) -> Session:
        """What the person may do, without masks coming first: for what asks for a reason as a whole."""
        acting = self.session.acting
        return Session(self.web.engine, attrs.evolve(acting, masked=False))

    # What was sent

    @property
    def path(self) -> Mapping[str, str]:
        """The parts of the address that the route names."""
        return self.request.path_params

    @property
    def partial(self) -> bool:
        """Whether a script asks for a piece of the page."""
        return self.request.headers.get("hx-request") == "true"

    def text(self, name: str, default: str = "") -> str:
        """One field of the form."""
        found = self.form.get(name)
        return found if isinstance(found, str) else default

    def texts(self, name: str) -> list[str]:
        """Every field of that name."""
        return [one for one in self.form.getlist(name) if isinstance(one, str)]

    def upload(self, name: str) -> UploadFile | None:
        """A file of the form."""
        found = self.form.get(name)
        return found if isinstance(found, UploadFile) and found.filename else None

    def query(self, name: str, default: str = "") -> str:
        """One field of the address."""
        return self.request.query_params.get(name, default)

    # What is answered

    @property
    def say(self) -> Say:
        """Gives texts in the reader's language."""
        return self.web.says[self.lang]

    def core(self, code: str, /, **parameters: Any) -> str:
        """A text that the command says as well, in the reader's language."""
        return text_of(code, self.lang, **parameters)[0]

    def time(self, micros: int, *, seconds: bool = False) -> str:
        """A time as people read it, in the archive's zone."""
        return _format.time_text(micros, self.web.zone, seconds=seconds)

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page, or a piece of one."""
        return self.answer(self.markup(template, **values), status=status)

    def markup(self, template: str, **values: Any) -> Markup:
        """A filled template."""
        found = self.web.templates.get_template(template)
        theme = self.request.cookies.get("theme", "")
        return Markup(
            found.render(
                call=self,
                say=self.say,
                lang=self.lang,
                theme=theme if theme in ("light", "dark") else "",
                sign=self.sign,
                csrf=self.sign.csrf if self.sign else "",
                here=self.request.url.path,
                archive_name=self.web.name,
                # What frames a page is made once a page, not for each piece of it.
                nav=self._nav() if self.sign and not template.startswith("_") else (),
                badge=self.web.verifying.badge(),
                glasses=self._glasses() if self.sign else (),
                **values,
            )
        )

    def _nav(self) -> Sequence[Any]:
        from muniment_web._nav import navigation

        return navigation(self)

    def _glasses(self) -> Sequence[Any]:
        from muniment_web._glasses import glasses_of

        return glasses_of(self)

    def answer(self, content: str, *, status: int = 200) -> Response:
        """Markup as a response that nobody keeps."""
        return HTMLResponse(content, status_code=status)

    def go(self, path: str, note: str = "") -> Response:
        """Send the browser to another page of ours; a script is told to go there as a whole."""
        target = path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
        if note and self.sign is not None:
            self.sign.notes.append(note)
        if self.partial:
            return Response(status_code=200, headers={"HX-Redirect": target})
        return RedirectResponse(target, status_code=303)

    def taken_notes(self) -> list[str]:
        """What is to be told on the next page, once."""
        if self.sign is None:
            return []
        notes, self.sign.notes = self.sign.notes, []
        return notes

    def json(self, document: Any, *, status: int = 200) -> Response:
        """A JSON document."""
        return Response(
            json.dumps(document, ensure_ascii=False), status_code=status, media_type="application/json"
        )

    def origin_is_ours(self) -> bool:
        """Whether a request that changes something was sent by one of our pages."""
        headers = self.request.headers
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        if origin is None:
            return True  # the form's token decides
        return urlsplit(origin).netloc == headers.get("host", "")
