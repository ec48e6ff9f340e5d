"""Display of the focal loss of one row."""

from numbers import Integral

import numpy as np
from scipy.special import logit

from skfocal.displays._common import gamma_text, import_pyplot
from skfocal.objectives import BinaryFocalLoss
from skfocal.objectives._checks import check_gamma, check_option

# For each kind, the label of the y-axis and a function of a loss, labels and raw predictions.
KINDS = {
    "loss": ("Focal loss", lambda loss, y, raw: loss.loss(y, raw)),
    "modulating_factor": (
        "Focal loss / cross-entropy",
        lambda loss, y, raw: (
            loss.loss(y, raw) / BinaryFocalLoss(gamma=0, alpha=loss.alpha).loss(y, raw)
        ),
    ),
    "gradient": ("Gradient w.r.t. raw score", lambda loss, y, raw: loss.gradient(y, raw)),
    "hessian": ("Hessian w.r.t. raw score", lambda loss, y, raw: loss.gradient_hessian(y, raw)[1]),
    "posterior": (
        "Posterior probability of class 1",
        lambda loss, y, raw: loss.predict_proba(raw, "posterior")[:, 1],
    ),
}
AXES = {"probability": "Sigmoid of the raw score (probability of class 1)", "raw": "Raw score"}


class FocalLossDisplay:
    """Curves of the focal loss of one row, one curve per gamma.

    Create a display with :meth:`from_gammas`. All parameters are stored as attributes.

    Parameters
    ----------
    x : ndarray of shape (n_points,)
        Points on the x-axis: sigmoids of the raw scores, or the raw scores themselves.
    curves : ndarray of shape (n_gammas, n_points)
        Values of each curve at ``x``.
    gammas : list of float or (float, float)
        Gamma of each curve.
    kind : {"loss", "modulating_factor", "gradient", "hessian", "posterior"}, default="loss"
        Quantity on the y-axis; see :meth:`from_gammas`.
    y : {0, 1}, default=1
        Class of the row.
    against : {"probability", "raw"}, default="probability"
        Quantity on the x-axis; see :meth:`from_gammas`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure of the Axes.
    lines_ : list of matplotlib Line2D
        One line per gamma.

    See Also
    --------
    skfocal.objectives.BinaryFocalLoss : The loss that the display shows.

    Examples
    --------
    >>> from skfocal import FocalLossDisplay
    >>> display = FocalLossDisplay.from_gammas((0, 1, 2), kind="gradient", against="raw")
    >>> len(display.lines_)
    3
    """

    def __init__(self, *, x, curves, gammas, kind="loss", y=1, against="probability"):
        self.x = x
        self.curves = curves
        self.gammas = gammas
        self.kind = kind
        self.y = y
        self.against = against

    @classmethod
    def from_gammas(
        cls,
        gammas=(0, 1, 2, 3, 4),
        *,
        kind="loss",
        y=1,
        alpha=None,
        against="probability",
        ax=None,
    ):
        """Draw curves of :class:`~skfocal.objectives.BinaryFocalLoss`.

        Parameters
        ----------
        gammas : sequence of float or (float, float), default=(0, 1, 2, 3, 4)
            One curve is drawn per gamma. A pair is (gamma of class 0, gamma of class 1).
        kind : {"loss", "modulating_factor", "gradient", "hessian", "posterior"}, default="loss"
            Quantity on the y-axis. "modulating_factor" is the loss divided by cross-entropy.
            "gradient" and "hessian" are the first and second derivatives of the loss with respect
            to the raw score. "posterior" is the posterior probability of class 1 at a given raw
            score. It depends on neither ``y`` nor ``alpha``.
        y : {0, 1}, default=1
            Class of the row.
        alpha : None, float in (0, 1) or (float, float), default=None
            Factor that multiplies the loss of each class. None means 1 for both classes. A float
            ``a`` means ``(1 - a, a)``.
        against : {"probability", "raw"}, default="probability"
            Quantity on the x-axis: the sigmoid of the raw score, or the raw score itself.
        ax : matplotlib Axes, default=None
            Axes to draw on. None creates a new figure.

        Returns
        -------
        display : FocalLossDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If an argument is not one of the allowed values.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from skfocal import FocalLossDisplay
        >>> display = FocalLossDisplay.from_gammas((0, 2, (1, 2)), y=0)
        >>> display.gammas
        [0.0, 2.0, (1.0, 2.0)]
        """
        check_option("kind", kind, tuple(KINDS))
        check_option("against", against, tuple(AXES))
        if not isinstance(y, Integral) or y not in (0, 1):
            raise ValueError(f"y must be 0 or 1, got {y!r}.")
        gammas = _check_gammas(gammas)
        losses = [BinaryFocalLoss(gamma=gamma, alpha=alpha) for gamma in gammas]
        x, raw = _grid(against)
        _, curve = KINDS[kind]
        labels = np.full(len(raw), y)
        curves = np.stack([curve(loss, labels, raw) for loss in losses])
        display = cls(x=x, curves=curves, gammas=gammas, kind=kind, y=int(y), against=against)
        return display.plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None creates a new figure.

        Returns
        -------
        self : FocalLossDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        plt = import_pyplot("FocalLossDisplay")
        if ax is None:
            _, ax = plt.subplots()
        self.ax_, self.figure_ = ax, ax.figure
        colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(self.gammas)))
        self.lines_ = [
            ax.plot(self.x, curve, color=color, label=rf"$\gamma$ = {gamma_text(gamma)}")[0]
            for curve, color, gamma in zip(self.curves, colors, self.gammas, strict=True)
        ]
        self._decorate()
        return self

    def _decorate(self):
        """Set limits, labels, title and legend."""
        ax = self.ax_
        ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        ax.margins(x=0)
        if self.kind == "loss" and self.against == "probability":
            # The loss is unbounded as the probability of the true class approaches 0: cut it off.
            inner = np.abs(self.x - 0.5) < 0.49
            ax.set_ylim(0, 1.05 * self.curves[:, inner].max())
        label, _ = KINDS[self.kind]
        row = "" if self.kind == "posterior" else f", row of class {self.y}"
        title = self.kind.replace("_", " ").capitalize() + row
        ax.set(xlabel=AXES[self.against], ylabel=label, title=title)
        ax.legend()


def _check_gammas(gammas):
    """Return gammas as a non-empty list of valid gammas of :class:`BinaryFocalLoss`."""
    allowed = "gammas must be a non-empty sequence of numbers or pairs in [0, 100]"
    try:
        checked = [check_gamma(gamma, 2) for gamma in gammas]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{allowed}, got {gammas!r}: {error}") from error
    if not checked:
        raise ValueError(f"{allowed}, got {gammas!r}.")
    return checked


def _grid(against):
    """Return the points of the x-axis and their raw predictions."""
    if against == "raw":
        raw = np.linspace(-6, 6, 401)
        return raw, raw
    # Denser near 0 and 1, where the curves are steep; excludes 0 and 1.
    probability = np.sin(np.linspace(0, np.pi / 2, 403)[1:-1]) ** 2
    return probability, logit(probability)
