"""An opened archive and its log."""

from __future__ import annotations

import os
from binascii import b2a_base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType

import attrs

from muniment import config, verify
from muniment.archive._checking import secrets_of
from muniment.archive._places import DATABASE
from muniment.codec import canonical
from muniment.config import Configuration
from muniment.errors import AccessDenied, ConfigError, IntegrityError, KeyStoreError, StoreError
from muniment.keys import KeyStore
from muniment.log.checkpoint import VerifierKey, parse_verifier_key
from muniment.model import Clock, Random, Uuid7, id_text
from muniment.plugins import Pin, PluginSet, load
from muniment.policy import Actor, Policy
from muniment.purposes import PURPOSES
from muniment.roles import check_roles
from muniment.schema.registry import Applied
from muniment.schema.template import Template, template_digest
from muniment.session import Acting, Change, Engine, Session, Settings
from muniment.session.approval.asking import approve_configuration, approve_types, check_rules
from muniment.session.attachments import remove_orphans
from muniment.session.kernel.definitions import (
    CONFIGURATION,
    USER,
    Definitions,
    Fingerprint,
    fingerprint,
    load_definitions,
)
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Logbook
from muniment.session.kernel.sealer import Sealer
from muniment.session.rebuild import refresh_layout
from muniment.session.rights.gates import gates_of
from muniment.session.rights.holds import hold_together
from muniment.session.tables.links import following
from muniment.session.writing.applying import (
    Act,
    acts_between,
    configuration_values,
    definition_changes,
    kinds_of,
    policy_of,
    role_acts,
    roles_of,
    rules_document,
    with_plugins,
    with_roles,
    write_acts,
)
from muniment.store import Reader, Store
from muniment.stores.sqlite import SqliteStore

__all__ = ["Archive", "Log", "Planned"]


@attrs.frozen
class Planned:
    """What a configuration would make of an archive.

    Attributes:
        before: the one in force.
        wanted: the one that was looked at.
        plugins: those that it would use.
        made: the record types by it, and how they differ.
        acts: plugins that it enables, disables and upgrades, roles that it defines and removes.
        changes: what would be written; empty where nothing differs.
        policy: who might do what.
    """

    before: Configuration
    wanted: Configuration
    plugins: PluginSet
    made: Applied
    acts: list[Act]
    changes: list[Change]
    policy: Policy


