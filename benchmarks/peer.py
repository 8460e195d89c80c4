"""Two other packages for CKA on the same models, layers and images; and how far all are from the truth.

torch_cka is the most used, pytorch-cka the newest and, it says, the fastest. All give the same matrix: all pairs of
layers within each model and across. Both peers compare one model's layers with another's, so that two models take them
three comparisons, each with passes of its own.
"""

import warnings
from collections.abc import Callable
from itertools import combinations_with_replacement

import numpy as np
import torch
import work
from cases import Case
from clock import take_turns

from seelike.activations.flattened import stream
from seelike.measures.similarities.all_pairs import normalize
from seelike.system.memory import find_peak, reset_peak

TURNS = 2  # a peer takes minutes
PEERS = ("peer", "modern_peer")
AskOnce = Callable[..., np.ndarray]  # takes case, minibatches, names and a pair of roles to CKA of their layers


def compare_blocks(case: Case, n_images: int, batch: int) -> dict:
    """Blocks of both models."""
    return _compare(case, case.layers("blocks"), n_images, batch)


def compare_all(case: Case, n_images: int, batch: int) -> dict:
    """The layers of `layers=all` of both models, but for sums in mid-block: they are no module's output."""
    names = {role: [name for name in each if ":" not in name] for role, each in case.layers("all").items()}
    return _compare(case, names, n_images, batch)


def compare_parts(case: Case, n_images: int, batch: int) -> dict:
    """Every innermost module of the ViT's blocks that runs, identities and dropout too: what the peer's user hooks."""
    return _compare(case, {"vit": case.parts("vit")}, n_images, batch)


def _compare(case: Case, names: dict[str, list[str]], n_images: int, batch: int) -> dict:
    batches, found, peaks = case.keep(n_images, batch), {}, {}
    works = {
        "forward": lambda: work.forward(case, batches, tuple(names)),
        "ours": lambda: found.update(ours=work.compare(case, batches, names).values),
        "peer": lambda: found.update(peer=_ask_peer(_ask_peer_once, case, batches, names)),
        "modern_peer": lambda: found.update(modern_peer=_ask_peer(_ask_modern_peer_once, case, batches, names)),
    }
    seconds = take_turns(*(_watched(name, each, peaks) for name, each in works.items()), turns=TURNS)
    seconds = dict(zip(works, seconds, strict=True))
    truth = _compute_slowly(case, batches, names)
    return {
        "layers": {role: len(each) for role, each in names.items()},
        "images": n_images,
        "batch": batch,
        **{f"seconds_{name}": each for name, each in seconds.items()},
        **{f"peak_mib_{name}": each for name, each in peaks.items()},
        **{f"{name}_over_ours": seconds[name] / seconds["ours"] for name in PEERS},
        "peer_over_forward": seconds["peer"] / seconds["forward"],  # where a measure that costs nothing would stand
        "ours_over_forward": seconds["ours"] / seconds["forward"],
        "difference": float(np.abs(found["ours"] - found["peer"]).max()),
        **{f"difference_{name}": float(np.abs(each - truth).max()) for name, each in found.items()},
    }


def _watched(name: str, work: Callable[[], object], peaks: dict[str, int | None]) -> Callable[[], None]:
    """The work, which puts the most MiB that the process has during it among the peaks."""

    def watch() -> None:
        reset_peak()
        work()
        peaks[name] = max(filter(None, (peaks.get(name), find_peak())), default=None)

    return watch


def _ask_peer(ask_once: AskOnce, case: Case, batches, names: dict[str, list[str]]) -> np.ndarray:
    """All pairs, in the order of `names`."""
    parts = {pair: ask_once(case, batches, names, pair) for pair in combinations_with_replacement(names, 2)}
    parts |= {(other, one): part.T for (one, other), part in parts.items()}
    return np.block([[parts[one, other] for other in names] for one in names])


def _ask_peer_once(case: Case, batches, names: dict[str, list[str]], pair: tuple[str, str]) -> np.ndarray:
    from torch_cka import CKA

    class Loader(list):  # what the peer asks of a DataLoader
        dataset = "pictures"

    one, other = pair
    loaders = [Loader([(images[role],) for images in batches]) for role in pair]
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        peer = CKA(case.models[one], case.models[other], "one", "other", list(names[one]), list(names[other]))
        try:
            peer.compare(*loaders)
        finally:
            for role in pair:
                _remove_hooks(case.models[role])
    order = _find_order(names[one], peer.model1_features), _find_order(names[other], peer.model2_features)
    return peer.export()["CKA"].numpy()[np.ix_(*order)]


def _ask_modern_peer_once(case: Case, batches, names: dict[str, list[str]], pair: tuple[str, str]) -> np.ndarray:
    from cka import compute_cka

    both = [torch.cat([images[role] for role in pair], 1) for images in batches]  # it shows two models the same images
    first = Seeing(case.models[pair[0]], slice(0, 3)).eval()
    second = first if pair[0] == pair[1] else Seeing(case.models[pair[1]], slice(3, 6)).eval()
    layers = [[f"model.{name}" for name in names[role]] for role in pair]
    found = compute_cka(first, second, [both], layers=layers[0], model2_layers=layers[1], device="cpu", progress=False)
    return found[0].numpy()


class Seeing(torch.nn.Module):
    """A model that sees three of the channels of its images."""

    def __init__(self, model: torch.nn.Module, channels: slice):
        super().__init__()
        self.model, self.channels = model, channels

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images[:, self.channels])


def _remove_hooks(model: torch.nn.Module) -> None:
    """The peer leaves its hooks behind."""
    for module in model.modules():
        module._forward_hooks.clear()


def _find_order(names: list[str], fired: dict) -> list[int]:
    """The peer's rows are in the order in which layers fired."""
    fired = list(fired)
    return [fired.index(name) for name in names]


def _compute_slowly(case: Case, batches, names: dict[str, list[str]]) -> np.ndarray:
    """The estimator as Song et al. write it, in float64 from the products to the end, pair by pair."""
    total = 0.0
    for images in batches:
        grams = []
        for role, layers in names.items():
            exact = lambda x: x.double() @ x.double().T  # noqa: E731
            (seen,) = stream(case.models[role], [images[role]], layers, exact)
            grams += [k - k.diag().diag() for k in seen.values()]
        total = total + np.array([[_estimate(k, other) for other in grams] for k in grams])
    return normalize(total)


def _estimate(k: torch.Tensor, other: torch.Tensor) -> float:
    """HSIC₁ of two Gram matrices with zero diagonal."""
    n = len(k)
    sums = k.sum(0) @ other.sum(0)
    return float(((k * other).sum() + k.sum() * other.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * sums) / (n * (n - 3)))
