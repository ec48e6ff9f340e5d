"""Wait for the tasks of a fit. They depend on each other: if one fails, all must stop."""

from contextlib import suppress
from time import monotonic

from distributed import wait

from skfocal.dask._exchange import StopFit

PATIENCE = 30  # seconds to wait for the workers to stop; they do so after a boosting round


class WorkerLost(RuntimeError):  # noqa: N818
    """A worker of the fit is lost."""


class PeerLost(RuntimeError):  # noqa: N818
    """A worker lost its connection to another worker, whose error is the cause."""


class WorkerTasks:
    """One task on each worker of a fit.

    Parameters
    ----------
    client : distributed.Client
    exchange : Exchange
    futures : dict of str to Future
        Task of each worker, by address.
    """

    def __init__(self, client, exchange, futures):
        self._client, self._exchange, self._futures = client, exchange, futures
        self._lost = []

    def result(self):
        """Return the first worker's result when all workers are done.

        Raises
        ------
        ValueError or TypeError
            If all workers raise one: the data or the parameters are wrong.
        RuntimeError
            If a worker is lost or only some workers fail.
        """
        first, *_ = self._futures.values()
        running = True
        try:
            while not self._errors():
                if not running:
                    with suppress(TimeoutError):  # the worker may be lost: check in the next round
                        return first.result(timeout=PATIENCE)
                running = self._wait()
                self._exchange.print_lines()
        except BaseException:  # an interrupt
            self._stop(until_all_end=True)
            raise
        else:
            self._stop(until_all_end=_is_refusal(self._errors()[0]))
            self._raise_cause()
        finally:
            self._client.cancel(list(self._futures.values()))
            self._exchange.close()

    def _wait(self):
        """Wait until a worker ends, at most a second; return whether others are still running."""
        pending = [future for future in self._futures.values() if future.status == "pending"]
        with suppress(TimeoutError):
            wait(pending, timeout=1, return_when="FIRST_COMPLETED")
        pending = {worker for worker, future in self._futures.items() if future.status == "pending"}
        self._lost = sorted(pending - self._client.nthreads().keys())
        return len(pending) > len(self._lost)

    def _errors(self):
        """Errors so far; that of a lost worker comes first."""
        lost = [WorkerLost(f"The workers {self._lost} were lost.")] if self._lost else []
        failed = [future for future in self._futures.values() if future.status == "error"]
        return lost + [future.exception() for future in failed]

    def _stop(self, until_all_end):
        """Stop the workers. Wait for all of them, or only until the cause of a failure is known."""
        self._exchange.stop()
        deadline = monotonic() + PATIENCE
        while self._wait() and monotonic() < deadline:
            if not until_all_end and any(map(_is_cause, self._errors())):
                break
        self._exchange.release()

    def _raise_cause(self):
        """Raise the common error of all workers, or a RuntimeError that names the first cause."""
        errors = self._errors()
        if sum(map(_is_refusal, errors)) == len(self._futures):
            raise errors[0]
        cause = next(filter(_is_cause, errors), errors[0])
        raise RuntimeError(
            "LightGBM's training failed on the Dask workers, or a worker was lost. Some workers "
            "may still be waiting for others, so restart the workers before another fit, for "
            f"example with client.restart(). The cause was {cause!r}."
        ) from cause


def _is_refusal(error):
    return isinstance(error, ValueError | TypeError)


def _is_cause(error):
    return not isinstance(error, PeerLost | StopFit)
