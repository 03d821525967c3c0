"""A RabbitMQ of one's own for tests and development, in a folder, on free loopback ports.

    with LocalRabbit(folder) as server:
        … server.url …

Erlang finds other nodes by a small daemon, epmd, which otherwise stays behind for ever: this
server brings its own and takes it away again. Both get SIGKILL when the thread that started them
ends (Linux).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import amqp

from deploy.broker import NotInstalledError, free_port
from deploy.keep import dying_with_me, kill_group

NO_RABBIT = (
    "No RabbitMQ was found: install rabbitmq-server (on Debian the package of that name), "
    "or set BROKER_URL to one that runs."
)
PLACES = ("/usr/lib/rabbitmq/bin",)
STARTING_SECONDS = 60.0
STOPPING_SECONDS = 20.0


def rabbit_script() -> str:
    """The server's own start script: Debian's wrapper on the PATH insists on another user."""
    found = shutil.which("rabbitmq-server", path=os.pathsep.join((*PLACES, *os.get_exec_path())))
    if found is None or shutil.which("epmd") is None:
        raise NotInstalledError(NO_RABBIT)
    return found


class LocalRabbit:
    """One RabbitMQ node: its folder, its ports, its process. A kill keeps what it confirmed."""

    def __init__(self, directory: Path, address: str = "127.0.0.1") -> None:
        self.directory, self.address = directory.resolve(), address
        self.script = rabbit_script()
        self.port, self.own_port, self.epmd_port = free_port(), free_port(), free_port()
        self.log = self.directory / "rabbit.log"
        self.epmd: subprocess.Popen[bytes] | None = None
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the running server is reached."""
        return f"amqp://guest:guest@{self.address}:{self.port}//"

    @property
    def command(self) -> list[str]:
        """What starts the server, in this `environment`, after `prepare`."""
        return [self.script, "-noinput"]

    @property
    def environment(self) -> dict[str, str]:
        """What makes this node stand alone: ports, folders and files of its own."""
        here = self.directory
        return {
            **os.environ,
            "HOME": str(here),  # the cookie lies there
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"postrider{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": self.address,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.own_port),
            "RABBITMQ_MNESIA_BASE": str(here / "data"),
            "RABBITMQ_LOG_BASE": str(here),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(here / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(here / "env.conf"),
            "RABBITMQ_ALLOW_INPUT": "1",  # the script becomes the server instead of watching it
        }

    def start(self) -> None:
        """Starts the server and waits until it takes connections."""
        self.spawn()
        self.wait(STARTING_SECONDS)

    def spawn(self) -> None:
        """Starts the server without waiting for it."""
        self.prepare()
        self.process = self._child(self.command)

    def prepare(self) -> None:
        """Makes the folder and starts the daemon by which the server is found."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "plugins").write_text("[].\n")
        # Over the network the guest is let in only if this says so.
        (self.directory / "rabbitmq.conf").write_text("loopback_users = none\n")
        (self.directory / "env.conf").touch()
        if self.epmd is None:
            epmd = ["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"]
            self.epmd = self._child(epmd)

    def _child(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_me(signal.SIGKILL),
            )

    def answers(self) -> bool:
        """Whether somebody can log in."""
        line = amqp.Connection(
            f"{self.address}:{self.port}", connect_timeout=1, read_timeout=2, write_timeout=2
        )
        try:
            line.connect()
        except (OSError, amqp.AMQPError):
            return False
        finally:
            with contextlib.suppress(OSError, amqp.AMQPError):
                line.close()
        return True

    def wait(self, seconds: float) -> None:
        """Until it takes connections; raises RuntimeError with its last words."""
        until = time.monotonic() + seconds
        while not self.answers():
            if self.process is None or self.process.poll() is not None or time.monotonic() > until:
                words = " / ".join(self.log.read_text(errors="replace").splitlines()[-5:])
                raise RuntimeError(f"RabbitMQ did not start: {words}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Kills the server as a crash would; `start` brings it back on the same port."""
        if self.process is not None:
            kill_group(self.process.pid)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Stops the server in order, kills it if it will not, and takes its epmd away."""
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOPPING_SECONDS)
            self.kill()
        if self.epmd is not None:
            self.epmd.kill()
            self.epmd.wait()
            self.epmd = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
