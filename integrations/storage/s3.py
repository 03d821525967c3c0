"""Files in any S3: AWS, MinIO, Cloudflare R2.

Uploads from outside come by a presigned POST, whose policy names key, type and size, or by a
presigned PUT into which length, type and "only if nothing is there" are signed. R2 knows no
presigned POST (developers.cloudflare.com/r2/api/s3/presigned-urls, read 2026-11-21).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, BinaryIO, ParamSpec, TypeVar, cast
from urllib.parse import quote

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from integrations.storage import Kept, NotThere, StoreTrouble, Ticket

P = ParamSpec("P")
T = TypeVar("T")
GONE = {"404", "NoSuchKey", "NotFound"}
IN_MEMORY = 8_000_000


class Bucket(S3Storage):  # type: ignore[misc]
    """A bucket, by the settings of django-storages; `uploads` is "post" or "put"."""

    bucket_name: str
    location: str

    def __init__(self, *, uploads: str = "post", **options: Any) -> None:
        style: Any = options.get("addressing_style") or "auto"
        # Checksums in trailers are new; stores other than AWS do not all know them.
        options["client_config"] = Config(
            signature_version="s3v4",
            s3={"addressing_style": style},
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 3},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(**options)
        self.uploads = uploads

    @property
    def client(self) -> Any:
        """The boto3 client, one for each thread."""
        return self.connection.meta.client

    def ticket(self, key: str, mime: str, size: int, lifetime: timedelta) -> Ticket:
        """Every field of the form is a condition of the policy too, or the store refuses it."""
        seconds = int(lifetime.total_seconds())
        where = {"Bucket": self.bucket_name, "Key": self._whole(key)}
        if self.uploads == "put":
            headers = {"Content-Type": mime, "If-None-Match": "*"}
            # The browser sends Content-Length by itself, and no script may set it.
            named = {"ContentType": mime, "IfNoneMatch": "*", "ContentLength": size}
            with told():
                url = self.client.generate_presigned_url(
                    "put_object", Params={**where, **named}, ExpiresIn=seconds
                )
            return Ticket("PUT", url, headers=headers)
        fields = {"Content-Type": mime, "success_action_status": "201"}
        conditions = [{name: value} for name, value in fields.items()]
        with told():
            made = self.client.generate_presigned_post(
                **where,
                Fields=fields,
                Conditions=[*conditions, ["content-length-range", size, size]],
                ExpiresIn=seconds,
            )
        return Ticket("POST", made["url"], made["fields"])

    def head(self, key: str) -> Kept | None:
        """What the bucket says of it."""
        try:
            with told():
                found = self.client.head_object(Bucket=self.bucket_name, Key=self._whole(key))
        except NotThere:
            return None
        return Kept(key, found["ContentLength"], found["ContentType"], found["LastModified"])

    def fetch(self, key: str) -> BinaryIO:
        """A copy, in memory as long as it is small, so that it can be read again and sought in."""
        made = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - whoever asked closes it
        with told():
            self.client.download_fileobj(self.bucket_name, self._whole(key), made)
        made.seek(0)
        return cast(BinaryIO, made)

    def keep(self, key: str, file: BinaryIO, mime: str) -> None:
        """Put it there; the bucket's own rule says who may read it, and that should be nobody."""
        with told():
            self.client.upload_fileobj(
                Unclosed(file),
                self.bucket_name,
                self._whole(key),
                ExtraArgs={"ContentType": mime, "CacheControl": "private"},
            )

    def remove(self, key: str) -> None:
        """Delete it."""
        with told():
            self.client.delete_object(Bucket=self.bucket_name, Key=self._whole(key))

    def every(self, prefix: str, page: int = 1000) -> Iterator[Kept]:
        """Page by page; a listing does not tell types."""
        own = len(self._whole(""))
        with told():
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket_name,
                Prefix=self._whole(prefix),
                PaginationConfig={"PageSize": page},
            )
            for one in pages:
                for found in one.get("Contents", []):
                    yield Kept(found["Key"][own:], found["Size"], "", found["LastModified"])

    def address(self, key: str, lifetime: timedelta, *, mime: str = "", name: str = "") -> str:
        """A presigned GET."""
        params: dict[str, Any] = {"Bucket": self.bucket_name, "Key": self._whole(key)}
        if mime:
            params["ResponseContentType"] = mime
        if name:
            said = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
            params["ResponseContentDisposition"] = said
        with told():
            url: str = self.client.generate_presigned_url(
                "get_object", Params=params, ExpiresIn=int(lifetime.total_seconds())
            )
        return url

    def _whole(self, key: str) -> str:
        """The key with the prefix of this house."""
        prefix = self.location.strip("/")
        return f"{prefix}/{key}" if prefix else key


class Unclosed:
    """A file that boto3 reads but does not close: whoever opened it may read it again."""

    def __init__(self, file: BinaryIO) -> None:
        self.read: Callable[..., bytes] = file.read
        self.seek, self.tell = file.seek, file.tell

    def close(self) -> None:
        """Leave it open."""


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong between us and the store, as one of our own two errors."""
    try:
        yield
    except ClientError as problem:
        code = str(problem.response.get("Error", {}).get("Code", ""))
        if code in GONE:
            raise NotThere("Nothing is kept under this key.") from None
        raise StoreTrouble(f"The store of files refused a request ({code}).") from None
    except BotoCoreError as problem:
        raise StoreTrouble(f"The store of files: {type(problem).__name__}.") from None
