"""A training step as a CUDA graph, so that many small networks share a GPU without waiting for Python."""

from collections.abc import Callable

import torch

WARM_UP = 3  # calls that allocate what a graph cannot


class Graph:
    """A function without arguments or result, called on a stream of its own: first as it is, then as a graph.

    What it reads and writes must lie where it lay at the first calls.
    """

    def __init__(self, call: Callable[[], None]):
        self._call, self._calls = call, 0
        self._stream, self._graph = torch.cuda.Stream(), None

    def __call__(self) -> None:
        """Call it once more; returns at once."""
        if self._calls == WARM_UP:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=self._stream):
                self._call()
        if not self._graph:
            self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            (self._graph.replay if self._graph else self._call)()
        self._calls += 1
