"""The measures of similarity, by name."""

from seelike.measures.cka import hsic
from seelike.measures.similarities.all_pairs import Products
from seelike.measures.similarities.mutual_neighbours import multiply_neighbours
from seelike.measures.similarities.procrustes import multiply_shapes
from seelike.measures.similarities.rbf_cka import multiply_kernels
from seelike.measures.similarities.rsa import multiply_ranks
from seelike.system.errors import InputError

MEASURES: dict[str, Products] = {
    "cka": hsic,
    "rsa": multiply_ranks,
    "knn": multiply_neighbours,
    "procrustes": multiply_shapes,
    "rbf_cka": multiply_kernels,
}


def check_measure(measure: str) -> None:
    """Raises InputError for a name that is none of a measure."""
    if measure not in [*MEASURES]:
        raise InputError(f"measure must be one of {', '.join(MEASURES)}, not {measure!r}")
