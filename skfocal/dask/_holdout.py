"""Hold out rows for early stopping, partition by partition."""

from operator import itemgetter

import numpy as np

from skfocal.dask._partitions import Part, sum_by_class, summaries_of, weight_without
from skfocal.estimators._holdout import held_out_sizes, rows_of_classes, split_rows
from skfocal.estimators._rows import Rows


def hold_out(client, parts, summaries, total, fraction, seed, silenced):
    """Split the partitions into training and hold-out rows, class by class.

    The number of held-out rows of each class is the same as on one machine. They are spread over
    the partitions in proportion to the rows of the class.

    Returns
    -------
    train, held_out : list of Future of Part
    masses : ndarray of shape (n_classes,)
        Weight of each class in the training rows.
    n_weighted : int
        Number of training rows with positive weight.
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
    masses = sum_by_class(summaries, classes, "masses")
    held_out, _ = summaries_of(client, client.map(itemgetter(1), split))
    return train, held_out, masses, sum(summary.counts.sum() for summary in summaries)


def deal(counts, sizes):
    """Return the number of rows of each class to hold out from each partition.

    The numbers are in proportion to ``counts``, of shape (n_parts, n_classes). The columns of the
    result sum to ``sizes``.
    """
    before = np.cumsum(counts, axis=0) * np.asarray(sizes) // np.maximum(counts.sum(axis=0), 1)
    return np.diff(before, axis=0, prepend=0)


def _split(part, sizes, seed, classes, silenced):
    """Split a partition into training rows and ``sizes`` held-out rows of each class."""
    weight = weight_without(part, silenced)
    rows = Rows(part.X, np.searchsorted(classes, part.y), weight, part.init_score)
    of_class = rows_of_classes(rows, len(classes))
    split = split_rows(rows, of_class, sizes, np.random.RandomState(seed))
    return tuple(Part(piece.X, classes[piece.y], piece.weight, piece.init_score) for piece in split)
