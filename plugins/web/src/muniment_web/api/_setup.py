"""Who may act and under which rules, and which other systems are told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Request, Response
from pydantic import Field, StringConstraints

from muniment.errors import NotFound
from muniment.model import id_text
from muniment.session import Session
from muniment.session.kernel.definitions import User
from muniment.session.kernel.engine import SHARD
from muniment.session.reading.pieces import piece_of
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    After,
    Done,
    Id,
    IfMatch,
    Key,
    Limit,
    Login,
    Moment,
    Paged,
    Shown,
    Strict,
    Text,
    Written,
    plain,
    put_configuration,
    version_of,
    written,
)
from muniment_web.server.invitations import new_invitation
from muniment_web.server.people import end_sign_ins
from muniment_web.server.web import Web

__all__ = ["router"]

router: Final = area("setup")
Users = Annotated[Session, Depends(may("setup", "user.read"))]
Changing = Annotated[Session, Depends(may("setup", "user.change"))]
Inviting = Annotated[Session, Depends(may("setup", "user.change", once="mark"))]
Configured = Annotated[Session, Depends(may("setup", "config.read"))]
Hooks = Annotated[Session, Depends(may("setup", "config.read"))]
Hooking = Annotated[Session, Depends(may("setup", "config.change"))]
# A secret is told once.
Secretly = Annotated[Session, Depends(may("setup", "config.change", once="mark"))]
Suggesting = Annotated[Session, Depends(may("write"))]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Attribute = Annotated[str, StringConstraints(pattern=r"^[^,;\n\uff0c\uff1b\u3001]{1,200}$")]
Attributes = dict[Key, list[Attribute]]


# Users and roles


class UserShown(Shown):
    """Somebody who may act."""

    id: str
    version: int
    login: str
    name: str
    roles: list[str]
    active: bool
    ready: bool = Field(description="whether they have anything to sign in with")
    second_factor: bool
    signed_in: bool
    attributes: dict[str, list[str]] = Field(description="what conditions on rows may ask for")


class UserList(Paged):
    """Everybody whom the archive knows."""

    users: list[UserShown]


class UserRequest(Strict):
    """Somebody new."""

    login: Name
    name: Name
    roles: list[Key]
    attributes: Attributes | None = None
    reason: Text | None = None


class UserChange(Strict):
    """What changes about somebody."""

    name: Name | None = None
    roles: list[Key] | None = None
    active: bool | None = None
    attributes: Attributes | None = Field(default=None, description="in place of those there are")
    reason: Text | None = None


class Invitation(Shown):
    """A link that sets a password, shown once."""

    login: str
    url: str


class RoleShown(Shown):
    """A role, and what it allows."""

    key: str
    label: dict[str, str]
    actions: list[str]
    read: dict[str, str]
    write: list[str]
    purposes: list[str]


class RoleList(Shown):
    """The roles, and for each table what each role sees and writes, asked of what enforces it."""

    roles: list[RoleShown]
    matrix: dict[str, Any]


@router.get("/users", tags=["users"])
def list_users(request: Request, session: Users, limit: Limit = 100, after: After = None) -> UserList:
    """Everybody whom the archive knows."""
    web: Web = request.app.state.web
    session.require("user.read")
    session.note("user.read")
    known, signed = session.engine.definitions.users, {one.login for one in web.signs}
    found = piece_of(
        session.engine, "user", known.values(), lambda one: (one.login,), limit=limit, after=after
    )
    with session.engine.store.transaction(write=False) as tx:
        versions = tx.newest_versions(SHARD, [one.record for one in found])
    users = [_user(session, one, signed, versions[one.record].version) for one in found]
    return UserList(users=users, after=found.after)


def _user(session: Session, one: User, signed: Collection[str], version: int) -> UserShown:
    held = session.credentials.of(one.login)
    return UserShown(
        id=id_text(one.record),
        version=version,
        login=one.login,
        name=one.name,
        roles=list(one.roles),
        active=one.active,
        ready=held.present,
        second_factor=bool(held.totp),
        signed_in=one.login in signed,
        attributes={
            name: [value for each, value in one.attributes if each == name] for name in dict(one.attributes)
        },
    )


def _pairs(given: dict[str, list[str]] | None) -> tuple[str, ...] | None:
    """Attributes as they are kept, each a name and a value."""
    return tuple(f"{name}={value}" for name, values in (given or {}).items() for value in values) or None


@router.post("/users", tags=["users"], status_code=201)
def add_user(session: Changing, given: UserRequest) -> Written:
    """Add somebody; an invitation lets them set a password."""
    values = {
        "login": given.login,
        "display_name": given.name,
        "roles": tuple(given.roles),
        "state": "active",
        "attributes": _pairs(given.attributes),
    }
    return written(session.create("user", values, reason=given.reason))


@router.patch("/users/{login}", tags=["users"])
def change_user(
    request: Request, session: Changing, login: Login, given: UserChange, if_match: IfMatch = None
) -> Written:
    """Change somebody's roles, name, or whether they may act; their sign-ins end."""
    web: Web = request.app.state.web
    expected = version_of(if_match)
    user = _known(session, login)
    values: dict[str, object] = {}
    if given.name is not None:
        values["display_name"] = given.name
    if given.roles is not None:
        values["roles"] = tuple(given.roles)
    if given.attributes is not None:
        values["attributes"] = _pairs(given.attributes)
    if given.active is not None:
        values["state"] = "active" if given.active else "disabled"
    saved = session.update(id_text(user.record), values, expected_version=expected, reason=given.reason)
    end_sign_ins(web, user.login, "rights")
    return written(saved)


