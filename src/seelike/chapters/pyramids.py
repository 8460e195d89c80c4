"""What the layers of an untrained HLG see of an image, with and without attention across windows."""

from dataclasses import dataclass

import numpy as np
from torch.utils.data import Subset

from seelike.chapters.run import Run
from seelike.images import datasets
from seelike.measures import receptive_field
from seelike.measures.intervals import Terms
from seelike.measures.receptive_field import ReceptiveFields
from seelike.models import hlg
from seelike.models.loading import transform_of
from seelike.results.labelled_array import Measures

COMPARED = (hlg.FULL, hlg.LOCAL)
AT_A_TIME = 4  # images whose graph is kept


@dataclass(frozen=True)
class Pyramids:
    """Receptive fields of HLG with and without attention across windows, random weights.

    `fields` are of all layers, of the first state; `radii` replicates of the effective radius after the first stage of
    every state, (states, images + 1).
    """

    fields: dict[str, ReceptiveFields]
    radii: dict[str, np.ndarray]

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure; none of what is not known."""
        return receptive_field.arrays(self.fields) if self.fields else {}

    def terms(self) -> Terms:
        """H3: over images, and over the seeds of random weights."""
        return {(hlg.FULL,): self.radii[hlg.FULL], (hlg.LOCAL,): -self.radii[hlg.LOCAL]}


def see_pyramids(run: Run) -> Pyramids:
    """What the centre of every layer sees of the first images; of other seeds, after the first stage alone."""
    end, seeds = hlg.end_of_first_stage(), range(run.parameters["n_seeds"])
    found = {
        design: [see_layers(run, design, seed, [end] if seed else hlg.list_layers()) for seed in seeds]
        for design in COMPARED
    }
    radii = {design: np.array([_replicate(each, end) for each in fields]) for design, fields in found.items()}
    return Pyramids({design: fields[0] for design, fields in found.items()}, radii)


def see_layers(run: Run, design: str, seed: int, layers: list[str]) -> ReceptiveFields:
    """What the centre of some layers sees of the first images, at the design's own size, random weights of a seed."""
    images = Subset(run.images, range(run.parameters["n_field_images"]))
    model = hlg.load_untrained(design, seed).to(run.device)
    transforms, what = {design: transform_of(model)}, f"receptive fields of {design}"
    shown = datasets.load_minibatches(images, transforms, AT_A_TIME, run.device, drop_last=False, what=what)
    return receptive_field.estimate_fields(model, (batch[design] for batch in shown), layers, seed=seed)


def forget_pyramids(run: Run) -> Pyramids:
    """Nothing of them is trained, so that there is no control: the same terms, all unknown."""
    unknown = np.full((run.parameters["n_seeds"], run.parameters["n_field_images"] + 1), np.nan)
    return Pyramids({}, dict.fromkeys(COMPARED, unknown))


def _replicate(fields: ReceptiveFields, layer: str) -> np.ndarray:
    (at,) = fields.find([layer])
    return fields.replicates(lambda radii, _: radii[at])
