"""A PostgreSQL of one's own for tests and development, in a folder, on a free loopback port.

    with LocalPostgres(folder) as server:
        … server.url …

PostgreSQL refuses to run as root; started by root it runs as `postgres` or `nobody`, who then owns
the folder. The server gets SIGINT when the thread that started it ends (Linux).
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from deploy.broker import NotInstalledError, free_port
from deploy.keep import dying_with_me

NO_POSTGRES = (
    "No PostgreSQL was found: install the server package so that initdb and postgres are on the "
    "PATH or under /usr/lib/postgresql."
)
STARTING_SECONDS = 30.0
STOPPING_SECONDS = 20.0


def candidates() -> list[Path]:
    """Folders that may hold the server's programs, best first."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(installed, key=lambda p: p.parent.name.zfill(4), reverse=True)
    wheel = importlib.util.find_spec("pgserver")
    if wheel and wheel.origin:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    return folders


def postgres_folder() -> Path:
    """The folder with a usable `initdb` and `postgres` side by side."""
    for folder in candidates():
        if all(shutil.which(name, path=str(folder)) for name in ("initdb", "postgres")):
            return (folder / "postgres").resolve().parent
    raise NotInstalledError(NO_POSTGRES)


def server_user() -> str | None:
    """Whom the server runs as: somebody else if we are root, else ourselves (None)."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NotInstalledError(
        "PostgreSQL does not run as root, and there is no user postgres or nobody."
    )


def unreachable(folder: Path) -> Path | None:
    """The first folder on the way to `folder` that other users may not pass, if any."""
    for step in reversed(folder.resolve().parents):
        if not step.stat().st_mode & 0o001:
            return step
    return None


class LocalPostgres:
    """One PostgreSQL server: its folder, its port, its process."""

    def __init__(self, directory: Path, **options: str) -> None:
        """`options` are the server's own settings, for example `lock_timeout="60s"`."""
        self.options = options
        self.directory = directory.resolve()
        self.data = self.directory / "data"
        self.log = self.directory / "postgres.log"
        self.programs = postgres_folder()
        self.user = server_user()
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the running server is reached; the superuser and his database."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self.process is None:
            raise RuntimeError("PostgreSQL is not running.")
        return self.process.pid

    def start(self) -> None:
        """Makes the data folder if need be, starts the server and waits until it answers."""
        if not (self.data / "PG_VERSION").exists():
            self.create()
        self.port = free_port(self.port or None)
        until = time.monotonic() + STARTING_SECONDS
        while not self.try_to_start(until):
            if time.monotonic() > until or not self.waits_for_its_dead():
                raise RuntimeError("PostgreSQL did not start: " + " / ".join(self.last_words()))
            time.sleep(0.2)

    def try_to_start(self, until: float) -> bool:
        """Starts the server once; whether it came to answer."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            **self.options,
        }
        command = [str(self.programs / "postgres"), "-D", str(self.data)]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                user=self.user,
                group=self.group(),
                extra_groups=None if self.user is None else [],
                start_new_session=True,
                preexec_fn=dying_with_me(signal.SIGINT),
            )
        while time.monotonic() < until and self.process.poll() is None:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        self.kill()
        return False

    def last_words(self) -> list[str]:
        """The end of the server's log."""
        return self.log.read_text(errors="replace").splitlines()[-5:]

    def waits_for_its_dead(self) -> bool:
        """Whether sessions of a killed server still hold its memory; they notice and go."""
        return any("shared memory block" in line for line in self.last_words())

    def group(self) -> int | None:
        """The group of the other user, if there is one."""
        return None if self.user is None else pwd.getpwnam(self.user).pw_gid

    def create(self) -> None:
        """Makes the data folder: everybody on the loopback interface is trusted."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.user is not None:
            for needed in (self.directory / "data", self.programs / "postgres"):
                if barrier := unreachable(needed.parent):
                    sentence = f"PostgreSQL runs as {self.user} here, who may not enter {barrier}."
                    raise PermissionError(sentence)
            shutil.chown(self.directory, self.user, self.group())
        command = [str(self.programs / "initdb"), "-D", str(self.data), "-U", "postgres"]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=self.directory,
            user=self.user,
            group=self.group(),
            extra_groups=None if self.user is None else [],
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr.strip()}")

    def stop(self) -> None:
        """Stops the server in order ("fast": open sessions are ended); kills it if it will not."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """Kills the server as a crash would; `start` brings it back on the same port."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None

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