@router.post("/users/{login}/invite", tags=["users"])
def invite_user(request: Request, session: Inviting, login: Login) -> Invitation:
    """A new link that sets somebody's password; earlier ones hold no more."""
    web: Web = request.app.state.web
    text = new_invitation(session, _known(session, login).login)
    return Invitation(login=login, url=f"{web.settings.base}/welcome/{text}")


def _known(session: Session, login: str) -> User:
    session.require("user.read")
    found = session.engine.definitions.users.get(login)
    if found is None:
        raise NotFound("sign.no_user")
    return found


@router.get("/roles", tags=["users"])
def list_roles(session: Users, response: Response) -> RoleList:
    """The roles, and what each sees and writes; the ETag is the version of the configuration."""
    session.require("user.read")
    session.note("role.read")
    put_configuration(response, session)
    policy = session.engine.policy
    return RoleList(
        roles=[
            RoleShown(
                key=one.key,
                label=dict(one.label),
                actions=sorted(one.actions),
                read=dict(one.read),
                write=sorted(one.write),
                purposes=sorted(one.purposes),
            )
            for one in sorted(policy.roles.values(), key=lambda one: one.key)
        ],
        matrix=plain(policy.matrix(session.types())),
    )


# Suggestions


class SuggestionShown(Shown):
    """What somebody would like to be otherwise."""

    id: str
    version: int
    text: str
    page: str
    author: str
    made: Moment


class SuggestionList(Paged):
    """What nobody has put away yet, oldest first."""

    suggestions: list[SuggestionShown]


class SuggestionRequest(Strict):
    """What would be better otherwise."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
    page: Annotated[str, StringConstraints(max_length=200)] = ""


@router.get("/suggestions", tags=["suggestions"])
def list_suggestions(session: Configured, limit: Limit = 100, after: After = None) -> SuggestionList:
    """What people would like to be otherwise."""
    found = session.suggestions.all(limit=limit, after=after)
    names = ("id", "version", "text", "page", "author")
    return SuggestionList(
        suggestions=[
            SuggestionShown.model_validate(
                {**{name: getattr(one, name) for name in names}, "made": one.made_us}
            )
            for one in found
        ],
        after=found.after,
    )


@router.post("/suggestions", tags=["suggestions"], status_code=201)
def make_suggestion(session: Suggesting, given: SuggestionRequest) -> Done:
    """Suggest something."""
    return Done(id=session.suggestions.make(given.text, page=given.page), state="open")


@router.post("/suggestions/{id}/close", tags=["suggestions"])
def close_suggestion(session: Hooking, id: Id) -> Done:
    """Put a suggestion away."""
    session.suggestions.close(str(id))
    return Done(id=str(id), state="closed")


# Webhooks


class WebhookEvent(Shown):
    """What a system was not told yet."""

    entry: str
    kind: str
    tries: int
    next: Moment | None = None
    problem: str


class WebhookShown(Shown):
    """A system that is told what happened."""

    id: str
    version: int
    name: str
    url: str
    kinds: list[str]
    types: list[str]
    active: bool
    next: str
    waiting: list[WebhookEvent]
    dead: list[WebhookEvent]


class WebhookList(Paged):
    """Systems that are told what happened, by name."""

    webhooks: list[WebhookShown]


class WebhookRequest(Strict):
    """Whom to tell of what."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    url: Annotated[str, StringConstraints(max_length=2_000)]
    kinds: Annotated[list[Annotated[str, StringConstraints(max_length=100)]], Field(max_length=100)]
    types: list[Key] = Field(default=[])
    reason: Text | None = None


class WebhookSecret(Shown):
    """A webhook's secret, shown once."""

    id: str
    secret: str


@router.get("/webhooks", tags=["webhooks"])
def list_webhooks(session: Hooks, limit: Limit = 100, after: After = None) -> WebhookList:
    """Other systems that are told, with what waits and what was given up."""

    def events(some: Any) -> list[dict[str, Any]]:
        return [
            {
                "entry": f"{one.generation}:{one.index}",
                "kind": one.kind,
                "tries": one.tries,
                "next": one.next_us or None,
                "problem": one.problem,
            }
            for one in some
        ]

    names = ("id", "version", "name", "url", "active")
    found = session.webhooks.all(limit=limit, after=after)
    return WebhookList(
        webhooks=[
            WebhookShown.model_validate(
                {
                    **{name: getattr(one, name) for name in names},
                    "kinds": list(one.kinds),
                    "types": list(one.types),
                    "next": f"{one.generation}:{one.next}",
                    "waiting": events(one.waiting),
                    "dead": events(one.dead),
                }
            )
            for one in found
        ],
        after=found.after,
    )


@router.post("/webhooks", tags=["webhooks"], status_code=201)
def add_webhook(session: Secretly, given: WebhookRequest) -> WebhookSecret:
    """Have a system told of events from now on; the secret is in this answer and nowhere else."""
    one, secret = session.webhooks.add(
        given.name, given.url, given.kinds, types=given.types, reason=given.reason
    )
    return WebhookSecret(id=one.id, secret=secret)


@router.post("/webhooks/{id}/rotate", tags=["webhooks"])
def rotate_webhook(session: Secretly, id: Id) -> WebhookSecret:
    """Make a new secret; for a day both sign."""
    return WebhookSecret(id=str(id), secret=session.webhooks.rotate(str(id)))


@router.post("/webhooks/{id}/{act}", tags=["webhooks"])
def change_webhook(session: Hooking, id: Id, act: Literal["pause", "resume", "retry", "remove"]) -> Done:
    """Pause, resume, try again what was given up, or remove."""
    getattr(session.webhooks, act)(str(id))
    return Done(id=str(id), state=act)
