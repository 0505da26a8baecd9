"""Tools that nobody here wrote check what muniment writes: Go's checksum database, tlog-scales, sigstore.

They are installed by ``make interop``. The programs that feed them are ours; what checks is theirs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path
from types import SimpleNamespace

import pytest

from muniment.log.checkpoint import COSIGNER, Checkpoint, attach, cosign, sign, verifier_key
from muniment.log.proof import make_proof
from muniment.log.tiles import export_tree, tile_hashes
from muniment.log.tree import consistency_proof, inclusion_proof, leaf_hashes, root_of

pytestmark = pytest.mark.interop

SIZES = (1, 2, 255, 256, 257, 1_000, 65_537)
ORIGIN = "example.com/interop/0.0"
SEED = bytes(range(32))
KEY = verifier_key(ORIGIN, SEED)
WITNESS = verifier_key("witness.example.com", SEED, signature_type=COSIGNER)


def entry(index: int) -> bytes:
    return f'{{"index":{index}}}'.encode()


def places(size: int) -> list[int]:
    """Places at which trees bend: the ends, around powers of two and tiles."""
    near = {
        0,
        1,
        size // 2,
        size - 1,
        *(at + by for at in (2, 128, 256, 512, 32_768, 65_536) for by in (-1, 0, 1)),
    }
    return sorted(at for at in near if 0 <= at < size)


@pytest.fixture(scope="module", params=SIZES)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of that size as files, with what muniment proves of it."""
    size = request.param
    folder = tmp_path_factory.mktemp(f"log{size}")
    held: dict[str, bytes] = {}
    for path, content in export_tree(map(entry, range(size)), size):
        held[path] = content
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    leaves = leaf_hashes(map(entry, range(size)))
    note = sign(Checkpoint(ORIGIN, size, root_of(leaves)), SEED)
    note = attach(note, [cosign(note, WITNESS.name, SEED, 1_767_225_600)])
    (folder / "checkpoint").write_text(note, encoding="utf-8")
    hash_of = tile_hashes(held.__getitem__, size)
    proofs = {
        "Inclusion": [
            {
                "Index": at,
                "Entry": _b64(entry(at)),
                "Path": [_b64(one) for one in inclusion_proof(at, size, hash_of)],
            }
            for at in places(size)
        ],
        "Consistency": [
            {
                "Old": at,
                "Root": _b64(root_of(leaves[:at])),
                "Path": [_b64(one) for one in consistency_proof(at, size, hash_of)],
            }
            for at in places(size)
            if at
        ],
    }
    (folder / "proofs.json").write_text(json.dumps(proofs), encoding="utf-8")
    return folder


def _b64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


