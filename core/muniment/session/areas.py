"""What a session hands out for each area of work; each is imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muniment.session.records import Records

if TYPE_CHECKING:
    from muniment.session.approval.checking import Changes
    from muniment.session.approval.drafts import Drafts
    from muniment.session.backups import Backups
    from muniment.session.credentials import Credentials
    from muniment.session.incoming import Inbox
    from muniment.session.keyring import Keys
    from muniment.session.outreach.followups import FollowUps
    from muniment.session.outreach.mailing import Mailings
    from muniment.session.outreach.promising import Promises
    from muniment.session.oversight.alerting import Alerts
    from muniment.session.oversight.emergency import Emergencies
    from muniment.session.oversight.incidents import Incidents
    from muniment.session.oversight.log_queries import LogQueries
    from muniment.session.oversight.questions import Questions
    from muniment.session.oversight.suggestions import Suggestions
    from muniment.session.oversight.webhooks import Webhooks
    from muniment.session.regimes import Regimes
    from muniment.session.rights.consents import Consents
    from muniment.session.rights.erasures import Erasures
    from muniment.session.rights.holds import Holds
    from muniment.session.rights.persons import Persons
    from muniment.session.rights.portable import Portability
    from muniment.session.rights.requests import Requests
    from muniment.session.rights.restrictions import Restrictions
    from muniment.session.rights.retaining import Retaining
    from muniment.session.tables.cleaning import Cleaning
    from muniment.session.tables.computing import Computing
    from muniment.session.tables.dashboards import Dashboards
    from muniment.session.tables.mapped import Mappings
    from muniment.session.tables.saved import Views
    from muniment.session.witnessing import Witnessing

__all__ = ["Areas"]


class Areas(Records):
    """The areas of a session: acts that belong together, under one name."""

    @property
    def keys(self) -> Keys:
        """The key store: rotating it, ways to open it, backups of it."""
        from muniment.session.keyring import Keys

        return Keys(self._engine, self._acting)

    def review_rights(self, reason: str) -> str:
        """Sign that who may do what was reviewed, as it stands; see ``oversight.rights_review``.

        Raises:
            UsageError: ``usage.no_reason``.
            AccessDenied: ``access.action``; logged.
        """
        from muniment.session.oversight.rights_review import review_rights

        return review_rights(self._engine, self._acting, reason)

    @property
    def changes(self) -> Changes:
        """What waits for a second person: see it, approve it, reject it, take it back."""
        from muniment.session.approval.checking import Changes

        return Changes(self._engine, self._acting)

    @property
    def drafts(self) -> Drafts:
        """Forms that this actor has not saved yet."""
        from muniment.session.approval.drafts import Drafts

        return Drafts(self._engine, self._acting)

    @property
    def views(self) -> Views:
        """The saved views of lists."""
        from muniment.session.tables.saved import Views

        return Views(self)

    @property
    def computing(self) -> Computing:
        """Figures computed over records, and written where fields are marked as computed."""
        from muniment.session.tables.computing import Computing

        return Computing(self)

    @property
    def mappings(self) -> Mappings:
        """The saved mappings of imports."""
        from muniment.session.tables.mapped import Mappings

        return Mappings(self)

    @property
    def dashboards(self) -> Dashboards:
        """Figures over the records, as tiles of dashboards."""
        from muniment.session.tables.dashboards import Dashboards

        return Dashboards(self)

    @property
    def follow_ups(self) -> FollowUps:
        """What was promised to whom, and when."""
        from muniment.session.outreach.followups import FollowUps

        return FollowUps(self)

    @property
    def promises(self) -> Promises:
        """Follow-ups for many in one act."""
        from muniment.session.outreach.promising import Promises

        return Promises(self)

    @property
    def mail(self) -> Mailings:
        """Letters to customers."""
        from muniment.session.outreach.mailing import Mailings

        return Mailings(self)

    @property
    def cleaning(self) -> Cleaning:
        """Duplicates, merges, tidier forms, and what is wrong with the data."""
        from muniment.session.tables.cleaning import Cleaning

        return Cleaning(self)

    @property
    def inbox(self) -> Inbox:
        """What came in by mail or on paper, and waits for a person."""
        from muniment.session.incoming import Inbox

        return Inbox(self)

    @property
    def persons(self) -> Persons:
        """What persons are told of their data."""
        from muniment.session.rights.persons import Persons

        return Persons(self)

    @property
    def consents(self) -> Consents:
        """Consents of persons, and the notices that they rest on."""
        from muniment.session.rights.consents import Consents

        return Consents(self)

    @property
    def portability(self) -> Portability:
        """A person's copy of what they gave, to take elsewhere."""
        from muniment.session.rights.portable import Portability

        return Portability(self)

    @property
    def requests(self) -> Requests:
        """Requests of persons."""
        from muniment.session.rights.requests import Requests

        return Requests(self)

    @property
    def restrictions(self) -> Restrictions:
        """Restriction of processing."""
        from muniment.session.rights.restrictions import Restrictions

        return Restrictions(self._engine, self._acting)

    @property
    def holds(self) -> Holds:
        """Legal holds: placing, releasing, listing them."""
        from muniment.session.rights.holds import Holds

        return Holds(self._engine, self._acting)

    @property
    def retention(self) -> Retaining:
        """What is due and why, and disposing of it."""
        from muniment.session.rights.retaining import Retaining

        return Retaining(self._engine, self._acting)

    @property
    def erasures(self) -> Erasures:
        """Erasing records and subjects, and the certificates of it."""
        from muniment.session.rights.erasures import Erasures

        return Erasures(self._engine, self._acting)

    @property
    def backups(self) -> Backups:
        """Backups of the data."""
        from muniment.session.backups import Backups

        return Backups(self._engine, self._acting)

    @property
    def credentials(self) -> Credentials:
        """What people and programs sign in with."""
        from muniment.session.credentials import Credentials

        return Credentials(self._engine, self._acting)

    @property
    def emergencies(self) -> Emergencies:
        """Emergency access: to break the glass, and to review who did."""
        from muniment.session.oversight.emergency import Emergencies

        return Emergencies(self._engine, self._acting)

    @property
    def alerts(self) -> Alerts:
        """What is odd in the log, and what became of it."""
        from muniment.session.oversight.alerting import Alerts

        return Alerts(self._engine, self._acting)

    @property
    def incidents(self) -> Incidents:
        """Incidents: open them, compute whom they affect, keep their clocks, close them."""
        from muniment.session.oversight.incidents import Incidents

        return Incidents(self._engine, self._acting)

    @property
    def regimes(self) -> Regimes:
        """What this archive shows for each clause of a regime."""
        from muniment.session.regimes import Regimes

        return Regimes(self)

    @property
    def questions(self) -> Questions:
        """What auditors ask about the past."""
        from muniment.session.oversight.questions import Questions

        return Questions(self._engine, self._acting)

    @property
    def log_queries(self) -> LogQueries:
        """Saved queries of the log."""
        from muniment.session.oversight.log_queries import LogQueries

        return LogQueries(self)

    @property
    def suggestions(self) -> Suggestions:
        """What people would like to be otherwise."""
        from muniment.session.oversight.suggestions import Suggestions

        return Suggestions(self)

    @property
    def webhooks(self) -> Webhooks:
        """Other systems that are told that something happened."""
        from muniment.session.oversight.webhooks import Webhooks

        return Webhooks(self)

    @property
    def witnesses(self) -> Witnessing:
        """Who vouches for the log from outside."""
        from muniment.session.witnessing import Witnessing

        return Witnessing(self._engine, self._acting)
