"""The device that draws and trains, and how much it draws at once."""

import importlib.util

import torch

from gallery.errors import ConfigError

_ON_CPU = 224  # drawings of at most 60 x 60 pixels
_LIVE_MAPS = 6  # full-size maps of 64 channels that one drawing holds at a time, at most


def pick_device(wanted: str) -> torch.device:
    """Return the device for "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        ConfigError: The device is unknown, or is not on this machine.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise ConfigError(f"--device takes auto, cpu or cuda, got {wanted!r}") from None
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"--device takes auto, cpu or cuda, got {wanted!r}")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError("This machine has no CUDA device that torch can use; say --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise ConfigError(f"--device got {wanted!r}; this machine has cuda:0 to cuda:{last}")
    return device


def worth_compiling(device: torch.device, images: int) -> bool:
    """Say whether compiling the network, a minute or so, pays for so many images.

    On a CPU it gains next to nothing; on a GPU it needs Triton, which torch brings on Linux.
    """
    return (
        device.type == "cuda"
        and images >= 50_000
        and importlib.util.find_spec("triton") is not None
    )


def drawings_at_once(device: torch.device, size: int) -> int:
    """Return how many drawings of size x size pixels are made in one batch.

    On a CPU so many that their maps stay near the caches; on a GPU so many that they fill half of
    its free memory, as far as more than a few thousand would still gain something.
    """
    if device.type != "cuda":
        return max(1, min(_ON_CPU, _ON_CPU * 60**2 // size**2))
    free, _ = torch.cuda.mem_get_info(device)
    bytes_each = 64 * size**2 * 4 * _LIVE_MAPS
    return int(min(16_384, max(32, free // 2 // bytes_each)))