@pytest.fixture(scope="module")
def go_verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program built with the packages that come with Go itself, without any network."""
    go = shutil.which("go", path=str(Path(os.sys.executable).parent)) or shutil.which("go")
    assert go is not None, "make interop installs Go"
    root = subprocess.run([go, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    work = tmp_path_factory.mktemp("go")
    shutil.copytree(Path(root) / "src/cmd/vendor/golang.org/x/mod/sumdb", work / "mod/sumdb")
    shutil.copytree(Path(root) / "src/cmd/vendor/golang.org/x/mod/internal", work / "mod/internal")
    (work / "mod/go.mod").write_text("module golang.org/x/mod\n\ngo 1.22\n", encoding="utf-8")
    for other in ("sumdb/client.go", "sumdb/server.go", "sumdb/test.go", "sumdb/cache.go"):
        (work / "mod" / other).unlink(missing_ok=True)
    shutil.rmtree(work / "mod/sumdb/dirhash", ignore_errors=True)
    (work / "go.mod").write_text(
        "module interop\n\ngo 1.22\n\nrequire golang.org/x/mod v0.0.0\n\n"
        "replace golang.org/x/mod v0.0.0 => ./mod\n",
        encoding="utf-8",
    )
    shutil.copy(Path(__file__).with_name("verify.go"), work / "main.go")
    environ = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local",
               "GOCACHE": str(work / "cache"), "GOPATH": str(work / "path"), "CGO_ENABLED": "0"}  # fmt: skip
    subprocess.run([go, "build", "-o", "verify", "."], cwd=work, env=environ, check=True)
    return work / "verify"


def test_go_reads_the_checkpoint_and_proves_from_our_tiles(go_verifier, log):
    """sumdb/note opens the note; sumdb/tlog checks our proofs and makes its own from our tiles."""
    done = subprocess.run([go_verifier, log, KEY.text], capture_output=True, text=True, check=False)
    assert (0, True) == (done.returncode, done.stdout.startswith("OK ")), done.stdout


ALTER = {
    "tile/0": lambda data: bytes(len(data)),
    "tile/1": lambda data: bytes(len(data)),
    "proofs.json": lambda data: data.replace(b'"Entry": "e', b'"Entry": "f'),
    "checkpoint": lambda data: data.replace(b"example", b"another", 1),
}


@pytest.mark.parametrize("what", ALTER)
def test_go_refuses_what_was_altered(go_verifier, log, tmp_path, what):
    """So that what it said of the others means something."""
    shutil.copytree(log, tmp_path / "log")
    place = tmp_path / "log" / what
    files = [place] if place.is_file() else sorted(one for one in place.rglob("*") if one.is_file())
    size = int((log / "checkpoint").read_text(encoding="utf-8").split("\n")[1])
    if not files or (what == "tile/0" and size == 1):
        return  # a log that small has no such tile, or none that is needed
    for one in files:
        one.write_bytes(ALTER[what](one.read_bytes()))
    done = subprocess.run(
        [go_verifier, tmp_path / "log", KEY.text], capture_output=True, text=True, check=False
    )
    assert (1, True) == (done.returncode, done.stdout.startswith("REFUSED")), done.stdout


def test_tlog_scales_reads_entries_and_proofs(log):
    """Another implementation of c2sp.org/tlog-tiles, its signatures and cosignatures too."""
    from tlog_scales.backend import LocalBackend
    from tlog_scales.reader import TilesReader
    from tlog_scales.signing import Vkey
    from tlog_scales.tiles import leaf_hash

    reader = TilesReader(LocalBackend(log))
    checkpoint = reader.get_checkpoint()
    checkpoint.verify(Vkey.from_string(KEY.text))
    checkpoint.verify(Vkey.from_string(WITNESS.text))
    for at in places(checkpoint.size):
        assert entry(at) == reader.get_entry(at)
        proof = reader.get_inclusion_proof(at, checkpoint.size)
        proof.check(leaf_hash(entry(at)), checkpoint.root_hash)
        if at:
            older = reader.get_consistency_proof(at, checkpoint.size)
            older.check(root_of(leaf_hashes(map(entry, range(at)))), checkpoint.root_hash)


def test_sigstore_verifies_our_inclusion_proofs(log):
    """Its Merkle verification comes from another line than Go's."""
    from sigstore._internal.merkle import verify_merkle_inclusion
    from sigstore.errors import VerificationError

    size = int((log / "checkpoint").read_text(encoding="utf-8").split("\n")[1])
    hash_of = tile_hashes(lambda path: (log / path).read_bytes(), size)
    root = root_of(leaf_hashes(map(entry, range(size))))
    for at in places(size):
        proof = SimpleNamespace(
            log_index=at, tree_size=size, root_hash=root, hashes=inclusion_proof(at, size, hash_of)
        )
        made = SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=entry(at)))
        verify_merkle_inclusion(made)
        made._inner.canonicalized_body = b"forged"
        with pytest.raises(VerificationError):
            verify_merkle_inclusion(made)


def test_the_proof_of_one_entry_is_the_one_that_tlog_scales_would_write(log):
    """c2sp.org/tlog-proof, but for the line with the entry."""
    from tlog_scales.backend import LocalBackend
    from tlog_scales.reader import TilesReader
    from tlog_scales.utils import b64enc

    note = (log / "checkpoint").read_text(encoding="utf-8")
    size = int(note.split("\n")[1])
    ours = make_proof(
        entry(size - 1), size - 1, tile_hashes(lambda path: (log / path).read_bytes(), size), note
    )
    reader = TilesReader(LocalBackend(log))
    reader.get_checkpoint()
    theirs = reader.get_inclusion_proof(size - 1, size)
    lines = ["c2sp.org/tlog-proof@v1", f"index {size - 1}", *map(b64enc, theirs.node_hashes), "", note]
    assert "\n".join(lines) == "\n".join(one for one in ours.split("\n") if not one.startswith("extra "))
