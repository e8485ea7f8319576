"""Work in threads: everything is done once, and what goes wrong is told."""

import threading

import pytest

from hmmseq.shares import Share, run, run_together, threads

SHARES = [Share(k, k, k + 1) for k in range(40)]


@pytest.mark.parametrize("n_jobs", [1, 2, 5, 100])
def test_each_share_is_done_once(n_jobs):
    done, threads, before = [], set(), threading.active_count()

    def work(share):
        done.append(share)
        threads.add(threading.get_ident())

    run(work, SHARES, n_jobs)
    assert sorted(done) == SHARES
    assert len(threads) <= n_jobs
    assert threading.active_count() == before


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_a_failure_stops_the_others_and_is_raised(n_jobs, kind):
    done, stopped, before = [], [], threading.active_count()

    def work(share):
        done.append(share)
        if share.first == 3:
            raise kind("share 3")

    with pytest.raises(kind, match="share 3"):
        run(work, SHARES, n_jobs, lambda: stopped.append(True))
    assert len(done) < len(SHARES)
    assert stopped == [True]
    assert threading.active_count() == before


@pytest.mark.parametrize("n_items", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_runs_of_items_are_done_once_and_get_shorter(n_items, n_jobs):
    taken = []
    run_together(lambda first, last: taken.append((first, last)), n_items, n_jobs)
    taken.sort()
    assert [first for first, _ in taken] == [0, *(last for _, last in taken[:-1])]
    assert taken[-1][1] == n_items
    sizes = [last - first for first, last in taken]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= -(-n_items // 8)  # so often Ctrl-C is heard


def test_a_failure_in_a_run_is_raised():
    done = []

    def work(first, last):
        done.append(first)
        if first == 0:
            raise ValueError("item 0")

    with pytest.raises(ValueError, match="item 0"):
        run_together(work, 64, 1)
    assert done == [0]


def test_threads_are_those_of_the_caller_who_was_asked_last():
    seen = []

    def count(n_jobs):
        ready = threading.Barrier(2, timeout=2)
        names = set()

        def work(share):
            names.add(threading.get_ident())
            ready.wait()

        try:
            run(work, SHARES[:2], n_jobs)
        except threading.BrokenBarrierError:
            return 1
        return len(names)

    with threads(2):
        seen.append(count(None))
        with threads(1):
            seen.append(count(None))
        seen.append(count(None))
    assert seen == [2, 1, 2]


def test_work_is_done_where_no_thread_can_start(monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("hmmseq.shares.start_new_thread", refuse)
    done = []
    run(done.append, SHARES, 4)
    assert done == SHARES
