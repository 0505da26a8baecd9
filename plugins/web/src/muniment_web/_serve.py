"""Serving: what ``muniment serve`` starts, and how it ends."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Final

import click

from muniment.archive import Archive
from muniment.errors import MunimentError, StoreError, text_of
from muniment.session import Session
from muniment_web.server.invitations import INVITE_DAYS, new_invitation
from muniment_web.server.settings import Settings

__all__ = ["first_link", "invite_link", "serve"]

_SIGN_SECONDS: Final = 60
_TELL_SECONDS: Final = 5
_FIRST_DAYS: Final = 1


def serve(
    archive: Archive,
    session: Session,
    lang: str,
    *,
    invite: str = "",
    link: tuple[str, ...] = (),
    host: str,
    port: int,
    url: str = "",
    tls_cert: str = "",
    tls_key: str = "",
    proxy: tuple[str, ...] = (),
    idle: int = 30,
    support: str = "",
    metrics: bool = False,
) -> None:
    """Serve the pages and the API of an opened archive until the process is told to stop.

    Args:
        archive: opened; the caller closes it.
        session: of whoever starts the server.
        lang: of what is said on the terminal.
        invite: print a link that sets this login's password instead.
        link: print a link for each of these logins as well.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        url: how browsers reach the pages.
        tls_cert: PEM file.
        tls_key: PEM file.
        proxy: addresses whose ``X-Forwarded-For`` is believed.
        idle: minutes after which a sign-in ends.
        support: whom to ask for help.
        metrics: serve figures on ``/metrics``.
    """
    settings = Settings(
        host=host,
        port=port,
        url=url,
        certificate=tls_cert,
        certificate_key=tls_key,
        proxies=tuple(proxy),
        idle_minutes=idle,
        support=support,
        metrics=metrics,
    )

    def tell(code: str, **parameters: object) -> None:
        click.echo(text_of(code, lang, **parameters)[0], err=True)

    if invite:
        tell("serve.invited", login=invite, days=INVITE_DAYS)
        click.echo(invite_link(session, settings, invite))
        return
    listening = _listen(host, port)
    import attrs

    settings = attrs.evolve(settings, port=listening.getsockname()[1])
    _run(archive, session, settings, listening, tell, link)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        # From here on browsers wait rather than being turned away: the address is told next.
        made.listen(128)
    except OSError as error:
        made.close()
        raise StoreError("serve.port", where=f"{host}:{port}", problem=error.strerror) from None
    return made


def _run(
    archive: Archive,
    session: Session,
    settings: Settings,
    listening: socket.socket,
    tell: Any,
    links: tuple[str, ...],
) -> None:
    import uvicorn

    from muniment_web._app import build
    from muniment_web.server import tls
    from muniment_web.server.patience import CONNECTIONS, Patient
    from muniment_web.server.telling import tell_safely
    from muniment_web.server.web import Web

    files = (settings.certificate, settings.certificate_key)
    speaking = tls.context_of(*files) if settings.certificate else None
    app = build(Web(archive, settings))
    settle()
    tell_safely()
    session.note("serve.start")
    tell("serve.listening", url=settings.base)
    first = first_link(session, settings)
    if first:
        tell("serve.first", login=session.actor)
        click.echo(first)
    for login in links:
        tell("serve.invited", login=login, days=INVITE_DAYS)
        click.echo(invite_link(session, settings, login))
    tell("serve.stop")
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        ssl_certfile=settings.certificate or None,
        ssl_keyfile=settings.certificate_key or None,
        http=Patient,
        ws="none",
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=30,
        h11_max_incomplete_event_size=64 * 1024,
    )
    config.load()
    config.ssl = speaking
    ended = Event()
    signer = Thread(target=_sign, args=(archive, session, ended), name="sign", daemon=True)
    signer.start()

    def again() -> None:
        if speaking is not None:
            try:
                tls.renew(speaking, *files)
                tell("serve.renewed")
            except MunimentError as error:
                click.echo(error.text(), err=True)

    try:
        with _told_to_stop(), _told_to_look(again):
            uvicorn.Server(config).run(sockets=[listening])
    finally:
        ended.set()
        signer.join()
        session.note("serve.stop")
        listening.close()


def settle() -> None:
    """Leave what is loaded by now out of every later collection.

    A page makes thousands of values that go by themselves; looking through the whole archive's
    definitions and the program for each few hundred of them would cost it a fifteenth of its time.
    """
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@contextmanager
def _told_to_stop() -> Iterator[None]:
    """Go on after the server ended in good order.

    uvicorn answers what it has begun and then raises the signal once more; a service manager's
    would end the process there, before the last entry and the last signature.
    """

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _told_to_look(again: Callable[[], None]) -> Iterator[None]:
    """Look at the certificate files once more when somebody says so, where the system has such a signal."""
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.signal(signal.SIGHUP, lambda number, frame: again())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _sign(archive: Archive, session: Session, ended: Event) -> None:
    """Sign what was appended once a minute, ready it for auditors, and tell other systems what is new."""
    from muniment.session.ticking import index

    engine = archive.engine
    rounds = 0
    while not ended.wait(_TELL_SECONDS):
        rounds += 1
        turn = rounds % (_SIGN_SECONDS // _TELL_SECONDS)
        try:
            session.webhooks.deliver()
            if engine.logbook.unsigned and turn == 0:
                engine.logbook.sign(engine.store)
            if turn == 1:
                # Else the first page that asks the log would wait for all that was written since.
                index(session)
        except MunimentError as error:
            click.echo(error.text(), err=True)


def first_link(session: Session, settings: Settings) -> str:
    """A link that sets the password of whoever starts the server, while nobody can sign in; else empty."""
    if session.credentials.anybody():
        return ""
    return invite_link(session, settings, session.actor, days=_FIRST_DAYS)


def invite_link(session: Session, settings: Settings, login: str, *, days: int = INVITE_DAYS) -> str:
    """A link that sets somebody's password once; earlier ones of theirs are taken back."""
    return f"{settings.base}/welcome/{new_invitation(session, login, days=days)}"
