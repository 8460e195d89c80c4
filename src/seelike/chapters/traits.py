"""The traits by which systems are placed between a ViT and a ResNet: one number each, from what was measured of all.

- `alike`: CKA with the ViT's layers at equal depth − that with the ResNet's. Of the ViT itself it is 1 − the CKA of
  both ends, of the ResNet the same below 0: the ends of this scale are these very models.
- `uniform` (U1): CKA of the lowest with the highest third of blocks.
- `staged` (U2): how much CKA falls at boundaries between stages: the model's own, or, of one without stages, those at
  the same fractions of the depth as the ResNet's.
- `skips` (S2): mean log ratio of the norms of skip and branch, of spatial tokens.
- `local` (L1): localization score of the last block's tokens, as a share of what the pixels would give.
- `early` (D4): of what a linear probe reads off the best block, the share that it reads off a block on average; of the
  first training alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seelike.activations.layers import Layer, find_stage_ends
from seelike.chapters.run import MODELS
from seelike.chapters.uniformity import corner_cka
from seelike.measures.between import cross_scores, estimate_crossed, estimate_place
from seelike.measures.block_probes import ProbeCurve
from seelike.measures.depth_match import equal_depth_cka
from seelike.measures.intervals import Estimate, combine
from seelike.measures.lag_contrast import boundary_contrast, transfer_boundaries
from seelike.measures.layer_cka import RunSimilarity
from seelike.measures.norm_ratio import NormRatios
from seelike.measures.token_patch_cka import TokenPatch, pixel_share
from seelike.system.errors import InputError

VIT, CNN = MODELS
ALIKE, UNIFORM, STAGED, SKIPS, LOCAL, EARLY = TRAITS = ("alike", "uniform", "staged", "skips", "local", "early")
Reasons = dict[str, dict[str, str]]  # role → trait → why it is not measured


@dataclass(frozen=True)
class Traits:
    """What was measured of the models of all runs, by their names; `models` has those in each role.

    `tokens` are by system: those of both ends are on windows that it has, too. `reasons` say what is left out.
    """

    models: dict[str, tuple[str, ...]]
    similarity: RunSimilarity
    blocks: dict[str, tuple[Layer, ...]]
    ratios: dict[str, NormRatios]
    tokens: dict[str, dict[str, TokenPatch]]
    curves: dict[str, ProbeCurve]
    chance: float  # of probes
    reasons: Reasons

    def place(self, trait: str, system: str) -> Estimate:
        """Where a system stands between the ViT and the ResNet. Raises InputError where it is not measured."""
        if trait == ALIKE:
            to_vit, to_cnn, apart = self._compare(system)
            return estimate_place(to_vit - to_cnn + apart, 2 * apart[0])
        return estimate_place(*cross_scores(*(self._score(trait, role, system) for role in (system, *MODELS))))

    def score(self, trait: str, role: str, system: str) -> Estimate:
        """The number of one model, the system or one of the ends that it is held against.

        Raises InputError where it is not measured.
        """
        if trait == ALIKE:
            to_vit, to_cnn, apart = self._compare(system)
            return estimate_crossed({VIT: apart[0], CNN: -apart[0], system: to_vit - to_cnn}[role])
        return combine({(role,): self._score(trait, role, system)})

    def compare_depths(self, system: str) -> dict[str, Estimate]:
        """CKA of a system with each end at equal depth."""
        return {role: estimate_crossed(self.similarity.cross(system, role, equal_depth_cka)) for role in MODELS}

    def place_twins(self) -> dict[str, float]:
        """By `alike`, where other trainings of both ends stand, on average; of an end that has none nothing."""
        apart = 1 - self.similarity.cross(*MODELS, equal_depth_cka)[..., 0].mean()
        found = {}
        for role, sign in ((VIT, 1), (CNN, -1)):
            own = self.similarity.cross(role, role, equal_depth_cka)[..., 0]
            if len(own) > 1:
                twins = own[~np.eye(len(own), dtype=bool)].mean()
                found[role] = float(0.5 + sign * (twins - 1 + apart) / (2 * apart))
        return found

    def _compare(self, system: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """CKA at equal depth of the system with the ViT and with the ResNet, and 1 − that of both, each with each.

        (trainings of the system, of the ViT, of the ResNet, n_draws + 1), or what can be broadcast to it.
        """
        to_vit, to_cnn = (self.similarity.cross(system, role, equal_depth_cka) for role in MODELS)
        return to_vit[:, :, None], to_cnn[:, None], 1 - self.similarity.cross(*MODELS, equal_depth_cka)[None]

    def _score(self, trait: str, role: str, system: str) -> np.ndarray:
        """(trainings, n_draws + 1), replicates."""
        together = (system, *MODELS) if trait == LOCAL else (role,)  # of tokens no model is measured alone
        for reason in (self.reasons.get(each, {}).get(trait) for each in together):
            if reason:
                raise InputError(reason)
        models = self.models[role][:1] if trait == EARLY else self.models[role]
        return np.array([SCORES[trait](self, model, role, system) for model in models])

    def _find_corner(self, model: str, role: str, system: str) -> np.ndarray:
        return self.similarity.of_model(model, corner_cka)

    def _find_steps(self, model: str, role: str, system: str) -> np.ndarray:
        n_blocks, boundaries = len(self.blocks[model]), self._find_boundaries(model)
        if not boundaries:
            raise InputError(f"{role} has no stages, and nor has {CNN}, by whose they could be placed")
        if len(boundaries) >= n_blocks - 1:
            raise InputError(f"{role} has {n_blocks} blocks, too few for {len(boundaries)} boundaries between stages")
        own = np.arange(n_blocks)
        return self.similarity.of_model(model, lambda cka: boundary_contrast(cka, own, boundaries))

    def _find_boundaries(self, model: str) -> tuple[int, ...]:
        """Between a model's own stages; of one without, at the same fractions of its depth as the ResNet's."""
        cnn = self.blocks[self.models[CNN][0]]
        own = find_stage_ends(self.blocks[model])
        return tuple(own) or transfer_boundaries(find_stage_ends(cnn), len(cnn), len(self.blocks[model]))

    def _find_level(self, model: str, role: str, system: str) -> np.ndarray:
        if not self.ratios[model].identity.any():
            raise InputError(f"{role} has no skip that is the identity")
        return self.ratios[model].levels()

    def _find_share(self, model: str, role: str, system: str) -> np.ndarray:
        return self.tokens[system][model].replicates(pixel_share)

    def _find_earliness(self, model: str, role: str, system: str) -> np.ndarray:
        return self.curves[model].find_earliness(self.chance)


SCORES: dict[str, Callable[[Traits, str, str, str], np.ndarray]] = {
    UNIFORM: Traits._find_corner,
    STAGED: Traits._find_steps,
    SKIPS: Traits._find_level,
    LOCAL: Traits._find_share,
    EARLY: Traits._find_earliness,
}
