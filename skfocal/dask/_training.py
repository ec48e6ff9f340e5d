"""LightGBM's distributed training on the workers that hold the rows."""

import socket
from collections import defaultdict
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any
from urllib.parse import urlparse
from uuid import uuid4

import lightgbm
import numpy as np
from distributed import get_worker, wait

from skfocal.dask._exchange import Exchange
from skfocal.dask._memory import reuse_freed_memory
from skfocal.dask._partitions import stack, weight_without
from skfocal.dask._tasks import PeerLost, WorkerLost, WorkerTasks
from skfocal.estimators._boosting import check_leaves, train_booster
from skfocal.estimators._lgbm_params import _main_names
from skfocal.estimators._rows import Rows, one_column

NETWORK_PARAMS = ("machines", "num_machines", "local_listen_port", "time_out")
TREE_LEARNERS = ("data", "voting")  # the others need all rows on every worker


@dataclass
class Plan:
    """Settings of a fit, which are sent to every worker."""

    params: dict
    n_rounds: int
    features: dict
    classes: np.ndarray
    silenced: np.ndarray
    all_zero: bool
    metrics: list
    names: list
    callbacks: list
    print_every: int
    init_model: Any
    name: str = field(default_factory=lambda: f"skfocal-{uuid4().hex}")
    machines: tuple = ()


def network_params(lgbm_params):
    """Validate the parameters of LightGBM's network and return its tree learner."""
    given = {_main_names()[name]: value for name, value in (lgbm_params or {}).items()}
    if set_by_fit := sorted(given.keys() & {*NETWORK_PARAMS, "machine_list_filename"}):
        raise ValueError(f"lgbm_params must not contain {set_by_fit}: fit sets up the network.")
    learner = given.get("tree_learner", "data")
    if learner not in TREE_LEARNERS:
        raise ValueError(f"tree_learner must be one of {TREE_LEARNERS} on Dask, got {learner!r}.")
    return {"tree_learner": learner}


def train(client, plan, parts, evaluation):
    """Train on the workers that hold ``parts``; return the booster and its evaluations.

    Parameters
    ----------
    client : distributed.Client
    plan : Plan
    parts : list of Future of Part
    evaluation : list of lists of Future of Part

    Raises
    ------
    RuntimeError
        If a worker is lost, or if only some of the workers fail.
    """
    shares = _shares(client, parts)
    evaluation_shares = [_shares(client, of_set, list(shares)) for of_set in evaluation]
    workers = list(shares)
    plan.machines = _machines(client, plan.name, workers)
    exchange = Exchange(plan.name, len(workers), client=client)
    n_threads = client.nthreads(workers)
    futures = {
        worker: client.submit(
            _train_share,
            plan,
            rank,
            n_threads[worker],
            shares[worker],
            [of_set[worker] for of_set in evaluation_shares],
            workers=[worker],
            allow_other_workers=False,
            pure=False,
        )
        for rank, worker in enumerate(workers)
    }
    return WorkerTasks(client, exchange, futures).result()


def _shares(client, parts, workers=()):
    """Group the parts by the worker that holds them.

    If ``workers`` is given, parts that are on other workers are distributed among them.
    """
    wait(parts)
    shares = defaultdict(list)
    holders = client.who_has(parts)
    for i, part in enumerate(parts):
        if part.status == "error":
            part.result()  # raises
        if not (held_by := sorted(holders[part.key])):
            raise WorkerLost("A worker was lost just before training. Call fit again.")
        if workers and held_by[0] not in workers:
            held_by = [workers[i % len(workers)]]
        shares[held_by[0]].append(part)
    return shares


def _machines(client, name, workers):
    """Host and free port of each worker; empty for a single worker, which needs no network."""
    if len(workers) == 1:
        return ()
    hosts = [urlparse(worker).hostname for worker in workers]
    if any(worker.startswith("inproc") for worker in workers):
        raise ValueError(
            "The Dask workers must be separate processes, got several workers in one process. "
            "LightGBM has one network per process. Create the client with processes=True, or with "
            "a single worker."
        )
    ports = client.gather(
        [client.submit(_reserve_port, name, workers=[worker], pure=False) for worker in workers]
    )
    return tuple(f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))


