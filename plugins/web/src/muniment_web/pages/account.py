"""One's own account: password, second factor, recovery codes, passkeys, tokens."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import BaseRoute
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from muniment.errors import AccessDenied, MunimentError, UsageError
from muniment.model import SCOPES
from muniment.session import Session
from muniment.session.credentials import LONGEST_DAYS, Credential, Passkey
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import problem_of, roles_of, sentence_of
from muniment_web.server.factors import new_recovery_codes, new_seed, qr_svg, totp_step
from muniment_web.server.passwords import check_strength
from muniment_web.server.people import confirm, end_sign_ins, sign_ins_of
from muniment_web.server.strict import strict_json
from muniment_web.server.throttle import network_of

__all__ = ["routes"]

_LONGEST_KEY_ID: Final = 1_023
"""Bytes of a passkey's identifier (W3C Web Authentication, 7.1)."""

_MEANT: Final = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError)
"""What comes of reading something that no browser sent."""


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/account", show),
        page("/account/password", password, methods=("POST",)),
        page("/account/totp", begin_totp, methods=("POST",)),
        page("/account/totp/confirm", confirm_totp, methods=("POST",)),
        page("/account/totp/remove", remove_totp, methods=("POST",)),
        page("/account/tokens", issue_token, methods=("POST",)),
        page("/account/tokens/{token}/revoke", revoke_token, methods=("POST",)),
        page("/account/passkeys/options", passkey_options, methods=("POST",)),
        page("/account/passkeys", add_passkey, methods=("POST",)),
        page("/account/passkeys/remove", remove_passkey, methods=("POST",)),
        page("/account/sign-ins/end", end_own, methods=("POST",)),
        page("/sign-in/passkey/options", sign_options, methods=("POST",), public=True),
        page("/sign-in/passkey", sign_with_passkey, methods=("POST",), public=True),
    ]


def show(call: Call, **more: Any) -> Response:
    """What the person signs in with."""
    login = call.signed.login
    credentials = call.session.credentials
    tokens = credentials.own(**call.piece)
    values: dict[str, Any] = {
        "held": credentials.of(login),
        "sign_ins": _sign_ins(call),
        "tokens": tokens,
        "more": call.more(tokens),
        "scopes": SCOPES,
        "notes": call.taken_notes(),
        "problem": None,
        "codes": (),
        "seed": "",
        "qr": "",
        "token_text": "",
        "roles": roles_of(call, call.signed.roles),
        "now": call.web.engine.clock(),
        **more,
    }
    return call.page("account.html", status=422 if values["problem"] else 200, **values)


def _sign_ins(call: Call) -> list[dict[str, Any]]:
    """Where the person is signed in, this place first."""
    return [
        {
            "id": one.id,
            "here": one is call.sign,
            "since": call.time(one.since_us),
            "seen": call.time(one.seen_us),
            "address": one.address,
            "auth": one.auth,
        }
        for one in sign_ins_of(call.web, call.signed.login, call.signed.id)
    ]


def end_own(call: Call) -> Response:
    """End one's own sign-ins elsewhere: one of them, or all."""
    sign = call.signed
    end_sign_ins(call.web, sign.login, "elsewhere", but=sign.id, which=call.text("which"))
    return call.go("/account", note=call.say("account.ended"))


def _end_others(call: Call, why: str) -> None:
    """End the sign-ins that were begun with what holds no more, but this one."""
    end_sign_ins(call.web, call.signed.login, why, but=call.signed.id)


def _confirmed(call: Call) -> None:
    """See that the person at the screen knows the password.

    Raises:
        AccessDenied: ``sign.current_wrong`` or ``sign.throttled``.
    """
    try:
        confirm(call.web, call.signed.session.acting, call.text("current"))
    except AccessDenied as error:
        # Who they are is known here, so it can be said what was wrong.
        raise (AccessDenied("sign.current_wrong") if error.code == "sign.wrong" else error) from None


