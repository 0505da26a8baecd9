"""Where sealed backups go: a folder, or a bucket of an object store that speaks S3."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest
from pathlib import Path
from typing import Any, Protocol

from muniment.errors import ConfigError, StoreError
from muniment.files import sync_folder

__all__ = ["S3", "Folder", "Place", "place_of"]


class Place(Protocol):
    """Keeps files under names."""

    def names(self) -> list[str]:
        """The names of what is there, in order."""

    def put(self, name: str, path: Path) -> None:
        """Keep a file; whole and read back, or an error."""

    def get(self, name: str, path: Path) -> None:
        """Fetch one into a new file."""

    def delete(self, name: str) -> None:
        """Remove one."""


def place_of(address: str) -> Place:
    """The place that an address names.

    Args:
        address: a folder's path, or ``s3://bucket/prefix``.

    Raises:
        ConfigError: ``backup.no_s3`` where the extra is not installed, ``backup.address``.
    """
    if address.startswith("s3://"):
        return S3(address)
    if "://" in address or not address:
        raise ConfigError("backup.address", where=address)
    return Folder(Path(address))


@contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except OSError:
        raise StoreError("backup.place", where=where) from None


class Folder:
    """A folder; it must be there, so that a disk that is not mounted is noticed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """The names of what is there, in order."""
        with _told(str(self._folder)):
            return sorted(path.name for path in self._folder.iterdir() if path.is_file())

    def put(self, name: str, path: Path) -> None:
        """Copy a file there, sync it and compare it."""
        target, beside = self._folder / name, self._folder / f".{name}.part"
        with _told(str(self._folder)):
            try:
                with path.open("rb") as reading, open(beside, "xb", opener=_private) as writing:
                    shutil.copyfileobj(reading, writing, 1 << 20)
                    writing.flush()
                    os.fsync(writing.fileno())
                if _hash(beside) != _hash(path):
                    raise StoreError("backup.place", where=str(target))
                beside.replace(target)
                sync_folder(self._folder)
            finally:
                with suppress(OSError):
                    beside.unlink()

    def get(self, name: str, path: Path) -> None:
        """Copy one into a new file."""
        with _told(str(self._folder / name)):
            shutil.copyfile(self._folder / name, path)

    def delete(self, name: str) -> None:
        """Remove one."""
        with _told(str(self._folder / name)):
            (self._folder / name).unlink(missing_ok=True)
            sync_folder(self._folder)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _hash(path: Path) -> bytes:
    with path.open("rb") as reading:
        return file_digest(reading, "sha256").digest()


class S3:
    """A bucket; credentials and endpoint come from boto3's own places (environment, profile, role)."""

    def __init__(self, address: str) -> None:
        try:
            import boto3
        except ImportError:
            raise ConfigError("backup.no_s3", where=address) from None
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        if not bucket:
            raise ConfigError("backup.address", where=address)
        self._bucket = bucket
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._address = address
        self._client: Any = boto3.client("s3")

    def _do(self, act: Callable[[], Any]) -> Any:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return act()
        except (Boto3Error, BotoCoreError, ClientError, OSError):
            # What the service says may repeat what it was sent.
            raise StoreError("backup.place", where=self._address) from None

    def names(self) -> list[str]:
        """The names of what is there, in order."""

        def act() -> list[str]:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
            return sorted(key.removeprefix(self._prefix) for key in keys)

        found: list[str] = self._do(act)
        return [name for name in found if name and "/" not in name]

    def put(self, name: str, path: Path) -> None:
        """Upload a file; the service checks each piece, and the size is asked for afterwards."""

        def act() -> None:
            self._client.upload_file(str(path), self._bucket, self._prefix + name)
            head = self._client.head_object(Bucket=self._bucket, Key=self._prefix + name)
            if head["ContentLength"] != path.stat().st_size:
                raise OSError

        self._do(act)

    def get(self, name: str, path: Path) -> None:
        """Download one into a new file."""
        self._do(lambda: self._client.download_file(self._bucket, self._prefix + name, str(path)))

    def delete(self, name: str) -> None:
        """Remove one."""
        self._do(lambda: self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name))
