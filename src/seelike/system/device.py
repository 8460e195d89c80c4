"""The device that models run on."""

import torch

from seelike.system.errors import InputError


def choose_device(device: str) -> str:
    """ "auto" is the GPU where there is one; a device that cannot be used raises InputError.

    The measures need a device that computes in float64, which Apple's MPS does not.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.ones(1, device=device).double().cpu()
    except Exception:  # each kind of device raises its own
        raise InputError(
            f"device must be auto, cpu or a device that torch can use here in float64, not {device!r}"
        ) from None
    return device
