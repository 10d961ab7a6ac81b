"""A Dask cluster: its client, the same versions on all machines, each fault as one sentence."""

import logging
import os
import platform
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

# The environment variable that names a Dask scheduler.
CLUSTER = "EMOLIB_CLUSTER"
ANSWER = 10.0  # seconds that a scheduler may take to answer
ABSENCE = 30.0  # seconds that it may be without any worker; a new process takes ten
Versions = Callable[[], dict[str, str]]


@contextmanager
def connect(versions: Versions) -> Iterator[Any]:
    """A client of the Dask cluster that :data:`CLUSTER` names, None if it names none.

    Args:
        versions: what has to be equal on all machines, by name.

    Raises:
        ValueError: what went wrong there, in one sentence.
    """
    address = os.environ.get(CLUSTER)
    if not address:
        yield None
        return
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise ValueError(
            f"{CLUSTER} is set, but Dask is not installed: pip install 'emolib[cluster]'"
        ) from None
    for name in ("distributed", "distributed.client"):  # which log each fault by themselves
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(action="ignore"):  # of versions, which are compared below
            client = Client(address, timeout=ANSWER)
    except Exception as reason:  # another server's first bytes may read as any length
        raise ValueError(f"no Dask scheduler answers at {address}") from reason
    kept = "networks trained before are in the cache, where there is one"
    try:
        with client:
            client.wait_for_workers(1, timeout=ABSENCE)
            try:
                # the scheduler reads tasks as well
                client.run_on_scheduler(checked, versions, versions())
                client.run(checked, versions, versions())
            except ValueError:
                raise
            except Exception as reason:  # of any type that Dask makes of one it cannot read
                raise ValueError(
                    f"the Dask scheduler at {address} or one of its workers has no emolib, or "
                    "another version of it; all need the same environment"
                ) from reason
            yield client
    except KilledWorker as reason:
        raise ValueError(
            f"the same networks ended {reason.allowed_failures + 1} workers of the Dask scheduler "
            f"at {address}, perhaps for lack of memory; {kept}"
        ) from reason
    except TimeoutError as reason:
        raise ValueError(
            f"the Dask scheduler at {address} has no worker, or lost all it had; {kept}"
        ) from reason
    except (CancelledError, OSError) as reason:
        raise ValueError(f"the Dask scheduler at {address} no longer answers; {kept}") from reason


def run(
    client: Any,
    versions: Versions,
    function: Callable[..., Any],
    calls: list[tuple[Any, ...]],
    shared: tuple[Any, ...],
) -> Iterator[Any]:
    """Results of ``function(*call, *shared)`` for each call, as they finish; calls of a worker that
    dies are made again.

    The first of what is shared is the result of a task, so it goes to each worker once, and is
    there again after the death of all that held it.
    """
    from distributed import as_completed

    with warnings.catch_warnings(action="ignore"):  # that it is large
        held = client.submit(lambda first: first, shared[0], pure=False)
        arguments = [(versions, versions(), function, *call, held, *shared[1:]) for call in calls]
        pending = set(client.map(checked, *zip(*arguments, strict=True), pure=False))
    while pending:
        try:
            for future in as_completed(pending, timeout=ABSENCE):
                pending.remove(future)
                yield future.result()
        except TimeoutError:  # calls that take long, or nobody at work
            client.wait_for_workers(1, timeout=ABSENCE)


def checked(
    versions: Versions,
    wanted: dict[str, str],
    function: Callable[..., Any] | None = None,
    *arguments: Any,
) -> Any:
    """Calls a function, after ValueError where a version of this machine is not as wanted; on a
    worker, which may have come after all were compared.
    """
    for name, own in versions().items():
        if own != wanted[name]:
            raise ValueError(
                f"{platform.node()}, a machine of the Dask cluster, has {name} {own}, this one "
                f"{wanted[name]}; all need the same environment"
            )
    return function(*arguments) if function else None
