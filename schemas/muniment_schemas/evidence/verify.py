#!/usr/bin/env python3
"""Checks a bundle of evidence with nothing but Python: no muniment, no keys, no network.

    python3 verify.py [BUNDLE] --key VKEY [--trusted CHECKPOINT]... [--witness VKEY]... [--quorum N]

BUNDLE is the ZIP file or the folder it was unpacked to; by default the folder
this file lies in. VKEY is the log's verifier key: take it from whoever set the
archive up, never from the bundle. A checkpoint that you kept from before is
the only thing that finds a log whose past was rewritten or whose end was cut
off by somebody who holds the signing key.

Exit codes: 0 everything holds under your key; 1 the arguments or the file are
wrong; 3 something was altered, and it is named; 4 the bundle agrees with
itself, but no key was given, so nobody vouches for it.

The forms: RFC 6962 (tree), RFC 8032 (Ed25519), C2SP signed-note,
tlog-checkpoint, tlog-tiles, tlog-cosignature; the rest in formats/evidence.md.
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import pathlib
import re
import struct
import sys
import time
import zipfile


class Altered(Exception):
    """Something does not agree; the text names it."""


class Unusable(Exception):
    """The bundle or an argument cannot be read at all."""


def sha256(data):
    return hashlib.sha256(data).digest()


def unb64(text):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Altered(f"not base64: {text[:40]!r}") from None


# Ed25519, RFC 8032 section 5.1: points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def decompress(data):
    """The point that 32 bytes stand for, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    u, v = y * y - 1, D * y * y + 1
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (v * x * x - u) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed(public, message, signature):
    """Whether an Ed25519 signature holds."""
    point, nonce = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or point is None or nonce is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = times(s, BASE), add(nonce, times(k, point))
    return not (
        (left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P
    )


# Signed notes: text, blank line, lines "- name base64(key id | signature)" with a long dash.


def verifier_key(text, kind):
    """Name, key id and public key of a verifier key of that type (1 a log, 4 a witness)."""
    try:
        name, key_id, encoded = text.strip().split("+", 2)
        material = base64.b64decode(encoded, validate=True)
        wanted = sha256(name.encode() + b"\n" + material)[:4]
        if len(material) != 33 or material[0] != kind or wanted.hex() != key_id.lower():
            raise ValueError
    except ValueError:
        raise Unusable(f"not a verifier key: {text[:60]!r}") from None
    return name, wanted, material[1:]


def witness_key(text):
    """A witness's key, and the first and last day on which it counts: VKEY [from DAY] [until DAY]."""
    text, *rest = text.split() or [""]
    days = dict(zip(rest[::2], rest[1::2]))
    if len(rest) != 2 * len(days) or set(days) - {"from", "until"}:
        raise Unusable("a witness is given as 'VKEY [from DAY] [until DAY]'")
    return (*verifier_key(text, 4), days.get("from", ""), days.get("until", "9999"))


class Note:
    """A checkpoint: what it states, and who signed it."""

    def __init__(self, data, where):
        self.where = where
        try:
            text, _, tail = data.decode().rpartition("\n\n")
            self.text = text + "\n"
            self.origin, size, root = self.text.split("\n")[:3]
            self.size, self.root = int(size), base64.b64decode(root, validate=True)
            self.lines = [line.split(" ") for line in tail.splitlines()]
            if len(self.root) != 32 or any(len(line) != 3 or line[0] != "\u2014" for line in self.lines):
                raise ValueError
        except ValueError:
            raise Altered(f"{where} is not a checkpoint") from None

    def signatures(self, name, key_id):
        found = [unb64(line[2]) for line in self.lines if line[1] == name]
        return [blob[4:] for blob in found if blob[:4] == key_id]

    def check(self, key):
        name, _, public = key
        if self.origin.rpartition(".")[0] != name.rpartition(".")[0]:
            raise Altered(f"{self.where} is of the log {self.origin}, your key is of {name}")
        # One seed signs every generation of a log; only the number behind the last dot differs.
        key_id = sha256(self.origin.encode() + b"\n\x01" + public)[:4]
        found = self.signatures(self.origin, key_id)
        if not found or not all(signed(public, self.text.encode(), one) for one in found):
            raise Altered(f"{self.where} is not signed with your key")

    def witnessed(self, key):
        """When the witness vouched for it, or None."""
        name, key_id, public = key
        times_seen = []
        for blob in self.signatures(name, key_id):
            when = int.from_bytes(blob[:8], "big")
            if not signed(public, f"cosignature/v1\ntime {when}\n{self.text}".encode(), blob[8:]):
                raise Altered(f"{self.where}: the line of the witness {name} is not signed by it")
            times_seen.append(when)
        return max(times_seen, default=None)


# The tree, RFC 6962: leaf = SHA-256(0 | entry), node = SHA-256(1 | left | right).


class Range:
    """The complete subtrees over all that was added so far, largest first."""

    def __init__(self):
        self.rows = []

    def add(self, width, hashed):
        while self.rows and self.rows[-1][0] == width:
            hashed = sha256(b"\x01" + self.rows.pop()[1] + hashed)
            width *= 2
        self.rows.append((width, hashed))

    def root(self):
        if not self.rows:
            return sha256(b"")
        hashed = self.rows[-1][1]
        for _, left in reversed(self.rows[:-1]):
            hashed = sha256(b"\x01" + left + hashed)
        return hashed


def root_of(hashes):
    tree = Range()
    for hashed in hashes:
        tree.add(1, hashed)
    return tree.root()


def cut(data):
    return [data[at : at + 32] for at in range(0, len(data), 32)]


class Bundle:
    """The files of a bundle, out of a ZIP file or a folder."""

    def __init__(self, path):
        path = pathlib.Path(path)
        try:
            self.zip = None if path.is_dir() else zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile):
            raise Unusable(f"cannot be opened: {path}") from None
        self.folder = path
        if self.zip:
            listed = [name for name in self.zip.namelist() if not name.endswith("/")]
            self.names = set(listed)
            if len(listed) != len(self.names):
                raise Altered("a name stands in the ZIP file twice")
        else:
            self.names = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}

    def open(self, name):
        if name not in self.names:
            raise Altered(f"{name} is missing")
        return self.zip.open(name) if self.zip else (self.folder / name).open("rb")

    def read(self, name):
        with self.open(name) as file:
            return file.read()

    def lines(self, name):
        if name in self.names:
            with self.open(name) as file:
                for number, line in enumerate(file, 1):
                    try:
                        yield json.loads(line)
                    except ValueError:
                        raise Altered(f"{name}, line {number} is not JSON") from None

    def check_sums(self):
        listed = {}
        for line in self.read("SHA256SUMS").decode().splitlines():
            digest, _, name = line.partition("  ")
            listed[name] = digest
        for name in sorted(self.names - {"SHA256SUMS", "verify.py"} | listed.keys() - {"verify.py"}):
            digest = hashlib.sha256()
            with self.open(name) as file:
                while data := file.read(1 << 20):
                    digest.update(data)
            if listed.get(name) != digest.hexdigest():
                raise Altered(f"{name} is not the file that SHA256SUMS lists")


