"""Hold out rows for early stopping, partition by partition."""

from operator import itemgetter

import numpy as np

from skfocal.dask._partitions import Part, summaries_of, weight_without
from skfocal.estimators._holdout import held_out_sizes, rows_of_classes, split_rows
from skfocal.estimators._rows import Rows


def hold_out(client, parts, summaries, total, fraction, seed, silenced):
    """Split parts into those to train on and held-out ones, class by class.

    Of each class as many rows are held out as on one machine, spread over the partitions in
    proportion to its rows there.

    Returns
    -------
    train, held_out : list of Future of Part
    masses : ndarray of shape (n_classes,)
        Weight of each class in the rows to train on.
    n_weighted : int
        Number of rows with positive weight to train on.
    """
    classes = total.classes
    counts = np.zeros((len(parts), len(classes)), np.int64)
    for of_part, summary in zip(counts, summaries, strict=True):
        of_part[np.searchsorted(classes, summary.classes)] = summary.counts
    counts[:, silenced] = 0
    sizes = deal(counts, held_out_sizes(counts.sum(axis=0), fraction, classes))
    seeds = [[seed, i] for i in range(len(parts))]
    split = client.map(
        _split, parts, sizes.tolist(), seeds, classes=classes, silenced=classes[silenced]
    )
    train, summaries = summaries_of(client, client.map(itemgetter(0), split))
    masses = np.zeros(len(classes))
    for summary in summaries:
        masses[np.searchsorted(classes, summary.classes)] += summary.masses
    held_out, _ = summaries_of(client, client.map(itemgetter(1), split))
    return train, held_out, masses, sum(summary.counts.sum() for summary in summaries)


def deal(counts, sizes):
    """Rows to take of each partition and class, in proportion to ``counts`` there.

    ``counts`` is of shape (n_parts, n_classes); the result's columns sum to ``sizes``.
    """
    before = np.cumsum(counts, axis=0) * np.asarray(sizes) // np.maximum(counts.sum(axis=0), 1)
    return np.diff(before, axis=0, prepend=0)


def _split(part, sizes, seed, classes, silenced):
    """Rows of a part to train on, and as many held-out ones of each class as ``sizes`` says."""
    weight = weight_without(part, silenced)
    rows = Rows(part.X, np.searchsorted(classes, part.y), weight, part.init_score)
    of_class = rows_of_classes(rows, len(classes))
    split = split_rows(rows, of_class, sizes, np.random.RandomState(seed))
    return tuple(Part(piece.X, classes[piece.y], piece.weight, piece.init_score) for piece in split)
