"""The most-used package for CKA, torch_cka, on the same models, layers and images; and how far both are from the truth.

Both give the same matrix: all pairs of layers within each model and across. The peer compares one model's layers with
another's, so that two models take it three comparisons.
"""

import warnings
from itertools import combinations_with_replacement

import numpy as np
import torch
import work
from cases import Case
from clock import take_turns

from seelike.activations.flattened import stream
from seelike.measures.cka import normalize

TURNS = 2  # the peer takes minutes


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
    batches, found = case.keep(n_images, batch), {}
    forward, ours, theirs = take_turns(
        lambda: work.forward(case, batches, tuple(names)),
        lambda: found.update(ours=work.compare(case, batches, names).values),
        lambda: found.update(peer=_ask_peer(case, batches, names)),
        turns=TURNS,
    )
    truth = _compute_slowly(case, batches, names)
    return {
        "layers": {role: len(each) for role, each in names.items()},
        "images": n_images,
        "batch": batch,
        "seconds_forward": forward,
        "seconds_ours": ours,
        "seconds_peer": theirs,
        "peer_over_ours": theirs / ours,
        "peer_over_forward": theirs / forward,  # where a measure that costs nothing would stand
        "difference": float(np.abs(found["ours"] - found["peer"]).max()),
        "difference_ours": float(np.abs(found["ours"] - truth).max()),
        "difference_peer": float(np.abs(found["peer"] - truth).max()),
    }


def _ask_peer(case: Case, batches, names: dict[str, list[str]]) -> np.ndarray:
    """All pairs, in the order of `names`."""
    parts = {pair: _ask_peer_once(case, batches, names, pair) for pair in combinations_with_replacement(names, 2)}
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
