"""Progress of a fit: scikit-learn's callbacks, where the installed version has them, and lines."""

import copy
import itertools

import lightgbm

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9

    class _Unwatched:
        """Task of which nobody is told."""

        def subcontext(self, **_):
            return self

        def call_on_fit_task_begin(self, **_):
            return self

        def call_on_fit_task_end(self, **_):
            return False

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in without ``set_callbacks``: no callbacks, no calls."""

        def _init_callback_context(self, **_):
            return _Unwatched()


class Progress:
    """A fit as a task of scikit-learn's callbacks, each of its steps a task below.

    Parameters
    ----------
    estimator : FocalClassifier
    X, y, sample_weight
        What ``fit`` got: callbacks score the estimator of each step on them.
    step : str
        Name of a step.
    max_steps : int

    Attributes
    ----------
    stopped : bool
        Whether a callback ended the solver's iterations.
    """

    def __init__(self, estimator, X, y, sample_weight, *, step, max_steps):
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._told = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._step = step
        self.stopped = False
        self._fit = estimator._init_callback_context(max_subtasks=max_steps)
        self._fit.call_on_fit_task_begin(**self._told)

    def end(self):
        """Tell of the end of the fit, once the estimator is fitted."""
        self._fit.call_on_fit_task_end(**self._told, reconstruction_attributes={})

    def boosting_callbacks(self, fitted):
        """LightGBM's callbacks that make a task of each round.

        ``fitted`` holds the fitted attributes besides the trees.
        """
        tasks = []

        def begin(env):
            tasks.append(self._begin_step())

        def end(env):
            def so_far():  # a copy, as the booster goes on growing
                rounds = {"booster_": copy.copy(env.model), "best_iteration_": env.iteration + 1}
                return copy.deepcopy(fitted) | rounds

            if self._end_step(tasks.pop(), so_far):
                raise lightgbm.callback.EarlyStopException(
                    env.iteration, env.evaluation_result_list
                )

        begin.before_iteration = True
        end.order = 25  # after LightGBM's own recording of metrics, before its early stopping
        return [begin, end]

    def solver_callback(self, fitted, verbose):
        """Function ``(coef, value)`` that makes a task of an iteration; True asks to stop.

        Solvers call it at an iteration's end, so the task begins and ends there.
        ``fitted(coef, n_iter)`` gives the fitted attributes.
        """
        iterations = itertools.count(1)

        def callback(coef, value):
            n_iter = next(iterations)
            if verbose and n_iter % verbose == 0:
                print(f"[{n_iter}]\tobjective: {value:g}")
            self.stopped = self._end_step(self._begin_step(), lambda: fitted(coef, n_iter))
            return self.stopped

        return callback

    def _begin_step(self):
        return self._fit.subcontext(task_name=self._step).call_on_fit_task_begin(**self._told)

    def _end_step(self, task, so_far):
        return task.call_on_fit_task_end(**self._told, reconstruction_attributes=so_far)


def log_training(period, metric):
    """LightGBM's callback that prints a metric of the training rows every so many rounds."""

    def callback(env):
        if (env.iteration + 1) % period == 0:
            for rows, name, value, _ in env.model.eval_train(metric):
                print(f"[{env.iteration + 1}]\t{rows}'s {name}: {value:g}")

    return callback
