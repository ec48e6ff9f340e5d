"""Sums over the workers of one fit while it runs, and the way to stop them all in one round."""

from contextlib import suppress

from distributed import Queue


class StopFit(Exception):  # noqa: N818  the client asked for it: no error
    """Raised on every worker of a fit, at the same sum, when the client stops it."""


class Exchange:
    """Sums of numbers over workers, through Dask's scheduler.

    The first worker adds up, so every worker goes on with the very same sums, takes the same
    decisions, and none waits in LightGBM for one that has stopped.

    Parameters
    ----------
    name : str
        Of this fit, unlike any other's.
    n_workers : int
    rank : int or None
        Of this worker; None in the client.
    client : distributed.Client, default=None
    """

    def __init__(self, name, n_workers, rank=None, client=None):
        self._n_workers, self._rank, self.is_first = n_workers, rank, rank == 0
        self._inbox = Queue(f"{name}-sums", client=client)
        self._lines = Queue(f"{name}-lines", client=client)
        self._outboxes = [Queue(f"{name}-{i}", client=client) for i in range(n_workers)]

    def total(self, values):
        """Sum of each worker's list of floats; every worker must call it as often."""
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
        """Have the client print a line."""
        self._lines.put(line)

    def print_lines(self):
        """Print, in the client, what the workers said."""
        for line in self._lines.get(batch=True):
            print(line)

    def stop(self):
        """Ask all workers to raise StopFit at their next sum."""
        self._inbox.put(None)

    def release(self):
        """Let go of workers that wait for sums of one that has failed."""
        for outbox in self._outboxes:
            outbox.put(None)

    def close(self):
        """Forget what was left unread."""
        for queue in (self._inbox, self._lines, *self._outboxes):
            with suppress(Exception):  # the scheduler may be gone
                queue.close()