class Archive:
    """An opened archive; a context manager. Closing it signs what was appended."""

    def __init__(
        self,
        folder: Path,
        file: Configuration,
        store: SqliteStore,
        keys: KeyStore,
        *,
        clock: Clock,
        random: Random,
        plugins: bool = True,
        restoring: bool = False,
    ) -> None:
        self.folder = folder
        self.file = file
        self.store = store
        self.keys = keys
        if store.head(SHARD) is not None and store.subject(SHARD, file.archive) is None:
            # The archive is a subject of its own from its first entries on.
            raise StoreError("store.other_archive", where=str(folder / DATABASE), name=self.id)
        book = Logbook(file.archive, file.origin, keys, clock=clock, random=random, shard=SHARD)
        sealer = Sealer(file.archive, keys, random=random)
        held, print_of = _held(store, sealer)
        self.applied = file
        if held.configuration is not None:
            self.applied = config.parse(held.configuration[2], where="applied")
        if file.origin != self.applied.origin:
            raise ConfigError("config.origin", where=str(folder / config.FILE_NAME), name=self.applied.origin)
        self._loading = plugins
        # What was never applied has no pins yet; such are new archives alone.
        pins = held.pins if held.configuration is not None else None
        self.plugins = self._load(self.applied, pins).for_types(held.registry.types)
        self.engine = Engine(
            file.archive,
            folder,
            store,
            keys,
            book,
            sealer,
            policy_of(self.plugins, self.applied),
            self.plugins,
            kinds_of(self.plugins),
            _settings(self.applied),
            clock,
            random,
            Uuid7(clock, random=random),
        )
        self.engine.make_ruleset = self._ruleset
        self.engine.links = (following(self.engine),)
        self.engine.parting = hold_together(self.engine)
        self.engine.make_gates = gates_of
        self.engine.gates = gates_of(self.engine)
        if held.configuration is not None:
            self.engine.adopt(held, print_of)
        if not restoring:
            self._check_signed()
        remove_orphans(self.engine)
        if store.unfinished(SHARD):
            from muniment.session.rights.erasing import recover

            recover(self.engine)
        self.log = Log(self)
        self._closed = False

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def id(self) -> str:
        """The archive's identifier, UUID text."""
        return id_text(self.file.archive)

    @property
    def config_differs(self) -> bool:
        """Whether ``muniment.toml`` says something else than what was applied, or a plugin's code does."""
        codes = {why.code for why in self.plugins.quarantined.values()}
        return self.file_differs or not codes.isdisjoint(("plugin.changed", "plugin.other_version"))

    @property
    def file_differs(self) -> bool:
        """Whether ``muniment.toml`` says something else than what was applied."""
        return config.digest_of(self.file.text) != config.digest_of(self.applied.text)

    @property
    def verifier_key(self) -> VerifierKey:
        """Checks this log's checkpoints."""
        return self.engine.logbook.verifier_key()

    def _check_signed(self) -> None:
        """Refuse keys and data of different ages: what one of them vouches for, the other must have.

        Raises:
            KeyStoreError: ``store.keys_older``: a checkpoint in the store that the key store never signed.
            IntegrityError: ``integrity.below_signed``: the store lacks what the key store signed.
        """
        head = self.store.head(SHARD)
        # An emptied store looks like a new one, but for what was signed.
        gen, size = (0, 0) if head is None else (head.gen, head.first_seq + head.n)
        origin = self.engine.logbook.origin(gen)
        last = self.keys.last_signed(origin)
        signed = 0 if last is None else last.size
        newest = self.store.last_checkpoint(SHARD, gen)
        if newest is not None and newest.size > signed:
            raise KeyStoreError("store.keys_older", where=origin, signed=signed, found=newest.size)
        if size < signed:
            raise IntegrityError("integrity.below_signed", where=origin, index=signed)
        later = self.engine.logbook.origin(gen + 1)
        if self.keys.last_signed(later) is not None:
            # An older copy of the file was put back after a restore had opened a new generation.
            raise IntegrityError("integrity.below_signed", where=later, index=0)

    def _ruleset(self, definitions: Definitions) -> str:
        """Base64 of SHA-256 over all that decides: plugins, types, roles, rules, configuration."""
        held = definitions.configuration
        if held is not None and config.digest_of(held[2]) != config.digest_of(self.applied.text):
            # Another process applied it: what it says of plugins, roles and purposes holds here too.
            applied = config.parse(held[2], where="applied")
            self._use(applied, self._load(applied, definitions.pins))
        # Types that another process brought in are asked about before the rules are put together.
        self.plugins = self.engine.plugins = self.plugins.for_types(definitions.registry.types)
        document = {
            "configuration": "" if held is None else config.digest_of(held[2]),
            "plugins": self.plugins.digest().hex(),
            "rules": rules_document(self.plugins, self.engine.policy),
            "types": sorted(
                [one.number, one.definition_version] for one in definitions.registry.types if not one.built_in
            ),
            "users": sorted(
                [one.login, list(one.roles), one.active, [list(pair) for pair in one.attributes]]
                for one in definitions.users.values()
            ),
            "v": 1,
        }
        digest = sha256(b"muniment/ruleset/v1\n" + canonical(document)).digest()
        return b2a_base64(digest, newline=False).decode("ascii")

    def session(
        self,
        *,
        actor: str | None = None,
        purpose: str | None = None,
        auth: str = "asserted",
        program: str = "python",
        address: str | None = None,
        sign_in: str | None = None,
        legal_basis: str | None = None,
        on_behalf_of: str | None = None,
        masked: bool = False,
    ) -> Session:
        """Begin to act.

        Args:
            actor: a login; by default the one in the configuration.
            purpose: why, a W3C DPV term; by default the one in the configuration.
            auth: how we know who it is: ``asserted``, ``os-user``, ``password``, ``passkey``, ``token``.
            program: through what, such as ``cli`` or ``api``.
            address: where the request came from.
            sign_in: the sign-in it belongs to.
            legal_basis: where the law asks for one.
            on_behalf_of: whom a service acts for.
            masked: show what is personal only behind its mask until it is revealed with a reason.

        Raises:
            AccessDenied: ``access.unknown_actor``, ``access.disabled``, ``access.no_purpose`` or
                ``access.purpose``; logged.
        """
        self.engine.refresh()
        who = self.engine.actor(actor or self.applied.actor, auth=auth, on_behalf_of=on_behalf_of)
        wanted = purpose or self.applied.purpose
        acting = Acting(who, wanted, program, address, sign_in, legal_basis, masked)
        try:
            self.engine.policy.require_known(who)
            self.engine.policy.require_purpose(wanted, who)
        except AccessDenied as error:
            self.engine.refused(acting, "session", error)
            raise
        return Session(self.engine, acting)

    # Beginning

    def start(self, templates: Sequence[Template]) -> None:
        """Write the first entries of a new archive: itself, its owner, its configuration, its types."""
        acting = Acting(Actor("owner", ("owner",), "os-user"), "CustomerManagement", "init")
        engine = self.engine
        engine.forget_definitions()
        engine.note(acting, "archive.create", target={"archive": self.id, "origin": self.file.origin})
        session = Session(engine, acting)
        owner = {"login": "owner", "display_name": "Owner", "roles": ["owner"], "state": "active"}
        session.write([Change("create", USER.key, values=owner)])
        pins = self.plugins.pins()
        values = configuration_values(self.file, pins)
        acts = acts_between((), self.file.plugins, {}, pins)
        write_acts(engine, acting, acts, [Change("create", CONFIGURATION.key, values=values)], reason=None)
        if templates or self.file.plugins:
            self.apply_templates(session, templates, reason=None, fresh=self.file.plugins)
        else:
            refresh_layout(engine, acting)

    def apply_templates(
        self,
        session: Session,
        templates: Sequence[Template],
        *,
        reason: str | None,
        dry_run: bool = False,
        fresh: Collection[str] = (),
    ) -> Applied:
        """Bring the types of templates into the archive, each as a new version of its definition.

        Args:
            session: whose actor may change the schema.
            templates: in order.
            reason: why; sealed.
            dry_run: only say what would change.
            fresh: names of plugins whose record types and fields are brought in too; what plugins add to
                the templates' types comes in any case.

        Raises:
            PluginError: a plugin that is enabled is not loaded, so what it adds cannot be asked.
            ConfigError: ``schema.*``.
        """
        self.engine.refresh()
        session.require("schema.change")
        self.plugins.require_all()
        registry = self.engine.definitions.registry
        plugins, made = with_plugins(
            registry, self.plugins, enabled=self.applied.plugins, fresh=fresh, templates=templates
        )
        plugins.require_all()
        if not dry_run:
            self.plugins = self.engine.plugins = plugins
            self._save_applied(session, templates, made, reason=reason)
        return made

    def _save_applied(
        self, session: Session, templates: Sequence[Template], made: Applied, *, reason: str | None
    ) -> None:
        """Write what templates bring as one act: types, views, and an entry for each template."""
        from muniment.session.tables.dashboards import shipped_dashboards
        from muniment.session.tables.saved import shipped_changes

        changes = definition_changes(self.engine.definitions, made)
        views = shipped_changes(self.engine, made.registry.by_key, templates)
        views += shipped_dashboards(self.engine, templates)
        if not changes and not views:
            return
        acts = [
            Act("template.apply", {"template": one.key, "digest": template_digest(one)}) for one in templates
        ]
        shipped = {f"template {one.target['template']}": str(one.target["digest"]) for one in acts}
        granted = approve_types(self.engine, session.acting, changes, more=shipped, reason=reason)
        write_acts(self.engine, session.acting, acts, [*changes, *views], reason=reason, granted=granted)
        if changes:
            refresh_layout(self.engine, session.acting)

    def save_types(self, session: Session, made: Applied, *, reason: str | None) -> None:
        """Write the definitions that an edit of the registry changed."""
        changes = definition_changes(self.engine.definitions, made)
        if changes:
            granted = approve_types(self.engine, session.acting, changes, reason=reason)
            write_acts(self.engine, session.acting, (), changes, reason=reason, granted=granted)
            refresh_layout(self.engine, session.acting)

    # Configuration

    def apply_config(self, session: Session, *, reason: str | None, plugin: str | None = None) -> bool:
        """Make what ``muniment.toml`` says hold, as a new version with a reason.

        What plugins bring enters the definitions, and what a disabled one brought takes no values from
        then on, in the same act.

        Args:
            session: whose actor may change the configuration.
            reason: why; sealed.
            plugin: take the code of this plugin alone as it now is; by default that of every one.

        Returns:
            Whether anything changed.

        Raises:
            ConfigError: the file is wrong, or names another archive.
            PluginError: a plugin that it enables anew does not load, or collides.
            AccessDenied: ``access.action``; logged.
        """
        session.require("config.change")
        planned = self.plan_config(config.read(self.folder), plugin=plugin)
        changes, plugins = planned.changes, planned.plugins
        if not changes:
            for name in sorted(plugins.quarantined):
                if plugins.quarantined[name].code != "plugin.left_out":
                    raise plugins.quarantined[name]
            return False
        granted = approve_configuration(
            self.engine,
            session.acting,
            planned.before.text,
            planned.wanted.text,
            planned.acts,
            changes,
            reason=reason,
        )
        write_acts(self.engine, session.acting, planned.acts, changes, reason=reason, granted=granted)
        self.file = planned.wanted
        self._use(planned.wanted, plugins)
        refresh_layout(self.engine, session.acting)
        return True

    def plan_config(self, wanted: Configuration, *, plugin: str | None = None) -> Planned:
        """What a configuration would make of the archive; nothing is written, and nothing holds by it.

        Args:
            wanted: parsed; of this archive.
            plugin: as for ``apply_config``.

        Raises:
            ConfigError: it names another archive, or what there is not.
            PluginError: a plugin that it enables anew does not load, or collides.
        """
        self.engine.refresh()
        definitions = self.engine.definitions
        held = definitions.configuration
        assert held is not None  # an archive begins with one
        before = config.parse(held[2], where="applied")
        fixed = ("archive", "origin", "verifier_key")
        if any(getattr(wanted, name) != getattr(before, name) for name in fixed):
            raise ConfigError("config.other_archive", where=str(self.folder / config.FILE_NAME))
        plugins = self._load(wanted, None if plugin is None else {**definitions.pins, plugin: None})
        # One that was in use and broke since must not keep another from being left out.
        for name in sorted(plugins.quarantined):
            reset = wanted.plugin_settings.get(name) != before.plugin_settings.get(name)
            if name not in before.plugins or name == plugin or reset:
                raise plugins.quarantined[name]
        old = definitions.pins
        pins = {name: pin for name, pin in {**old, **plugins.pins()}.items() if name in wanted.plugins}
        fresh = {name for name in plugins.pins() if name not in before.plugins or old.get(name) != pins[name]}
        plugins, made = with_plugins(definitions.registry, plugins, enabled=wanted.plugins, fresh=fresh)
        self._check_roles(wanted, plugins, made)
        acts = acts_between(before.plugins, wanted.plugins, old, pins)
        acts += role_acts(self.engine.policy.roles, roles_of(plugins, wanted.roles))
        changes = definition_changes(definitions, made)
        if config.digest_of(wanted.text) != config.digest_of(before.text) or pins != old:
            values = configuration_values(wanted, pins)
            changes.insert(0, Change("update", record=held[0], values=values, expected_version=held[1]))
        policy = policy_of(plugins, wanted)
        check_rules(wanted.approvals, made.registry, policy, definitions.users)
        return Planned(before, wanted, plugins, made, acts, changes, policy)

    def _check_roles(self, wanted: Configuration, plugins: PluginSet, made: Applied) -> None:
        """Refuse roles that name what there is not.

        Raises:
            ConfigError: ``config.role_*``.
        """
        place = str(self.folder / config.FILE_NAME)
        known = wanted.purposes or {*PURPOSES, *plugins.purposes()}
        check_roles(wanted.roles, made.registry.by_key, where=place, purposes=known)

    def _load(self, wanted: Configuration, pins: Mapping[str, Pin | None] | None) -> PluginSet:
        environ = os.environ if self._loading else {"MUNIMENT_LOAD_PLUGINS": ""}
        folder = self.folder / wanted.plugins_dir if wanted.plugins_dir else None
        settings = wanted.plugin_settings
        found = load(wanted.plugins, environ=environ, folder=folder, pins=pins, settings=settings)
        return with_roles(found)

    def _use(self, applied: Configuration, plugins: PluginSet) -> None:
        """Go on under a configuration that was applied."""
        self.applied, self.plugins = applied, plugins
        engine = self.engine
        engine.plugins = plugins
        engine.kinds = kinds_of(plugins)
        engine.settings = _settings(applied)
        self._set_policy()

    def _set_policy(self) -> None:
        engine = self.engine
        engine.policy = policy_of(self.plugins, self.applied)
        engine.plans.clear()
        engine.reaches.clear()
        engine.indexes.clear()
        engine.layout_checked = False
        engine.gates = gates_of(engine)

    # Ending

    def close(self) -> None:
        """Sign what was appended, and let go of the files."""
        if self._closed:
            return
        self._closed = True
        try:
            if self.engine.logbook.unsigned:
                self.engine.logbook.sign(self.store)
        finally:
            self.keys.close()
            self.store.close()


