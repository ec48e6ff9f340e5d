"""The Dask cluster that all tests of a process share, as starting one takes seconds."""

import pytest


@pytest.fixture(scope="session")
def client():
    from dask_cluster import cluster

    with cluster() as client:
        yield client
