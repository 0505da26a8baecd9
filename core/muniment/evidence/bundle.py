"""A bundle of evidence: one ZIP that is checked without muniment, without keys, without the archive.

Its form is published in ``muniment_schemas/formats/evidence.md``; what checks it
is ``verify.py``, which lies in it. Details are opened one by one: what is not
opened stays behind its commitment, and proves nothing but that it is there.
"""

from __future__ import annotations

import json
import zipfile
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs

from muniment.audit import Found
from muniment.codec import canonical
from muniment.errors import LogError
from muniment.evidence.log_files import LogFiles
from muniment.exports.files import measured, replacing
from muniment.log.binding import unpack_live
from muniment.log.checkpoint import parse_checkpoint, parse_note
from muniment.log.tiles import TILE_WIDTH
from muniment.model import id_text
from muniment.store import Checkpoint, Reader, Version

__all__ = ["Bundled", "Chosen", "write_bundle"]

_OLD = (1980, 1, 1, 0, 0, 0)

Progress = Callable[[int, int | None], None]


@attrs.frozen
class Chosen:
    """One entry that a bundle opens.

    Attributes:
        found: the entry with what opens it.
        only: the records whose lines and versions are shown; None for all.
        withheld: its detail names fields that the reader may not know, so it stays closed.
    """

    found: Found
    only: frozenset[bytes] | None = None
    withheld: bool = False


@attrs.frozen
class Bundled:
    """What a bundle holds.

    Attributes:
        path: the file.
        gen: the generation of the log it proves.
        size: entries in it.
        entries: entries that are carried whole.
        opened: of these, entries whose detail is opened.
        withheld: entries whose detail the reader may not open.
        versions: of records, with all that their hash covers.
        digest: hex of SHA-256 over the file.
    """

    path: Path
    gen: int
    size: int
    entries: int
    opened: int
    withheld: int
    versions: int
    digest: str


@attrs.define
class _Sums:
    """The files of the ZIP with their digests."""

    target: zipfile.ZipFile
    lines: list[str] = attrs.field(factory=list)

    def write(self, name: str, data: bytes, *, listed: bool = True) -> None:
        self.target.writestr(_info(name), data)
        if listed:
            self.lines.append(f"{sha256(data).hexdigest()}  {name}\n")

    def write_lines(self, name: str, documents: Iterable[Mapping[str, Any]]) -> int:
        """JSON, a document a line; gives how many."""
        digest, count = sha256(), 0
        with self.target.open(_info(name), "w", force_zip64=True) as file:
            for document in documents:
                line = canonical(document) + b"\n"
                digest.update(line)
                file.write(line)
                count += 1
        self.lines.append(f"{digest.hexdigest()}  {name}\n")
        return count


def _info(name: str) -> zipfile.ZipInfo:
    # The same evidence gives the same bytes: no time of day in it.
    made = zipfile.ZipInfo(name, _OLD)
    made.compress_type = zipfile.ZIP_DEFLATED
    made.external_attr = 0o644 << 16
    return made


