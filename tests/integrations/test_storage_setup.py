"""What an operator sets and reads about files: settings, the bucket's rules, two houses in one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "media.md").read_text()
SHOW = (
    "import json; from django.conf import settings;"
    " print(json.dumps(settings.STORAGES, default=str))"
)
WHOLE = {
    "S3_BUCKET": "files",
    "S3_REGION": "eu-central-1",
    "S3_KEY": "AKIAEXAMPLE",
    "S3_SECRET": "the-secret-of-the-store",
    "S3_PREFIX": "/production/",
}


def storages(**changes: str) -> Any:
    """Where files go, with these variables."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings", **changes}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def written(word: str) -> Any:
    """The JSON of the guide that has this word in it."""
    blocks = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    return json.loads(next(block for block in blocks if word in block))


def test_one_set_of_names_leads_to_the_bucket() -> None:
    kept = storages(**WHOLE)["default"]
    assert kept["BACKEND"] == "integrations.storage.s3.Bucket"
    assert kept["OPTIONS"] == {
        "uploads": "post",
        "bucket_name": "files",
        "region_name": "eu-central-1",
        "endpoint_url": None,
        "access_key": "AKIAEXAMPLE",
        "secret_key": "the-secret-of-the-store",
        "location": "production",
        "addressing_style": "auto",
    }


def test_another_endpoint_needs_no_region() -> None:
    place = {"S3_ENDPOINT": "https://account.r2.cloudflarestorage.com", "S3_REGION": ""}
    kept = storages(**{**WHOLE, **place, "S3_UPLOADS": "put"})["default"]["OPTIONS"]
    assert (kept["region_name"], kept["uploads"]) == ("auto", "put")
    assert kept["endpoint_url"] == "https://account.r2.cloudflarestorage.com"


def test_development_and_production_have_places_of_their_own() -> None:
    one, other = (storages(**{**WHOLE, "S3_PREFIX": p})["default"] for p in ("dev", "prod"))
    assert one["OPTIONS"]["location"] != other["OPTIONS"]["location"]
    assert storages(S3_BUCKET="")["default"]["BACKEND"] == "integrations.storage.disk.Disk"


def test_static_files_are_no_part_of_the_bucket() -> None:
    static = storages(**WHOLE)["staticfiles"]["BACKEND"]
    assert static.rpartition(".")[2] in (
        "StaticFilesStorage",
        "CompressedManifestStaticFilesStorage",
    )


def test_the_guide_lets_one_site_in_and_no_other() -> None:
    [rule] = written("AllowedOrigins")
    assert rule["AllowedOrigins"] == ["https://post.example.org"]
    assert set(rule["AllowedMethods"]) == {"POST", "PUT"}
    assert "*" not in json.dumps(rule)


def test_the_guide_gives_the_key_what_the_code_asks_for_and_no_more() -> None:
    policy = written("Statement")["Statement"]
    allowed = {
        action
        for rule in policy
        for action in ([rule["Action"]] if isinstance(rule["Action"], str) else rule["Action"])
    }
    code = (ROOT / "integrations" / "storage" / "s3.py").read_text()
    asked = {
        "s3:PutObject": "upload_fileobj",
        "s3:GetObject": "download_fileobj",
        "s3:DeleteObject": "delete_object",
        "s3:ListBucket": "list_objects_v2",
    }
    assert all(call in code for call in asked.values())
    assert allowed == {*asked, "s3:AbortMultipartUpload"}
    assert "*" not in allowed
    assert "Principal" not in json.dumps(policy)
    assert "no public-read policy is needed" in GUIDE


@pytest.mark.parametrize("name", [*WHOLE, "S3_ENDPOINT", "S3_ADDRESSING", "S3_UPLOADS"])
def test_the_guide_names_every_setting(name: str) -> None:
    assert f"`{name}`" in GUIDE
