"""Runs LocalStack's S3 in an environment of its own: it checks policies and signatures.

`python -m tests.s3.server` only makes that environment, from the locked list beside this file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from deploy.broker import free_port

HERE = Path(__file__).resolve().parent
HOME = HERE.parents[1] / ".venv-s3"
WANTED = HERE / "requirements.txt"
START_SECONDS = 90
KEY, SECRET = "test", "test"
"""LocalStack checks signatures against these alone; they open nothing else."""


class NotReadyError(Exception):
    """The server cannot be installed or started here; the message says what is missing."""


def install() -> Path:
    """The environment's Python; made anew when the locked list has changed."""
    python, mark = HOME / "bin" / "python", HOME / ".ready"
    seal = hashlib.sha256(WANTED.read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() == seal:
        return python
    shutil.rmtree(HOME, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    steps = (
        [sys.executable, "-m", "venv", "--without-pip", str(HOME)],
        [*pip, "--disable-pip-version-check", "--require-hashes", "-r", str(WANTED)],
    )
    for step in steps:
        if subprocess.run(step, check=False).returncode:
            raise NotReadyError(f"LocalStack cannot be installed here: {' '.join(step)}")
    mark.write_text(seal)
    return python


@contextmanager
def running() -> Iterator[str]:
    """The address of a fresh S3; ended with the block."""
    python, port = install(), free_port()
    with tempfile.TemporaryDirectory(prefix="postrider-s3-") as folder:
        # Nothing of this process's own: a server of somebody else's gets no secrets of ours.
        env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": folder,
            "TMPDIR": folder,
            "LOCALSTACK_VOLUME_DIR": folder,
            "FILESYSTEM_ROOT": folder,
            "SERVICES": "s3",
            "STRICT_SERVICE_LOADING": "1",
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "S3_SKIP_SIGNATURE_VALIDATION": "0",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
        }
        log = Path(folder) / "log"
        with log.open("wb") as said:
            command = [str(python), "-m", "localstack.runtime.main"]
            process = subprocess.Popen(command, env=env, cwd=folder, stdout=said, stderr=said)
            try:
                _wait(process, f"http://127.0.0.1:{port}", log)
                yield f"http://127.0.0.1:{port}"
            finally:
                _stop(process)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends_at = time.monotonic() + START_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            if requests.get(f"{url}/_localstack/health", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise NotReadyError(f"LocalStack did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    install()
