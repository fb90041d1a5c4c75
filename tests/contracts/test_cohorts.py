"""The promises of the store of cohorts, kept alike by memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from gateway.deeds.cohorts import CohortStore, KeptList
from tests.fakes_cohorts import MemoryCohortStore
from tests.gateways import open_store


class CohortWork(Protocol):
    """A transaction over lists."""

    @property
    def cohorts(self) -> CohortStore: ...
    def commit(self) -> None: ...


Begin = Callable[[], AbstractContextManager[CohortWork]]


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def begin(request: pytest.FixtureRequest) -> Iterator[Begin]:
    if request.param == "fake":
        yield MemoryCohortStore().begin
        return
    store = open_store(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))
    yield store.begin
    store.close()


def a_list(root: str = "a" * 64, grant: str = "G-1", links: bytes = b"l" * 16) -> KeptList:
    return KeptList(grant=grant, root=root, leaves=b"\0" * 2 * len(links), links=links, filed=1_782_000_000)


def put(begin: Begin, *lists: KeptList) -> None:
    with begin() as work:
        for each in lists:
            work.cohorts.put(each)
        work.commit()


def test_a_list_comes_back_as_it_was_put(begin: Begin) -> None:
    put(begin, a_list(), a_list(grant="G-2", links=b"m" * 32))

    with begin() as work:
        assert work.cohorts.find("G-1", "a" * 64) == a_list()
        assert work.cohorts.links("G-2", "a" * 64) == b"m" * 32


def test_what_is_not_there_is_nothing(begin: Begin) -> None:
    put(begin, a_list())

    with begin() as work:
        assert work.cohorts.find("G-1", "b" * 64) is None
        assert work.cohorts.find("G-2", "a" * 64) is None
        assert work.cohorts.links("G-1", "b" * 64) == b""
        assert list(work.cohorts.roots("G-2")) == []


def test_a_list_of_the_same_root_takes_the_place_of_the_old_one(begin: Begin) -> None:
    put(begin, a_list(), a_list(links=b"n" * 48))

    with begin() as work:
        assert work.cohorts.links("G-1", "a" * 64) == b"n" * 48
        assert list(work.cohorts.roots("G-1")) == ["a" * 64]


def test_lists_are_removed_one_by_one(begin: Begin) -> None:
    put(begin, a_list("b" * 64), a_list("a" * 64), a_list("c" * 64), a_list("a" * 64, "G-2"))

    with begin() as work:
        assert list(work.cohorts.roots("G-1")) == ["a" * 64, "b" * 64, "c" * 64]
        work.cohorts.remove("G-1", "a" * 64)
        work.commit()

    with begin() as work:
        assert list(work.cohorts.roots("G-1")) == ["b" * 64, "c" * 64]
        assert list(work.cohorts.roots("G-2")) == ["a" * 64]


def test_what_was_not_committed_never_was(begin: Begin) -> None:
    with begin() as work:
        work.cohorts.put(a_list())

    with begin() as work:
        assert list(work.cohorts.roots("G-1")) == []


def test_a_list_of_full_length_is_kept(begin: Begin) -> None:
    whole = a_list(links=bytes(range(256)) * (200_000 // 16))
    put(begin, whole)

    with begin() as work:
        assert work.cohorts.find("G-1", "a" * 64) == whole
