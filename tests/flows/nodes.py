"""Nodes of pytest-celery that are processes of this machine: no container engine is needed.

`Process` answers like a container of the Docker SDK, so pytest-celery's own node classes work on
top of it unchanged.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from pytest_celery import CeleryWorkerContainer, RedisContainer

from deploy.broker import free_port, redis_command
from deploy.keep import dying_with_me

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """A child process that behaves like a raw container; stopped by its process group's id."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str]) -> None:
        self.command, self.folder = [str(part) for part in command], folder
        self.env = {**os.environ, **env}
        self.id = uuid.uuid4().hex
        self.name = f"{Path(command[0]).name}-{self.id[:8]}"
        self.log = folder / f"{self.name}.log"
        self.attrs: dict[str, Any] = {
            "NetworkSettings": {"Networks": {}, "Ports": {}},
            "HostConfig": {"PortBindings": {}},
            "Config": {"Hostname": "127.0.0.1", "Env": [], "Labels": {}},
        }
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> Process:
        """Run the command in a process group of its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self.child = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.env,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dying_with_me(signal.SIGKILL),
            )
        return self

    @property
    def status(self) -> str:
        """Docker's words for alive and not."""
        if self.child is None:
            return "created"
        return "running" if self.child.poll() is None else "exited"

    def reload(self) -> None:
        """The status is always fresh here."""

    def kill(self, signal: str | int | None = None) -> None:
        """SIGKILL for the whole group, any other signal for the process."""
        self._signal(signal)

    def _signal(self, wanted: str | int | None) -> None:
        if self.child is None or self.child.poll() is not None:
            return
        number = getattr(signal, wanted) if isinstance(wanted, str) else wanted
        if number in (None, signal.SIGKILL):
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait(10)
        else:
            self.child.send_signal(number)

    def stop(self, timeout: float = 10) -> None:
        """SIGTERM, then SIGKILL."""
        if self.child is None or self.child.poll() is not None:
            return
        self.child.terminate()
        try:
            self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)

    def restart(self, timeout: float = 10) -> None:
        """Stop and start."""
        self.stop(timeout)
        self.start()

    def remove(self, **_: Any) -> None:
        """Gone, whatever it was doing."""
        self._signal(signal.SIGKILL)

    def logs(self, **_: Any) -> bytes:
        """Everything it printed."""
        return self.log.read_bytes() if self.log.exists() else b""

    def wait_for_end(self, seconds: float) -> int:
        """The exit code; raises TimeoutExpired."""
        assert self.child is not None
        return self.child.wait(seconds)


class RedisProcess(RedisContainer):
    """A redis-server with append-only persistence on a free port; survives its own restart."""

    @classmethod
    def launch(cls, folder: Path) -> RedisProcess:
        """Start one and wait for its PING."""
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        node = cls(Process(redis_command(port, folder), folder, {}).start())
        node.chosen_port = port
        node.wait()
        return node

    @property
    def port(self) -> int:
        """The original asks Docker's port map."""
        return int(self.chosen_port)

    @property
    def url(self) -> str:
        """The original leaves the port out."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def host_url(self) -> str:
        """The same from everywhere."""
        return self.url

    def ready(self) -> bool:
        """It answers."""
        return bool(self.client.ping())

    def wait(self, seconds: float = 10) -> None:
        """Until it answers."""
        ends_at = time.monotonic() + seconds
        while True:
            try:
                if self.ready():
                    return
            except Exception:  # noqa: BLE001 - any trouble means: not yet
                assert time.monotonic() < ends_at, self._container.logs().decode()
            time.sleep(0.05)

    def teardown(self) -> None:
        """Stop it."""
        self._container.remove()


class WorkerProcess(CeleryWorkerContainer):
    """A real worker of this project, all queues, threads pool."""

    @classmethod
    def launch(cls, folder: Path, env: dict[str, str], queues: str) -> WorkerProcess:
        """Start one; it is ready when its log says so."""
        command = [
            *(sys.executable, "-m", "celery", "-A", "project", "worker", "-P", "threads"),
            *("-c", "8", "-Q", queues, "-l", "INFO", "--without-gossip", "--without-mingle"),
            *("-n", f"test-{uuid.uuid4().hex[:8]}@%h"),
        ]
        return cls(Process(command, folder, env).start())

    @property
    def process(self) -> Process:
        """The process behind it."""
        process: Process = self._container
        return process

    def ready(self) -> bool:
        """Wait until its log says `ready.`, as often as it was started."""
        ends_at = time.monotonic() + 30
        while b" ready." not in self.process.logs():
            assert self.process.status == "running", self.process.logs().decode()
            assert time.monotonic() < ends_at, self.process.logs().decode()
            time.sleep(0.05)
        return True

    def teardown(self) -> None:
        """Stop it."""
        self.process.remove()
