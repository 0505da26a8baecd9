"""The pages, one module for each area."""

from __future__ import annotations

from starlette.routing import BaseRoute

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """Every route of the pages."""
    from muniment_web.pages import (
        account,
        alerts,
        audit,
        changes,
        choosing,
        cleaning,
        configuration,
        consents,
        dashboards,
        desk,
        developers,
        exports,
        filing,
        followups,
        glass,
        history,
        hooks,
        imports,
        incidents,
        incoming,
        keeping,
        letters,
        log,
        mailings,
        plugged,
        portable,
        record,
        regimes,
        requests,
        restricting,
        retention,
        reveal,
        setup,
        sign_in,
        table,
        tray,
    )

    modules = (
        sign_in,
        account,
        alerts,
        audit,
        glass,
        incidents,
        regimes,
        requests,
        restricting,
        retention,
        changes,
        cleaning,
        configuration,
        consents,
        dashboards,
        desk,
        developers,
        keeping,
        letters,
        followups,
        incoming,
        mailings,
        choosing,
        filing,
        portable,
        exports,
        imports,
        table,
        tray,
        record,
        reveal,
        history,
        plugged,
        hooks,
        log,
        setup,
    )
    return [route for module in modules for route in module.routes()]