def _reserve_port(name):
    """Reserve a free port until training uses it, so that no other worker gets the same port."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.bind(("", 0))
    get_worker()._skfocal_ports = {name: bound}
    return bound.getsockname()[1]


def _train_share(plan, rank, n_threads, parts, evaluation):
    """Train on a worker's share of the rows; return the booster and its evaluations."""
    reuse_freed_memory()
    exchange = Exchange(plan.name, max(1, len(plan.machines)), rank)
    params = plan.params | {"num_threads": n_threads} | _network_params(plan, rank)
    rows = _joined(plan, parts)
    if plan.all_zero:  # on all workers; LightGBM fails without a column of ones
        rows = replace(rows, X=one_column(rows.X.shape))
    train_set = rows.dataset(params, plan.features)
    metrics = [_pooled(metric, exchange) for metric in plan.metrics]
    results = {}
    try:
        booster = train_booster(
            params,
            train_set,
            num_boost_round=plan.n_rounds,
            valid_sets=[
                _joined(plan, of_set).dataset(params, plan.features, reference=train_set)
                for of_set in evaluation
            ],
            valid_names=plan.names,
            feval=metrics,
            callbacks=[
                _keep_step(exchange),
                _refuse_infinite_leaves,
                lightgbm.record_evaluation(results),
                *_printing(plan, metrics[-1], exchange),
                *plan.callbacks,
            ],
            init_model=plan.init_model,
        )
    except ValueError as error:
        if "Socket" in str(error):  # LightGBM's error if another worker closes its connection
            raise PeerLost(str(error)) from error
        raise
    finally:
        lightgbm.basic._LIB.LGBM_NetworkFree()  # global state, also set if no booster was created
    for name in NETWORK_PARAMS:
        booster.params.pop(name, None)
    return booster, results


def _network_params(plan, rank):
    """LightGBM's network parameters; releases the reserved port."""
    if not plan.machines:
        return {}
    get_worker()._skfocal_ports.pop(plan.name).close()
    return {
        "machines": ",".join(plan.machines),
        "num_machines": len(plan.machines),
        "local_listen_port": int(plan.machines[rank].rpartition(":")[2]),
    }


def _joined(plan, parts):
    """Concatenate all parts; without parts, one row of weight 0, because LightGBM needs a row."""
    if not parts:
        X = np.zeros((1, len(plan.features["feature_name"])))
        return Rows(X, np.zeros(1, np.intp), np.zeros(1))
    columns = [
        (part.X, part.y, weight_without(part, plan.silenced), part.init_score) for part in parts
    ]
    X, y, weight, init_score = map(stack, zip(*columns, strict=True))
    return Rows(X, np.searchsorted(plan.classes, y), weight, init_score)


def _pooled(metric, exchange):
    """Turn a mean over a worker's rows into the mean over the rows of all workers."""

    def mean(raw_prediction, dataset):
        weight = dataset.get_weight()
        mass = dataset.num_data() if weight is None else weight.sum(dtype=np.float64)
        value = metric(raw_prediction, dataset)[1] if mass else 0.0
        total, mass = exchange.total([mass * value, mass])
        return metric.__name__, total / mass, False

    return mean


def _keep_step(exchange):
    """Callback of LightGBM that lets the client stop all workers before the same round.

    The workers synchronise about once a second, or every round if rounds take longer.
    """
    met = [0, perf_counter()]  # round and time of the last synchronisation
    due = 1

    def callback(env):
        nonlocal due, met
        if env.iteration - env.begin_iteration < due:
            return
        rounds, now = env.iteration - env.begin_iteration, perf_counter()
        seconds, n_workers = exchange.total([(now - met[1]) / (rounds - met[0]), 1])
        due, met = rounds + max(1, int(n_workers / seconds)), [rounds, now]

    callback.before_iteration = True
    return callback


def _refuse_infinite_leaves(env):
    """Raise ValueError on all workers in the same round, before the next gradients fail on some."""
    check_leaves(env.model)


def _printing(plan, training_metric, exchange):
    """Callback of LightGBM that prints metrics in the client, as ``verbose`` does locally."""

    def callback(env):
        if (env.iteration + 1) % plan.print_every:
            return
        results = env.evaluation_result_list or env.model.eval_train(training_metric)
        if exchange.is_first:
            values = "\t".join(f"{rows}'s {name}: {value:g}" for rows, name, value, _ in results)
            exchange.say(f"[{env.iteration + 1}]\t{values}")

    return [callback] if plan.print_every > 0 else []
