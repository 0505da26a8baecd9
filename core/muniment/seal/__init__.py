"""Seals: what turns a version's values, and attached files, into bytes that only their keys open.

A *part* holds every non-empty field of one group of one version of one record.
Its key comes from the facet's data key and from everything the part belongs to
(archive, type, subject, record, version, group), so a part that is moved
anywhere else does not open; it carries a commitment to that key, so no part
opens under two keys. Attached files are sealed in chunks as
c2sp.org/chunked-encryption says. Bytes: ``formats/seals.md`` of muniment_schemas.
"""

from __future__ import annotations

from muniment.seal._box import open_bytes, seal_bytes
from muniment.seal._check import self_test
from muniment.seal._files import FileHeader, FileSeal, file_hash, open_file, read_file_header, seal_file
from muniment.seal._parts import (
    PART_MARK,
    SUITE,
    PartCipher,
    PartHeader,
    open_part,
    part_cipher,
    part_fields,
    part_header,
    part_mac,
    part_slots,
    read_parts,
    seal_fields,
    seal_part,
)

__all__ = [
    "PART_MARK",
    "SUITE",
    "FileHeader",
    "FileSeal",
    "PartCipher",
    "PartHeader",
    "file_hash",
    "open_bytes",
    "open_file",
    "open_part",
    "part_cipher",
    "part_fields",
    "part_header",
    "part_mac",
    "part_slots",
    "read_file_header",
    "read_parts",
    "seal_bytes",
    "seal_fields",
    "seal_file",
    "seal_part",
    "self_test",
]
