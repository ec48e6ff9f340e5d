"""Report the progress of a fit to scikit-learn's callbacks (1.9 or later) and to the console."""

import copy
import itertools

import lightgbm

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9

    class _NullContext:
        """Callback context that does nothing."""

        def subcontext(self, **_):
            return self

        def call_on_fit_task_begin(self, **_):
            return self

        def call_on_fit_task_end(self, **_):
            return False

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Replacement that supports no callbacks."""

        def _init_callback_context(self, **_):
            return _NullContext()


class Progress:
    """Report a fit and each of its steps as tasks to scikit-learn's callbacks.

    Parameters
    ----------
    estimator : FocalClassifier
    X, y, sample_weight
        Arguments of ``fit``. Callbacks may score the estimator of each step on them.
    step : str
        Name of a step.
    max_steps : int

    Attributes
    ----------
    stopped : bool
        Whether a callback stopped the solver.
    """

    def __init__(self, estimator, X, y, sample_weight, *, step, max_steps):
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._callback_kwargs = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._step = step
        self.stopped = False
        self._fit = estimator._init_callback_context(max_subtasks=max_steps)
        self._fit.call_on_fit_task_begin(**self._callback_kwargs)

    def end(self):
        """Report the end of the fit. The estimator must be fitted."""
        self._fit.call_on_fit_task_end(**self._callback_kwargs, reconstruction_attributes={})

    def boosting_callbacks(self, fitted):
        """Return LightGBM callbacks that report each round as a task.

        ``fitted`` contains the fitted attributes except the trees.
        """
        tasks = []

        def begin(env):
            tasks.append(self._begin_step())

        def end(env):
            def snapshot():  # copies, because training continues
                n_iter = env.model.current_iteration()
                trees = {"booster_": copy.copy(env.model), "best_iteration_": n_iter}
                return copy.deepcopy(fitted) | trees

            if self._end_step(tasks.pop(), snapshot):
                raise lightgbm.callback.EarlyStopException(
                    env.model.current_iteration() - 1, env.evaluation_result_list
                )

        begin.before_iteration = True
        end.order = 25  # after LightGBM records the metrics and before it stops early
        return [begin, end]

    def solver_callback(self, fitted, verbose):
        """Return a callback ``(coef, value)`` that reports an iteration; True stops the solver.

        Solvers call it after each iteration, so the task of an iteration begins and ends in this
        call.
        ``fitted(coef, n_iter)`` returns the fitted attributes.
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
        task = self._fit.subcontext(task_name=self._step)
        return task.call_on_fit_task_begin(**self._callback_kwargs)

    def _end_step(self, task, snapshot):
        return task.call_on_fit_task_end(
            **self._callback_kwargs, reconstruction_attributes=snapshot
        )


def log_training(period, metric):
    """Return a LightGBM callback that prints a training metric every ``period`` rounds."""

    def callback(env):
        if (env.iteration + 1) % period == 0:
            for rows, name, value, _ in env.model.eval_train(metric):
                print(f"[{env.iteration + 1}]\t{rows}'s {name}: {value:g}")

    return callback
