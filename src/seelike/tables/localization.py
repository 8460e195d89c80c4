"""The numbers that the prose of the chapter on localization may cite."""

import numpy as np

from seelike.results.labelled_array import Measures


def phrases(measures: Measures) -> dict[str, str]:
    """Numbers that prose may cite beside the claims' own.

    - `tokens`, `edge_tokens`: how many the ViT's grid has;
    - `corner_own`: CKA of the corner token of its last block with its own patch; `corner_most`: with the patch that it
      resembles most, which is in `corner_row` and `corner_column`;
    - `occluded`: how many images were occluded.
    """
    corner = measures["token_patch_cka"]["vit"].values[-1, 0]
    rows, columns = corner.shape
    row, column = np.unravel_index(np.nanargmax(corner), corner.shape)
    occluded = measures.get("occlusion", {}).get("vit")
    return {
        "tokens": str(corner.size),
        "edge_tokens": str(corner.size - (rows - 2) * (columns - 2)),
        "corner_own": f"{corner[0, 0]:.3f}",
        "corner_most": f"{corner[row, column]:.3f}",
        "corner_row": str(row),
        "corner_column": str(column),
        "occluded": str(0 if occluded is None else len(occluded.values)),
    }
