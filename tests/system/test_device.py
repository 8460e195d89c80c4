"""The device that models run on; what cannot be used is refused where parameters are checked, see test_refusals."""

from seelike.system.device import choose_device


def test_auto_device_can_be_used():
    assert choose_device(choose_device("auto")) in ("cpu", "cuda")