def password(call: Call) -> Response:
    """Set another password; other sign-ins of the same person end."""
    sign, web = call.signed, call.web
    try:
        _confirmed(call)
        new = call.text("password")
        if new != call.text("again"):
            raise UsageError("sign.passwords_differ")
        check_strength(new, (sign.login, web.engine.definitions.users[sign.login].name, web.name))
    except (UsageError, AccessDenied) as error:
        return show(call, problem=problem_of(call, error))
    encoded, now = web.passwords.hash(new), web.engine.clock()
    call.session.credentials.change(
        sign.login, "password", lambda held: attrs.evolve(held, password=encoded, password_us=now)
    )
    _end_others(call, "password")
    return call.go("/account", note=call.say("account.password_set"))


# The second factor


def begin_totp(call: Call) -> Response:
    """Show a new seed; it counts only once a code of it was typed."""
    try:
        _confirmed(call)
    except AccessDenied as error:
        return show(call, problem=problem_of(call, error))
    call.signed.totp_seed = new_seed()
    return _offer(call)


def _offer(call: Call, problem: MunimentError | None = None) -> Response:
    sign = call.signed
    return show(
        call,
        seed=sign.totp_seed,
        qr=Markup(qr_svg(sign.totp_seed, sign.login, call.web.name)),
        problem=problem_of(call, problem) if problem else None,
    )


def confirm_totp(call: Call) -> Response:
    """Turn the second factor on, and show the recovery codes once."""
    sign, engine = call.signed, call.web.engine
    step = totp_step(sign.totp_seed, call.text("code"), engine.clock()) if sign.totp_seed else 0
    if not step:
        return _offer(call, AccessDenied("sign.code_wrong")) if sign.totp_seed else call.go("/account")
    seed, sign.totp_seed = sign.totp_seed, ""
    codes, hashes = new_recovery_codes()

    def change(held: Credential) -> Credential:
        return attrs.evolve(held, totp=seed, totp_last=step, recovery=hashes)

    call.session.credentials.change(sign.login, "totp", change)
    _end_others(call, "factor")
    return show(call, codes=codes)


def remove_totp(call: Call) -> Response:
    """Turn the second factor off."""
    try:
        _confirmed(call)
    except AccessDenied as error:
        return show(call, problem=problem_of(call, error))
    call.session.credentials.change(
        call.signed.login,
        "totp",
        lambda held: attrs.evolve(held, totp="", totp_last=0, recovery=()),
        removing=True,
    )
    _end_others(call, "factor")
    return call.go("/account", note=call.say("account.totp_off"))


# Tokens


def issue_token(call: Call) -> Response:
    """Make a token for a program; its text is shown once."""
    days = call.text("days")
    try:
        _confirmed(call)
    except AccessDenied as error:
        return show(call, problem=problem_of(call, error))
    scopes = tuple(one for one in SCOPES if one in call.texts("scope")) or ("read",)
    _, text = call.session.credentials.issue(
        call.signed.login,
        name=call.text("name").strip()[:100] or "token",
        scopes=scopes,
        days=min(int(days), LONGEST_DAYS) if days.isdecimal() and 0 < len(days) < 5 and int(days) else 30,
    )
    return show(call, token_text=text)


def revoke_token(call: Call) -> Response:
    """Take a token back."""
    call.session.credentials.revoke(call.path["token"])
    return call.go("/account", note=call.say("account.token_gone"))


# Passkeys


def _site(call: Call) -> tuple[str, str]:
    """The host that keys are bound to, and the origin that browsers name."""
    base = call.web.settings.base
    return urlsplit(base).hostname or "localhost", base


def passkey_options(call: Call) -> Response:
    """What a new passkey has to sign."""
    try:
        _confirmed(call)
    except AccessDenied as error:
        return call.json({"error": sentence_of(call, error)}, status=403)
    sign = call.signed
    held = call.session.credentials.of(sign.login)
    host, _ = _site(call)
    options = generate_registration_options(
        rp_id=host,
        rp_name=call.web.name,
        user_name=sign.login,
        user_id=call.web.engine.definitions.users[sign.login].record,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one.id) for one in held.passkeys],
    )
    sign.challenge = options.challenge
    return call.json(json.loads(options_to_json(options)))