def number_of(path):
    """Index and width of a tile or an entry bundle, from its path."""
    found = re.fullmatch(r"((?:x\d{3}/)*\d{3})(?:\.p/(\d+))?", path)
    if not found:
        raise Altered(f"not a tile: {path}")
    return int(found[1].replace("x", "").replace("/", "")), int(found[2] or 256)


class Log:
    """The entries that are there, and the tree over all of them."""

    def __init__(self, bundle, note):
        self.size, self.origin = note.size, note.origin
        self.entries, self.tiles = {}, {}
        for name in bundle.names:
            kind, _, rest = name.removeprefix("log/tile/").partition("/")
            if not name.startswith("log/tile/"):
                continue
            index, width = number_of(rest)
            level = 0 if kind == "entries" else int(kind)
            if not 0 < width <= 256 or index * 256 + width > self.size >> 8 * level:
                raise Altered(f"{name} lies beyond the size of the checkpoint, {self.size}")
            if kind == "entries":
                self._unpack(bundle.read(name), name, index, width)
            else:
                self.tiles[level, index] = cut(bundle.read(name))
                if len(self.tiles[level, index]) != width:
                    raise Altered(f"{name} has another length than it must")
        self.leaves = {index: [sha256(b"\x00" + one) for one in some] for index, some in self.entries.items()}
        for index, hashes in self.leaves.items():
            kept = self.tiles.setdefault((0, index), hashes)
            for place, (one, other) in enumerate(zip(hashes, kept)):
                if one != other:
                    raise Altered(f"entry {index * 256 + place} is not the one its tile was made of")
            if len(hashes) != len(kept):
                raise Altered(f"the entries from {index * 256} on are not as many as their tile has")
        for (level, index), hashes in sorted(self.tiles.items()):
            above = self.tiles.get((level + 1, index // 256))
            if len(hashes) == 256 and above and root_of(hashes) != above[index % 256]:
                raise Altered(
                    f"tile {index} of level {level}, from entry {index << 8 * level + 8} on, "
                    "does not give the hash above it"
                )
        if self.root_at(self.size) != note.root:
            raise Altered("the entries and hashes do not give the root of the checkpoint")

    def _unpack(self, data, name, index, width):
        some, at = [], 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 2], "big")
            some.append(data[at + 2 : at + 2 + length])
            at += 2 + length
        if at != len(data) or len(some) != width:
            raise Altered(f"{name} is not a whole bundle of {width} entries")
        self.entries[index] = some

    def root_at(self, size):
        """The root when the log had that many entries; None where the bundle does not reach."""
        tree = Range()
        for index in range(size // 256):
            above, own = self.tiles.get((1, index // 256)), self.tiles.get((0, index))
            if own and len(own) == 256:
                tree.add(256, root_of(own))
            elif above and index % 256 < len(above):
                tree.add(256, above[index % 256])
            else:
                return None
        if size % 256:
            own = self.tiles.get((0, size // 256))
            if not own or len(own) < size % 256:
                return None
            for hashed in own[: size % 256]:
                tree.add(1, hashed)
        return tree.root()

    def entry(self, index):
        some = self.entries.get(index // 256)
        if index < 0 or not some or index % 256 >= len(some):
            raise Altered(f"entry {index} is opened, but is not in the bundle")
        return json.loads(some[index % 256])

    def read_all(self):
        """Every entry there is, in order; each must be an entry, and time must not run back."""
        before = ""
        for index in sorted(self.entries):
            for place, data in enumerate(self.entries[index]):
                try:
                    entry = json.loads(data)
                    if entry["v"] != 1 or entry["t"] < before or len(unb64(entry["c"])) != 32:
                        raise ValueError
                except (ValueError, KeyError, TypeError):
                    raise Altered(
                        f"entry {index * 256 + place} is not an entry that may stand there"
                    ) from None
                before = entry["t"]
                yield index * 256 + place, entry


VERSION = struct.Struct(">20s16s16sQII16sBqq32s")


def version_hash(one):
    """The hash that binds every column of a version."""
    live = b"".join(struct.pack(">H32s", group, bytes.fromhex(part)) for group, part in one["parts"])
    live += b"".join(
        struct.pack(">H16s32s", 0xFFFF, bytes.fromhex(file), bytes.fromhex(hashed))
        for file, hashed in one["files"]
    )
    names = (
        "archive",
        "record",
        "version",
        "type",
        "definition",
        "subject",
        "operation",
        "recorded_us",
        "effective_us",
        "previous",
    )
    values = [bytes.fromhex(one[name]) if isinstance(one[name], str) else one[name] for name in names]
    return sha256(VERSION.pack(b"muniment/version/v1\n", *values) + live)


def check_details(bundle, log):
    """Every opened detail is what its entry committed to; gives how many, and which."""
    opened = set()
    for one in bundle.lines("details.ndjson"):
        index = one["index"]
        entry = log.entry(index)
        if "withheld" in one:
            continue
        detail = one["detail"].encode()
        if sha256(b"muniment/detail/v1\n" + unb64(one["r"]) + detail) != unb64(entry["c"]):
            raise Altered(f"the detail of entry {index} is not the one it committed to")
        said = json.loads(detail)
        if said["kind"] != entry["k"] or said["time"] != entry["t"]:
            raise Altered(f"the detail of entry {index} is of another kind or time")
        for place, salt, line in one.get("lines", ()):
            named = said.get("records", [])
            if not 0 <= place < len(named) or unb64(named[place]) != sha256(unb64(salt) + line.encode()):
                raise Altered(f"line {place} of entry {index} is not one that it names")
        opened.add(index)
    return opened


def check_versions(bundle, log):
    """The versions that an entry wrote are those it binds; gives how many, and the parts each has."""
    known, count, parts, shown = {}, 0, {}, set()
    for one in bundle.lines("versions.ndjson"):
        index, bound = one["index"], b""
        shown.add(index)
        for item in one["bound"]:
            hashed = bytes.fromhex(item.get("hash") or item.get("reason") or "")
            if "version" in item:
                version = item["version"]
                hashed = version_hash(version)
                name = version["record"], version["version"]
                known[name] = hashed
                earlier = known.get((name[0], name[1] - 1))
                if earlier is not None and earlier.hex() != version["previous"]:
                    raise Altered(f"version {name[1]} of record {name[0]} does not follow the one before")
                for group, part in version["parts"]:
                    parts[(*name, group)] = part
                count += 1
            bound += hashed
        if unb64(log.entry(index).get("b", "")) != sha256(bound):
            raise Altered(f"entry {index} does not bind these versions")
    return count, parts


def check_parts(bundle, log, parts):
    """Every sealed part that is there is the one its version names; gives (stored, erased)."""
    seen, erased = set(), 0
    for one in bundle.lines("parts.ndjson"):
        name = one["record"], one["version"], one["group"]
        where = f"group {name[2]} of version {name[1]} of record {name[0]}"
        if name not in parts:
            raise Altered(f"{where} belongs to no version here")
        seen.add(name)
        if "erased" in one:
            entry = log.entry(one["erased"])
            if entry["k"] not in ("erasure.begin", "erasure.done", "part.expire"):
                raise Altered(f"{where} is said to be erased by entry {one['erased']}, which erases nothing")
            erased += 1
        elif one.get("sha256") != parts[name]:
            raise Altered(f"{where} is not the sealed part that the version names")
    if missing := parts.keys() - seen:
        raise Altered(
            "group {2} of version {1} of record {0} is neither stored nor erased".format(*min(missing))
        )
    return len(seen) - erased, erased


def check_tags(bundle, log, opened, whole):
    """With a subject's or an actor's tag key: all entries that carry their tag are opened here."""
    if "tags.json" not in bundle.names:
        return
    for one in json.loads(bundle.read("tags.json")):
        key, tagged = unb64(one["key"]), set()
        for index, entry in log.read_all():
            tag = base64.b64encode(
                hmac.digest(key, b"muniment/tag/v1\n" + unb64(entry["c"]), "sha256")[:16]
            ).decode()
            if tag == entry["a"] if one["of"] == "actor" else tag in entry.get("s", ()):
                tagged.add(index)
        missing = sorted(tagged - opened)
        if missing:
            raise Altered(f"entry {missing[0]} carries the tag of {one['of']} {one['id']}, but is not opened")
        reach = "the whole log" if whole else "the entries in this bundle"
        whom = f"{one['of']} {one['id']}"
        print(f"complete: the {len(tagged)} entries of {reach} with the tag of {whom} are all opened")


def check_trusted(log, key, paths):
    """Each checkpoint kept from before is an earlier state of this log; gives the newest size."""
    newest = 0
    for path in paths:
        try:
            note = Note(pathlib.Path(path).read_bytes(), path)
        except OSError:
            raise Unusable(f"cannot be read: {path}") from None
        if key:
            note.check(key)
        if note.origin != log.origin:
            raise Unusable(f"{path} is of the log {note.origin}: ask for a bundle of that generation too")
        if note.size > log.size:
            raise Altered(
                f"the log was cut or rolled back: {path} has {note.size} entries, this log {log.size}"
            )
        root = log.root_at(note.size)
        if root is None:
            raise Unusable(
                f"the bundle does not reach {path}: ask for one made with `--earlier` and that file"
            )
        if root != note.root:
            raise Altered(f"the past was rewritten: at {note.size} entries the log is not that of {path}")
        newest = max(newest, note.size)
    return newest


def check_witnesses(log, key, witnesses, note):
    """Each witness that vouched for a checkpoint of this log is named; gives the size by witness."""
    if note.origin != log.origin or note.size > log.size or log.root_at(note.size) not in (note.root, None):
        raise Altered(f"{note.where} is not an earlier state of this log")
    if key:
        note.check(key)
    sizes = {}
    for *witness, first, last in witnesses:
        when = note.witnessed(witness)
        if when is not None and log.root_at(note.size) == note.root:
            seen = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(when))
            counts = first <= seen[:10] <= last
            print(
                f"witness {witness[0]} saw {note.size} entries at {seen}"
                + ("" if counts else ", when its key did not count")
            )
            if counts:
                sizes[witness[0]] = note.size
    return sizes


def main(arguments=None):
    """Check one bundle; see the top of the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", nargs="?", default=str(pathlib.Path(__file__).resolve().parent))
    parser.add_argument("--key", help="the log's verifier key, from elsewhere")
    parser.add_argument("--trusted", action="append", default=[], help="a checkpoint that you kept")
    parser.add_argument("--witness", action="append", default=[], help="'VKEY [from DAY] [until DAY]'")
    parser.add_argument("--quorum", type=int, default=1, help="so many witnesses must have seen an entry")
    given = parser.parse_args(arguments)
    key = verifier_key(given.key, 1) if given.key else None
    witnesses = [witness_key(text) for text in given.witness]
    bundle = Bundle(given.bundle)
    note = Note(bundle.read("log/checkpoint"), "log/checkpoint")
    if key:
        note.check(key)
    log = Log(bundle, note)
    newest = check_trusted(log, key, given.trusted)
    sizes = {}
    earlier = [Note(bundle.read(one), one) for one in sorted(bundle.names) if one.startswith("earlier/")]
    for one in (*earlier, note):
        for name, size in check_witnesses(log, key, witnesses, one).items():
            sizes[name] = max(size, sizes.get(name, 0))
    # What the last of a quorum saw, all the others of it saw too.
    newest = max([newest, *sorted(sizes.values(), reverse=True)[max(given.quorum, 1) - 1 :]])
    if newest < note.size:
        print(
            f"Nothing outside vouches for the entries from {newest} on: whoever holds the signing key "
            "could have written them anew. Keep this checkpoint, and compare with it next time."
        )
    else:
        print(f"All {note.size} entries are vouched for from outside.")
    bundle.check_sums()
    here = sum(1 for _ in log.read_all())
    opened = check_details(bundle, log)
    versions, parts = check_versions(bundle, log)
    stored, erased = check_parts(bundle, log, parts)
    print(f"log {note.origin}: {note.size} entries, {here} of them here, {len(opened)} opened")
    if not note.origin.endswith(".0"):
        print("A restore gave entries up: this is not the first generation of the log. Ask for those before.")
    print(f"versions {versions}, sealed parts {stored}, erased under an entry {erased}")
    check_tags(bundle, log, opened, here == note.size)
    if not key:
        print("CONSISTENT WITH ITSELF ONLY: give --key with the log's verifier key from elsewhere.")
        return 4
    print("VERIFIED under the key that you gave.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Altered as error:
        print(f"ALTERED: {error}")
        sys.exit(3)
    except Unusable as error:
        print(f"NOT CHECKED: {error}")
        sys.exit(1)
    except (KeyError, TypeError, ValueError, IndexError, struct.error) as error:
        print(f"ALTERED: a file of the bundle has another form ({type(error).__name__})")
        sys.exit(3)