def write_bundle(
    path: Path,
    reader: Reader,
    *,
    archive: bytes,
    shard: int,
    signed: Checkpoint,
    chosen: Callable[[], Iterator[Chosen]],
    scope: Mapping[str, Any],
    whole: bool,
    earlier: Iterable[str] = (),
    tags: Iterable[Mapping[str, str]] = (),
    extra: Mapping[str, bytes] | None = None,
    progress: Progress | None = None,
) -> Bundled:
    """Write a bundle; the file is there whole, or not at all.

    Args:
        path: of the ZIP; replaced if it is there.
        reader: sees one state.
        archive: 16 bytes.
        shard: whose log.
        signed: the checkpoint it leads to.
        chosen: gives the entries to open, in order of index; asked twice.
        scope: what was asked for, for ``bundle.json``.
        whole: carry every entry of the log, not only the bundles of those opened.
        earlier: checkpoints (signed notes) of this log that somebody kept.
        tags: tag keys to hand over: ``of`` (``subject``, ``actor``), ``id``, ``key`` in base64.
        extra: further files by name, such as timestamps.
        progress: told how many entries are done, and of how many.

    Raises:
        LogError: ``log.changed`` where the stored log does not give the signed root; nothing is written.
        IntegrityError: ``log.note`` or ``log.checkpoint`` where an earlier checkpoint is none.
    """
    kept = [parse_checkpoint(parse_note(note).text) for note in earlier]
    gaps = _Gaps(reader, shard)
    wanted = None if whole else _bundles_of(reader, shard, archive, chosen(), gaps, signed)
    leaves = frozenset(one.size // TILE_WIDTH for one in kept)
    log = LogFiles(reader, shard, signed.gen, signed.size, wanted=wanted, leaves=leaves)
    with replacing(path) as new:
        with zipfile.ZipFile(new, "w") as zipped:
            sums = _Sums(zipped)
            carried = _write_log(sums, log, progress, signed.size)
            if log.root != signed.root:
                raise LogError("log.changed", where=str(path))
            sums.write("log/checkpoint", signed.note.encode("utf-8"))
            opened = _Opened(chosen)
            sums.write_lines("details.ndjson", opened.lines())
            versions = _Versions(reader, shard, signed.gen, archive)
            sums.write_lines("versions.ndjson", versions.lines(chosen()))
            sums.write_lines("parts.ndjson", _parts(reader, shard, versions.shown(chosen()), gaps))
            for place, note in enumerate(earlier):
                sums.write(f"earlier/{place}.checkpoint", note.encode("utf-8"))
            held = [dict(one) for one in tags]
            if held:
                sums.write("tags.json", canonical(held))
            for name, data in (extra or {}).items():
                sums.write(name, data)
            document = {
                "archive": id_text(archive),
                "origin": parse_checkpoint(parse_note(signed.note).text).origin,
                "scope": dict(scope),
                "size": signed.size,
                "v": 1,
            }
            sums.write("bundle.json", canonical(document))
            published = files("muniment_schemas") / "evidence"
            sums.write("README.txt", (published / "README.txt").read_bytes())
            sums.write("verify.py", (published / "verify.py").read_bytes(), listed=False)
            sums.write("SHA256SUMS", "".join(sorted(sums.lines)).encode(), listed=False)
        digest = measured(new).written(str(path), 0).digest
    return Bundled(
        path, signed.gen, signed.size, carried, opened.opened, opened.withheld, versions.count, digest.hex()
    )


def _write_log(sums: _Sums, log: LogFiles, progress: Progress | None, size: int) -> int:
    carried = 0
    for path, content in log.files():
        sums.write(f"log/{path}", content)
        if path.startswith("tile/entries/"):
            width = path.partition(".p/")[2]
            carried += int(width or TILE_WIDTH)
            if progress is not None:
                progress(carried, size)
    return carried


class _Opened:
    """The lines of the details, counted as they go by."""

    def __init__(self, chosen: Callable[[], Iterator[Chosen]]) -> None:
        self._chosen = chosen
        self.opened = 0
        self.withheld = 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """One for each chosen entry."""
        for one in self._chosen():
            document = _detail(one)
            self.withheld += "withheld" in document
            self.opened += "withheld" not in document
            yield document


def _detail(one: Chosen) -> dict[str, Any]:
    opening, index = one.found.opening, one.found.index
    if one.withheld or opening is None:
        return {"index": index, "withheld": "disposed" if opening is None else "fields"}
    lines = [
        [place, _b64(salt), line.decode("utf-8")]
        for place, (salt, line) in enumerate(opening.lines)
        if one.only is None or _names_one_of(line, one.only)
    ]
    document: dict[str, Any] = {
        "detail": opening.detail.decode("utf-8"),
        "index": index,
        "r": _b64(opening.r),
    }
    if lines:
        document["lines"] = lines
    return document


def _names_one_of(line: bytes, records: frozenset[bytes]) -> bool:
    return bytes.fromhex(json.loads(line)["id"].replace("-", "")) in records


class _Versions:
    """What entries bind: versions in full where they may be shown, else their hash alone."""

    def __init__(self, reader: Reader, shard: int, gen: int, archive: bytes) -> None:
        self._reader = reader
        self._shard = shard
        self._gen = gen
        self._archive = archive
        self.count = 0

    def lines(self, chosen: Iterable[Chosen]) -> Iterator[dict[str, Any]]:
        """One line for each opened entry that binds versions or reasons."""
        for one in chosen:
            if one.found.entry.binding is None or not _binds_versions(one.found.entry.kind):
                continue
            index = one.found.index
            bound: list[dict[str, Any]] = []
            for version in self._written(index):
                if _shows(one, version):
                    self.count += 1
                    bound.append({"version": self._document(version)})
                else:
                    bound.append({"hash": version.hash.hex()})
            for side in self._reader.side_part(self._shard, self._gen, index):
                bound.append({"reason": sha256(side.sealed).hexdigest()})
            if bound:
                yield {"bound": bound, "index": index}

    def shown(self, chosen: Iterable[Chosen]) -> Iterator[Version]:
        """The versions that are shown in full."""
        for one in chosen:
            if one.found.entry.binding is not None and _binds_versions(one.found.entry.kind):
                yield from (version for version in self._written(one.found.index) if _shows(one, version))

    def _written(self, index: int) -> list[Version]:
        found = self._reader.versions_at(self._shard, self._gen, index, index)
        return sorted(found, key=lambda version: (version.record, version.version))

    def _document(self, one: Version) -> dict[str, Any]:
        parts, attached = unpack_live(one.parts)
        return {
            "archive": self._archive.hex(),
            "definition": one.definition,
            "effective_us": one.effective_us,
            "files": [[file.hex(), hashed.hex()] for file, hashed in sorted(attached.items())],
            "operation": one.operation,
            "parts": [[group, hashed.hex()] for group, hashed in sorted(parts.items())],
            "previous": one.prev_hash.hex(),
            "record": one.record.hex(),
            "recorded_us": one.recorded_us,
            "subject": one.subject.hex(),
            "type": one.type,
            "version": one.version,
        }


def _shows(one: Chosen, version: Version) -> bool:
    return one.only is None or version.record in one.only


def _binds_versions(kind: str) -> bool:
    """Erasures bind the hashes of parts instead."""
    return kind not in ("erasure.begin", "erasure.done", "part.expire", "log.dispose", "log.continue")


class _Gaps:
    """Which entry covers a part that was disposed of; read when the first one is missed."""

    def __init__(self, reader: Reader, shard: int) -> None:
        self._reader = reader
        self._shard = shard
        self._found: dict[tuple[bytes, int, bytes], int] | None = None

    def covering(self, record: bytes, group: int, hashed: bytes) -> int | None:
        """Index of the entry that covers the part with that hash, or None."""
        if self._found is None:
            self._found = {(gap.record, gap.grp, gap.hash): gap.seq for gap in self._reader.gaps(self._shard)}
        return self._found.get((record, group, hashed))


def _states_of(
    reader: Reader, shard: int, version: Version, gaps: _Gaps
) -> Iterator[tuple[int, bytes | None, int | None]]:
    """Of each live group of a version: the hash of what is stored, or the entry under which it went."""
    parts, _ = unpack_live(version.parts)
    stored = {
        part.grp: sha256(part.sealed).digest()
        for part in reader.parts_of(shard, version.record, version.version, parts.keys())
    }
    for group, hashed in sorted(parts.items()):
        there = stored.get(group)
        if there == hashed:
            yield group, there, None
            continue
        covering = gaps.covering(version.record, group, hashed)
        yield group, there if covering is None else None, covering


def _parts(reader: Reader, shard: int, versions: Iterable[Version], gaps: _Gaps) -> Iterator[dict[str, Any]]:
    for version in versions:
        for group, there, covering in _states_of(reader, shard, version, gaps):
            line: dict[str, Any] = {
                "group": group,
                "record": version.record.hex(),
                "version": version.version,
            }
            if covering is not None:
                yield {**line, "erased": covering}
            elif there is not None:
                yield {**line, "sha256": there.hex()}
            # One that is neither is left out, and whoever checks the bundle misses it.


def _bundles_of(
    reader: Reader, shard: int, archive: bytes, chosen: Iterable[Chosen], gaps: _Gaps, signed: Checkpoint
) -> frozenset[int]:
    """The numbers of the entry bundles that hold what is opened, and what covers the parts that are gone."""
    wanted = {max(signed.size - 1, 0) // TILE_WIDTH}
    versions = _Versions(reader, shard, signed.gen, archive)
    for one in chosen:
        wanted.add(one.found.index // TILE_WIDTH)
        for version in versions.shown([one]):
            for _, _, covering in _states_of(reader, shard, version, gaps):
                if covering is not None:
                    wanted.add(covering // TILE_WIDTH)
    return frozenset(wanted)


def _b64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")
