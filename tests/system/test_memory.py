"""What cannot be had is refused in a sentence, whoever was asked for it; what is free is told in MiB."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from seelike.system import memory
from seelike.system.errors import InputError

HUGE = 2**50  # bytes


def ask_torch():
    torch.empty(HUGE, dtype=torch.uint8)


def ask_numpy():
    np.empty(HUGE, np.uint8)


def ask_python():
    bytearray(HUGE)


@pytest.mark.parametrize("ask", [ask_torch, ask_numpy, ask_python])
def test_memory_that_cannot_be_had_is_refused_in_one_sentence(ask):
    complaint = "^vit='x' needs more memory than there is: lower batch_size, n_images or image_size, take layers=blocks"
    with pytest.raises(InputError, match=complaint), memory.explained("vit='x'"):
        ask()


@pytest.mark.parametrize(
    "text", ["CUDA out of memory. Tried to allocate 2 GiB", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED"]
)
def test_a_gpus_refusals_are_known(text):
    assert memory.ran_out("OutOfMemoryError", text) and memory.ran_out("RuntimeError", text)


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="sizes of tensors"), memory.explained("vit"):
        raise RuntimeError("sizes of tensors must match")
    with pytest.raises(InputError, match="^n_images"), memory.explained("vit"):
        raise InputError("n_images must fit, or a GPU is out of memory")


def test_what_is_used_and_free_moves_with_what_is_taken():
    before, free = memory.find_used(), memory.find_free()
    if before is None:
        pytest.skip("this system does not tell")
    taken = torch.ones(300 * memory.MIB, dtype=torch.uint8)
    assert 280 <= memory.find_used() - before <= 400
    assert memory.find_peak() >= before + 280
    assert free > 0 and len(taken)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process, as Linux keeps them")
def test_the_limit_of_a_process_counts():
    code = "from seelike.system import memory; print(memory.find_free())"
    limit = f"ulimit -v {16 * 2**20}; exec {sys.executable} -c '{code}'"
    free = int(subprocess.run(["bash", "-c", limit], capture_output=True, text=True, check=True).stdout)
    assert 0 <= free < 16 * 2**10
