"""One request as the pages see it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import attrs
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from muniment.errors import AccessDenied, text_of
from muniment.session import Session
from muniment.session.reading.pieces import Piece
from muniment_web.server.format import time_text
from muniment_web.server.signs import SignIn
from muniment_web.server.texts import Say
from muniment_web.server.web import Web

__all__ = ["Call"]

_PIECE: Final = 100
"""So many of a long list stand on a page."""

# Browsers leave tabs and line ends out of an address and take "\\" for "/", so neither may stand in one.
_OURS: Final = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?")


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

    @property
    def piece(self) -> dict[str, Any]:
        """Which piece of a long list the address asks for, as lists of a session take it."""
        return {"limit": _PIECE, "after": self.query("after") or None}

    def more(self, found: Piece[Any]) -> dict[str, Any]:
        """Where the next piece of a list stands and where its beginning, as ``_more.html`` shows them."""
        asked = {key: value for key, value in self.request.query_params.items() if key != "after"}
        return {
            "begun": bool(self.query("after")),
            "first": f"?{urlencode(asked)}",
            "next": f"?{urlencode({**asked, 'after': found.after})}" if found.after else "",
        }

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
        return time_text(micros, self.web.engine.zone, seconds=seconds)

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
                **self.web.around(self, template),
                **values,
            )
        )

    def answer(self, content: str, *, status: int = 200) -> Response:
        """Markup as a response that nobody keeps."""
        return HTMLResponse(content, status_code=status)

    @staticmethod
    def ours(path: str) -> str:
        """A path where it leads to a page of ours; else empty."""
        return path if _OURS.fullmatch(path) else ""

    def go(self, path: str, note: str = "") -> Response:
        """Send the browser to another page of ours; a script is told to go there as a whole."""
        target = self.ours(path) or "/"
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
        return self.web.sent_by_us(self.request.headers)
