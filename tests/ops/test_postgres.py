"""The throw-away PostgreSQL starts, also as root, and leaves nothing behind."""

import os

import pytest
from sqlalchemy import create_engine, text

from ops.demo.postgres import throwaway_postgres


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
