"""Sums over the workers during a fit, and a way to stop all workers in the same round."""

from contextlib import suppress

from distributed import Queue


class StopFit(Exception):  # noqa: N818  not an error
    """Raised on every worker, at the same sum, when the client stops the fit."""


class Exchange:
    """Sum numbers over the workers, through Dask's scheduler.

    The first worker computes the sums. All workers continue with identical sums, so they make the
    same decisions, and no worker waits in LightGBM for another one that has stopped.

    Parameters
    ----------
    name : str
        Unique name of the fit.
    n_workers : int
    rank : int or None
        Rank of this worker; None in the client.
    client : distributed.Client, default=None
    """

    def __init__(self, name, n_workers, rank=None, client=None):
        self._n_workers, self._rank, self.is_first = n_workers, rank, rank == 0
        self._inbox = Queue(f"{name}-sums", client=client)
        self._lines = Queue(f"{name}-lines", client=client)
        self._outboxes = [Queue(f"{name}-{i}", client=client) for i in range(n_workers)]

    def total(self, values):
        """Sum lists of floats over the workers; every worker must make the same calls."""
        self._inbox.put(list(map(float, values)))
        if self.is_first:
            given = self._inbox.get(batch=self._n_workers)
            sums = None if None in given else [sum(column) for column in zip(*given, strict=True)]
            for outbox in self._outboxes:
                outbox.put(sums)
        answer = self._outboxes[self._rank].get()
        if answer is None:
            raise StopFit
        return answer

    def say(self, line):
        """Send a line to the client, which prints it."""
        self._lines.put(line)

    def print_lines(self):
        """Print the lines of the workers; called in the client."""
        for line in self._lines.get(batch=True):
            print(line)

    def stop(self):
        """Ask all workers to raise StopFit at their next sum."""
        self._inbox.put(None)

    def release(self):
        """Release workers that wait for a sum after another worker failed."""
        for outbox in self._outboxes:
            outbox.put(None)

    def close(self):
        """Close the queues."""
        for queue in (self._inbox, self._lines, *self._outboxes):
            with suppress(Exception):  # the scheduler may be gone
                queue.close()