def add_passkey(call: Call) -> Response:
    """Keep the public key of a device."""
    sign, engine = call.signed, call.web.engine
    host, origin = _site(call)
    challenge, sign.challenge = sign.challenge, b""
    try:
        if not challenge:
            raise AccessDenied("sign.form")
        done = verify_registration_response(
            credential=call.text("credential"),
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=origin,
            require_user_verification=True,
        )
        if len(done.credential_id) > _LONGEST_KEY_ID or _owner_of(call, done.credential_id) is not None:
            # Another's identifier would come between that person and their sign-in.
            raise AccessDenied("sign.wrong")
    except _MEANT:
        raise AccessDenied("sign.wrong") from None
    made = Passkey(
        done.credential_id,
        done.credential_public_key,
        done.sign_count,
        "".join(filter(str.isprintable, call.text("name"))).strip()[:100] or "passkey",
        engine.clock(),
    )
    call.session.credentials.change(
        sign.login, "passkey", lambda held: attrs.evolve(held, passkeys=(*held.passkeys, made))
    )
    return call.json({"go": "/account"})


def remove_passkey(call: Call) -> Response:
    """Forget the key of a device."""
    try:
        _confirmed(call)
    except AccessDenied as error:
        return show(call, problem=problem_of(call, error))

    def change(held: Credential) -> Credential:
        kept = tuple(one for one in held.passkeys if one.id.hex() != call.text("key"))
        return attrs.evolve(held, passkeys=kept)

    call.session.credentials.change(call.signed.login, "passkey", change, removing=True)
    _end_others(call, "factor")
    return call.go("/account", note=call.say("account.passkey_gone"))


def sign_options(call: Call) -> Response:
    """What a passkey has to sign to let its owner in; asked for by somebody whom nobody knows yet."""
    host, _ = _site(call)
    options = generate_authentication_options(
        rp_id=host,
        challenge=call.web.challenges.new(),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return call.json(json.loads(options_to_json(options)))


def sign_with_passkey(call: Call) -> Response:
    """Let somebody in whose device signed what was asked."""
    from muniment_web.pages.sign_in import begin

    web = call.web
    place = f"passkey/{network_of(call.address)}"
    acting = web.visitor(call.address, auth="passkey")
    try:
        login, held, challenge, credential = _shown_passkey(call)
        host, origin = _site(call)
        acting = web.visitor(call.address, login=login, auth="passkey")
        done = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=origin,
            credential_public_key=held.public_key,
            credential_current_sign_count=held.sign_count,
            require_user_verification=True,
        )
        if not acting.actor.roles or not web.challenges.use(challenge):
            raise AccessDenied("sign.wrong")
    except (AccessDenied, *_MEANT):
        # Nobody guesses a signature: waiting bounds what failures write, and keeps no owner of a key out.
        if web.throttle.begin("", place):
            web.engine.note(acting, "user.lock", outcome="denied", code="sign.throttled")
        web.engine.note(acting, "user.sign_fail", outcome="denied", code="sign.wrong")
        raise AccessDenied("sign.wrong") from None

    def used(now: Credential) -> Credential:
        passkeys = tuple(
            attrs.evolve(one, sign_count=done.new_sign_count) if one.id == held.id else one
            for one in now.passkeys
        )
        return attrs.evolve(now, passkeys=passkeys)

    Session(web.engine, acting).credentials.use(login, used)
    begin(call, login, "passkey")
    return call.json({"go": "/"})


def _shown_passkey(call: Call) -> tuple[str, Passkey, bytes, dict[str, Any]]:
    """Whose passkey was shown, the key, what it had to sign, and what it signed."""
    web = call.web
    credential = strict_json(call.text("credential"))
    client = strict_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))
    challenge = base64url_to_bytes(client["challenge"])
    if not web.challenges.good(challenge):
        raise AccessDenied("sign.wrong")
    found = _owner_of(call, base64url_to_bytes(credential["rawId"]))
    if found is None:
        raise AccessDenied("sign.wrong")
    return *found, challenge, credential


def _owner_of(call: Call, wanted: bytes) -> tuple[str, Passkey] | None:
    """Whose passkey has an identifier, and the key; None for nobody's."""
    credentials = Session(call.web.engine, call.web.visitor(call.address)).credentials
    for login in call.web.engine.definitions.users:
        for one in credentials.of(login).passkeys:
            if one.id == wanted:
                return login, one
    return None
