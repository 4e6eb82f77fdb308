"""One process or several: the same function for every part, results in the order of the parts.

`HERE` is this process. `open_workers` opens several with Ray (extra `scale`): of this machine, or
of the cluster that the environment's RAY_ADDRESS names. Functions must have a name that the workers
can import, and neither they nor their arguments may hold what cannot be sent (locks, open files).

Ray pickles what passes between its own processes; nothing of that is stored. A worker runs
whatever it is sent: let only your own cluster's reach it.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any, Concatenate, Protocol, TypeVar

from retrieval.errors import ConfigError

Part = TypeVar("Part")
Result = TypeVar("Result")

ADDRESS = "RAY_ADDRESS"
LOCAL = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    # Despite its name this holds on Linux too: without clusters Ray listens on loopback alone.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""Environment of a Ray that serves this build and nobody else; read when Ray is imported."""
THREADS = (
    "WHYCART_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "POLARS_MAX_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip


class Workers(Protocol):
    """Whoever does the work."""

    def map(
        self,
        run: Callable[Concatenate[Part, ...], Result],
        parts: Iterable[Part],
        *shared: object,
    ) -> Iterator[Result]:
        """Yield `run(part, *shared)` of each part, in the order of the parts."""
        ...


class Here:
    """This process, one part after the other, each when its result is asked for."""

    def map(
        self,
        run: Callable[Concatenate[Part, ...], Result],
        parts: Iterable[Part],
        *shared: object,
    ) -> Iterator[Result]:
        """Yield `run(part, *shared)` of each part."""
        return (run(part, *shared) for part in parts)


HERE = Here()


class RayWorkers:
    """Processes of Ray, each with one part at a time; what is shared is sent once to a machine."""

    def __init__(self, actors: list[Any]) -> None:
        self._actors = actors

    def map(
        self,
        run: Callable[Concatenate[Part, ...], Result],
        parts: Iterable[Part],
        *shared: object,
    ) -> Iterator[Result]:
        """Yield `run(part, *shared)` of each part, in the order of the parts.

        Raises:
            ConfigError: If a worker was lost, also when it was started again.
        """
        import ray
        from ray.exceptions import RayError, RayTaskError
        from ray.util import ActorPool

        kept = [ray.put(thing) for thing in shared]
        try:
            yield from ActorPool(self._actors).map(
                lambda actor, part: actor.run.remote(run, part, *kept), parts
            )
        except RayTaskError as error:
            raise error.cause from error
        except RayError as error:
            raise ConfigError(
                f"a worker was lost ({_first_line(error)}); take fewer workers, or give them more "
                "memory"
            ) from error


class _Worker:
    """A process that runs what it is sent."""

    def run(self, run: Callable[..., Any], part: Any, *shared: Any) -> Any:  # noqa: ANN401
        return run(part, *shared)


@contextmanager
def open_workers(n: int, *, on_gpu: bool = False) -> Iterator[Workers]:
    """Open `n` workers and close them at the end, whatever happens.

    Cores are shared out among them, or each takes `WHYCART_THREADS`. Without RAY_ADDRESS Ray is
    started for this alone: on loopback, behind a token that only its own processes know, without
    a dashboard or usage statistics, with its files in a folder that is removed.

    Args:
        n: How many; fewer than two are this process.
        on_gpu: Share out the GPUs too.

    Raises:
        ConfigError: If Ray is not installed or cannot be reached, or has not as many cores.
    """
    if n < 2:
        yield HERE
        return
    if importlib.util.find_spec("ray") is None:
        raise ConfigError(
            f"{n} workers need Ray, which is not installed; `pip install 'whycart[scale]'`, or "
            "build without `--workers`"
        )
    if ADDRESS not in os.environ:
        os.environ.update(LOCAL)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray

    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        _connect(n, folder)
        try:
            yield RayWorkers(_actors(n, ray.cluster_resources(), on_gpu=on_gpu))
        finally:
            ray.shutdown()


def _connect(n: int, folder: str) -> None:
    """Reach the cluster that the environment names, else start one in `folder`."""
    import ray

    own: dict[str, Any] = {
        "address": "local",
        "num_cpus": max(n, _n_cores()),
        "include_dashboard": False,
        "_temp_dir": folder,
    }
    try:
        ray.init(logging_level="WARNING", **({} if ADDRESS in os.environ else own))
    except (OSError, RuntimeError, ValueError) as error:
        place = os.environ.get(ADDRESS, "on this machine")
        raise ConfigError(
            f"Ray ({place}) cannot be reached: {_first_line(error)}; see to it, or build without "
            "`--workers`"
        ) from error


def _actors(n: int, found: dict[str, float], *, on_gpu: bool) -> list[Any]:
    import ray

    n_cores, n_gpus = int(found.get("CPU", 0)), int(found.get("GPU", 0))
    if n_cores < n or (on_gpu and not n_gpus):
        raise ConfigError(
            f"{n} workers are asked for, but Ray has {n_cores} cores and {n_gpus} GPUs; take fewer "
            "workers, or `--device cpu`"
        )
    threads = os.environ.get("WHYCART_THREADS") or str(max(1, n_cores // n))
    environment = {**dict.fromkeys(THREADS, threads), "TOKENIZERS_PARALLELISM": "false"}
    made = ray.remote(_Worker).options(
        num_cpus=1,
        num_gpus=1 / -(-n // n_gpus) if on_gpu else 0,  # -(-n // m) is n / m, rounded up
        scheduling_strategy="SPREAD",
        max_restarts=1,
        max_task_retries=1,
        runtime_env={"env_vars": environment},
    )
    return [made.remote() for _ in range(n)]


def _n_cores() -> int:
    """Return the cores this process may use."""
    known = getattr(os, "sched_getaffinity", None)
    return len(known(0)) if known else os.cpu_count() or 1


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
