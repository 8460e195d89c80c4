"""The most-used package for CKA, torch_cka, on the same models, layers and images; and how far both are from the truth.

It compares the layers of one model with those of another, a pair at a time; ours gives these, and each model's own.
"""

import warnings

import numpy as np
import torch
import work
from cases import Case
from clock import take_turns

from seelike.activations import stream
from seelike.cka import normalize


def compare_blocks(case: Case, n_images: int, batch: int) -> dict:
    """Blocks of the ViT against blocks of the CNN."""
    return _compare(case, case.layers("blocks"), ("vit", "cnn"), n_images, batch)


def compare_all(case: Case, n_images: int, batch: int) -> dict:
    """Every layer of the ViT against every other; sums in mid-block are the output of no module, so it has none."""
    names = {"vit": [name for name in case.layers("all")["vit"] if ":" not in name]}
    return _compare(case, names, ("vit", "vit"), n_images, batch)


def _compare(case: Case, names: dict[str, list[str]], pair: tuple[str, str], n_images: int, batch: int) -> dict:
    batches, found = case.keep(n_images, batch), {}
    ours, theirs = (
        lambda: found.update(ours=work.compare(case, batches, names).values),
        lambda: found.update(peer=_ask_peer(case, batches, names, pair)),
    )
    seconds = take_turns(ours, theirs, turns=2 if len(set(pair)) == 2 else 1)
    n, start = len(names[pair[0]]), 0 if pair[0] == pair[1] else len(names[pair[0]])
    truth = _compute_slowly(case, batches, names)
    parts = {"ours": found["ours"][:n, start:], "peer": found["peer"]}
    return {
        "layers": {which: len(each) for which, each in names.items()},
        "images": n_images,
        "batch": batch,
        "seconds_ours": seconds[0],
        "seconds_peer": seconds[1],
        "peer_over_ours": seconds[1] / seconds[0],
        "difference": float(np.abs(parts["ours"] - parts["peer"]).max()),
        "difference_ours": float(np.abs(parts["ours"] - truth[:n, start:]).max()),
        "difference_peer": float(np.abs(parts["peer"] - truth[:n, start:]).max()),
    }


def _ask_peer(case: Case, batches, names: dict[str, list[str]], pair: tuple[str, str]) -> np.ndarray:
    from torch_cka import CKA

    class Loader(list):  # what the peer asks of a DataLoader
        dataset = "pictures"

    one, other = pair
    loaders = [Loader([(images[which],) for images in batches]) for which in pair]
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        peer = CKA(case.models[one], case.models[other], "one", "other", list(names[one]), list(names[other]))
        try:
            peer.compare(*loaders)
        finally:
            for which in pair:
                _remove_hooks(case.models[which])
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
        for which, layers in names.items():
            exact = lambda x: x.double() @ x.double().T  # noqa: E731
            (seen,) = stream(case.models[which], [images[which]], layers, exact)
            grams += [k - k.diag().diag() for k in seen.values()]
        total = total + np.array([[_estimate(k, other) for other in grams] for k in grams])
    return normalize(total)


def _estimate(k: torch.Tensor, other: torch.Tensor) -> float:
    """HSIC₁ of two Gram matrices with zero diagonal."""
    n = len(k)
    sums = k.sum(0) @ other.sum(0)
    return float(((k * other).sum() + k.sum() * other.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * sums) / (n * (n - 3)))