def _settings(applied: Configuration) -> Settings:
    return Settings(
        applied.region,
        applied.timezone,
        applied.currency,
        applied.date_order,
        applied.purposes,
        applied.index_rows,
        applied.index_epoch,
        applied.witness,
        applied,
    )


def _held(store: Store, sealer: Sealer) -> tuple[Definitions, Fingerprint]:
    """What holds in an archive, and what tells whether it changed; only built-in types in a new one."""
    with store.transaction(write=False) as tx:
        held = Definitions() if tx.head(SHARD) is None else load_definitions(tx, sealer)
        return held, fingerprint(tx)


class Log:
    """The log of an opened archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def verify(
        self,
        *,
        trusted: Sequence[str] = (),
        key: str | None = None,
        progress: verify.Progress | None = None,
    ) -> verify.Report:
        """Check everything that was ever written, with macs, current state and tokens.

        Args:
            trusted: checkpoints kept elsewhere, as signed notes.
            key: the log's verifier key from elsewhere; by default our own.
            progress: told how many entries are done.

        Raises:
            IntegrityError: names the first entry or row that is not what was written.
        """
        archive = self._archive
        with self.reader() as reader:
            return verify.check(
                reader,
                archive=archive.file.archive,
                origin_base=archive.file.origin,
                key=parse_verifier_key(key) if key else archive.verifier_key,
                trusted=trusted,
                secrets=secrets_of(archive.keys, archive.file, reader),
                files=archive.folder / "files",
                progress=progress,
            )

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A reader of one state that needs no keys."""
        with self._archive.store.snapshot() as reader:
            yield reader
