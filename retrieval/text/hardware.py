"""What the machine has for models: which device, which precision, how many cores."""

from __future__ import annotations

import os
from typing import Literal

from retrieval.errors import ModelError

Precision = Literal["float32", "bfloat16"]


def pick_device(device: str) -> str:
    """Return `cpu` or `cuda`; `auto` is CUDA when there is one.

    Raises:
        ModelError: If `cuda` is asked for and there is none, or the name is unknown.
    """
    import torch

    if device not in {"auto", "cpu", "cuda"}:
        raise ModelError(f"`{device}` is no device; take auto, cpu or cuda")
    present = torch.cuda.is_available()
    if device == "cuda" and not present:
        raise ModelError("`cuda` is asked for but PyTorch sees no GPU; take `--device auto`")
    return "cuda" if present and device != "cpu" else "cpu"


def pick_precision(device: str) -> Precision:
    """Return `bfloat16` on CUDA and on processors with AMX, where it is about 3 times faster.

    Elsewhere bfloat16 is slower than float32. A flag of the hardware decides, not a measurement,
    so that the same machine always takes the same.
    """
    import torch

    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    return "bfloat16" if device == "cuda" or has_amx() else "float32"


def limit_threads(threads: int | None = None) -> None:
    """Let PyTorch use `threads` cores, else `WHYCART_THREADS`, else leave it as it is.

    Raises:
        ModelError: If the number is not a positive whole number.
    """
    chosen = str(threads) if threads is not None else os.environ.get("WHYCART_THREADS", "")
    if not chosen:
        return
    if not chosen.isdecimal() or int(chosen) < 1:
        raise ModelError(f"the number of threads must be at least 1, got {chosen!r}")
    import torch

    torch.set_num_threads(int(chosen))
