"""What cannot be had is refused in a sentence, whoever was asked for it; what is free is told in MiB."""

import os
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


def test_a_peak_before_the_reset_is_forgotten():
    before = memory.find_used()
    if before is None:
        pytest.skip("this system does not tell")
    taken = torch.ones(300 * memory.MIB, dtype=torch.uint8)
    del taken
    memory.reset_peak()
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("this system does not forget")
    assert memory.find_peak() <= before + 100


def test_what_a_container_keeps_of_files_counts_as_free(tmp_path):
    for name, text in (("memory.max", "1000\n"), ("memory.current", "900\n"), ("memory.stat", "active_file 7\n")):
        (tmp_path / name).write_text(text)
    assert memory._free_of_container(tmp_path) == 100
    (tmp_path / "memory.stat").write_text("anon 200\ninactive_file 600\nactive_file 7\n")
    assert memory._free_of_container(tmp_path) == 700
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._free_of_container(tmp_path) is None
    assert memory._free_of_container(tmp_path / "nowhere") is None


def test_what_torch_keeps_of_a_gpu_counts_as_free(monkeypatch):
    told = {"memory_reserved": 700, "memory_allocated": 200}
    for name, mib in told.items():
        monkeypatch.setattr(torch.cuda, name, lambda _, mib=mib: mib * memory.MIB)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (100 * memory.MIB, 900 * memory.MIB))
    assert memory.find_free("cuda") == 600


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process, as Linux keeps them")
def test_the_limit_of_a_process_counts():
    code = "from seelike.system import memory; print(memory.find_free())"
    limit = f"ulimit -v {16 * 2**20}; exec {sys.executable} -c '{code}'"
    free = int(subprocess.run(["bash", "-c", limit], capture_output=True, text=True, check=True).stdout)
    assert 0 <= free < 16 * 2**10
