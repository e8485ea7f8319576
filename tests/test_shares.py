"""Work in threads: everything is done once, and what goes wrong is told."""

import threading

import pytest

from hmmseq.shares import Share, run

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
