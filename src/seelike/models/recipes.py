"""How every bundled model is trained: one recipe a family, and what each of its models changes in it.

A family is one set of designs at one size of image, trained on one kind of image: `shapes` on this project's
drawings, `cifar10` on photographs. Models are named as timm names them, `architecture.tag`; the tag says what the
weights learned from. `FAMILIES` is the only list of them, but for what papers around this one build (`UNLABELLED`,
`DENSE`): `bundled`, `vtcc`, `hlg` and `dense` register what stands there, `train` trains it.
"""

import re
from dataclasses import dataclass, field, replace

from seelike.models.recipe_kinds import (
    ALL_PHOTOGRAPHS,
    COLORED,
    Clusters,
    Dense,
    FrozenRecipe,
    Recipe,
    Views,
    WiredRecipe,
)


def _unseeded(name: str) -> str:
    return re.sub(r"_seed\d+$", "", name)


NO_SKIP_BLOCKS = (1, 4, 6)  # early, middle, late: one design each, whose block of that number has no skips
DESIGNS = ("vit", "gap", "small", "resnet", "mixer", *(f"noskip{block}" for block in NO_SKIP_BLOCKS))
SHARES = (3, 10, 30)  # percent of the images that ViTs of less data see
EARLY_SHARES = (1, 3, 10)  # percent of its steps after which a run's state is shipped too
GAP_RATE = 0.6  # of the learning rate: lower for GAP, as in the paper (3e-4, and 1e-3 for CLS)
WIRED_STEPS = 3_000
AROUND_SEEDS = 3  # trainings of each row of `Family.around`
BRIEFLY = "_brief"  # in a tag: trained for a twelfth of the family's images, to be compared with others so trained

Row = tuple[str, str, Recipe]  # design, what the tag says beside the family's own, how it is trained


@dataclass(frozen=True)
class Family:
    """One set of designs at one size of image, trained on one kind of image; the paper's interventions included."""

    tag: str
    image_size: int  # pixels a side
    patch_size: int
    small: str  # the smaller ViT, by a name in `bundled.SMALLER`
    vit: Recipe  # of the ViTs and the Mixer
    resnet: Recipe
    near: Recipe  # fine-tuning on a near task …
    far: Recipe  # … and on a far one
    seeds: dict[str, int] = field(default_factory=dict)  # design → trainings, where there is more than one
    around: tuple[Row, ...] = ()  # what chapters around the paper compare …
    shipped: tuple[str, ...] = ()  # … and of which of it, by design and tag, the weights of seed 0 are shipped

    def name(self, design: str) -> str:
        """The architecture's name in timm."""
        patched = f"patch{self.patch_size}"
        size = self.image_size
        if design.startswith("noskip"):
            return f"vit_pocket_{design}_{patched}_{size}"
        return {
            "vit": f"vit_pocket_{patched}_{size}",
            "gap": f"vit_pocket_{patched}_gap_{size}",
            "small": f"vit_{self.small}_{patched}_{size}",
            "resnet": "resnet_pocket" if size == 56 else f"resnet_pocket_{size}",
            "mixer": f"mixer_pocket_{patched}_{size}",
            "wired": f"vit_pocket9_{patched}_{size}",
            "posattn": f"vit_pocket_posattn_{patched}_{size}",
            "uniform": f"vit_pocket_uniform_{patched}_{size}",
        }[design]

    def recipe(self, design: str) -> Recipe:
        """How a design is trained on all images, from seed 0."""
        if design == "gap":
            return replace(self.vit, rate=self.vit.rate * GAP_RATE)
        return self.resnet if design == "resnet" else self.vit

    def recipes(self) -> dict[str, Recipe]:
        """Every training, by the name of what it makes."""
        runs = [(design, "", self.recipe(design)) for design in DESIGNS]
        little = [("vit", share) for share in SHARES] + [("small", SHARES[0]), ("resnet", SHARES[0])]
        for design, share in little:
            whole = self.recipe(design)
            runs.append((design, f"_{share}pct", replace(whole, images=whole.images * share // 100)))
        for tuned in (self.near, self.far):
            runs.append(("vit", f"_to_{tuned.task}", replace(tuned, start=f"{self.name('vit')}.{self.tag}")))
        seeds = dict.fromkeys((design + change for design, change, _ in self.around), AROUND_SEEDS) | self.seeds
        table = {}
        for design, change, recipe in (*runs, *self.around):
            for seed in range(seeds.get(design + change, 1)):
                twin = f"_seed{seed}" if seed else ""
                start = recipe.start and recipe.start + twin
                table[f"{self.name(design)}.{self.tag}{change}{twin}"] = replace(recipe, seed=seed, start=start)
        return table

    def designs(self) -> tuple[str, ...]:
        """Those of all families, and those of `around`."""
        return tuple(dict.fromkeys((*DESIGNS, *(design for design, _, _ in self.around))))

    def without_weights(self) -> set[str]:
        """The trainings of whose result the answers to test images are shipped, and no weights."""
        rows = {f"{self.name(design)}.{self.tag}{change}": design + change for design, change, _ in self.around}
        kept = {name for name, row in rows.items() if row in self.shipped}
        return {name for name in self.recipes() if _unseeded(name) in rows and name not in kept}

    def compared(self) -> set[str]:
        """The trainings of `around`, and of the ViT and the ResNet beside them: cards have what they answer."""
        designs = ("vit", "resnet") if self.around else ()
        rows = {self.name(design) + f".{self.tag}{change}" for design, change, _ in self.around}
        rows |= {f"{self.name(design)}.{self.tag}" for design in designs}
        return {name for name in self.recipes() if _unseeded(name) in rows}

    def early(self) -> dict[str, tuple[str, int]]:
        """Early states that are shipped too, to show when a property appears: name → run, percent of its steps."""
        runs = (f"{self.name(design)}.{self.tag}" for design in ("vit", "resnet"))
        return {f"{run}_after{percent}pct": (run, percent) for run in runs for percent in EARLY_SHARES}


def compare_starts(recipe: Recipe) -> tuple[Row, ...]:
    """Trainings of the ViT that can start as a convolution: free, in two phases, and the control; much data, little."""
    recipe = replace(recipe, steps=WIRED_STEPS, rate=recipe.rate * GAP_RATE)  # it averages its tokens, as GAP does
    rows = []
    for change, wiring in {"": "free", "_twophase": "convolution", "_permuted": "permuted"}.items():
        whole = WiredRecipe(**vars(recipe), wiring=wiring)
        little = replace(whole, images=whole.images * SHARES[0] // 100)
        rows += [("wired", change, whole), ("wired", f"{change}_{SHARES[0]}pct", little)]
    return tuple(rows)


def compare_cues(vit: Recipe, resnet: Recipe) -> tuple[Row, ...]:
    """Trainings on drawings in which other cues tell the class."""
    designs = {"vit": vit, "resnet": resnet}
    return tuple(
        (design, f"_{task}", replace(recipe, task=task))
        for task in ("untextured", "grounded")
        for design, recipe in designs.items()
    )


def compare_attention(vit: Recipe, change: str = "") -> tuple[Row, ...]:
    """Trainings of ViTs whose attention does not look at the tokens."""
    return ("posattn", change, vit), ("uniform", change, vit)


DRAWINGS = Recipe()
PHOTOGRAPHS = Recipe("cifar10", images=ALL_PHOTOGRAPHS, steps=9_000, rate=3e-3, batch_size=128, augment=True)
QUICK = replace(DRAWINGS, steps=1_500)  # the ResNet learns drawings far faster than the others
BRIEF = replace(DRAWINGS, task="cifar10", images=ALL_PHOTOGRAPHS, steps=WIRED_STEPS, augment=True)  # for a CPU
SHAPES = Family(
    tag="shapes",
    image_size=56,
    patch_size=8,
    small="smallpocket",
    vit=DRAWINGS,
    resnet=QUICK,
    around=(*compare_starts(DRAWINGS), *compare_attention(DRAWINGS), *compare_cues(DRAWINGS, QUICK)),
    shipped=("posattn", "vit_untextured", "resnet_untextured", "vit_grounded", "resnet_grounded"),
    near=replace(DRAWINGS, task="regrouped", images=20_000, steps=1_000, rate=DRAWINGS.rate * 0.3),
    far=replace(DRAWINGS, task="strokes", images=20_000, steps=1_000, rate=DRAWINGS.rate * 0.3),
    seeds=dict.fromkeys(
        ("vit", "gap", "resnet", "mixer", "small", "vit_3pct", "small_3pct", "vit_to_regrouped", "vit_to_strokes"), 3
    )
    | {f"noskip{block}": 3 for block in NO_SKIP_BLOCKS},
)
CIFAR10 = Family(
    tag="cifar10",
    image_size=32,
    patch_size=4,
    small="slimpocket",
    vit=PHOTOGRAPHS,
    resnet=replace(PHOTOGRAPHS, rate=8e-3),
    around=(*compare_starts(BRIEF), ("vit", BRIEFLY, BRIEF), *compare_attention(BRIEF, BRIEFLY)),
    near=replace(PHOTOGRAPHS, task="pairs", steps=1_500, rate=PHOTOGRAPHS.rate * 0.3),
    far=replace(PHOTOGRAPHS, task="strokes", images=20_000, steps=1_500, rate=PHOTOGRAPHS.rate * 0.3, augment=False),
    seeds={"vit": 3, "gap": 3, "resnet": 3, "mixer": 3, "vit_3pct": 2}
    | {f"noskip{block}": 2 for block in NO_SKIP_BLOCKS},
)
FAMILIES = {family.tag: family for family in (SHAPES, CIFAR10)}


@dataclass(frozen=True)
class System:
    """What a paper around this one builds, at 56 pixels: all of it is trained from three seeds."""

    tag: str
    runs: dict[str, Recipe]  # by the name of what it makes, of seed 0
    shipped: tuple[str, ...]  # of which the weights are shipped; of the others what they answer
    image_size: int = 56

    def recipes(self) -> dict[str, Recipe]:
        """Every training, by the name of what it makes."""
        return {
            f"{name}_seed{seed}" if seed else name: replace(recipe, seed=seed)
            for name, recipe in self.runs.items()
            for seed in range(AROUND_SEEDS)
        }

    def without_weights(self) -> set[str]:
        """The trainings whose answers to test images are shipped, and no weights."""
        return self.recipes().keys() - set(self.shipped)

    def compared(self) -> set[str]:
        """The trainings whose cards have what they answer: all of them."""
        return set(self.recipes())


DUOFORMERS = (  # how names of designs differ from that of the first
    *("", "onescale_", "threescales_", "mean_", "scaleonly_", "patchonly_", "freetoken_"),
    *("moved_", "noise_", "untrained_"),
)
NEW_HEAD, NEW_HEAD_RATE = "newhead_", 0.1  # a linear classifier alone; the rate is its best on drawings held out
STROKES = Clusters()
CUES = Clusters("shapes", images=32_000, clusters=5, views=Views())  # every cue of `shapes` has five values
UNLABELLED = System(
    "unlabelled",
    {f"vtcc_pocket_{backbone}56.unlabelled_strokes": STROKES for backbone in ("", "patchstem_", "resnet_")}
    | {
        "vtcc_pocket_56.unlabelled_strokes_instance": replace(STROKES, columns=0.0),
        "vtcc_pocket_56.unlabelled_strokes_cluster": replace(STROKES, instances=0.0),
        "vtcc_pocket_56.unlabelled_shapes": CUES,
        "vtcc_pocket_56.unlabelled_shapes_colored": replace(CUES, views=COLORED),
    },
    shipped=("vtcc_pocket_56.unlabelled_strokes",),
)
PYRAMIDS = ("hlg_pocket_56", "hlg_pocket_local_56", "hlg_pocket_global_56", "hlg_pocket_random_56")
DENSE = System(
    "dense",
    {f"{design}.dense_shapes": Dense() for design in PYRAMIDS}
    | {"vit_pocket_dense_56.dense_shapes": Dense(images=35_840, steps=1_120)},  # 2.8 times the steps: as many products
    shipped=(f"{PYRAMIDS[0]}.dense_shapes",),
)
FAR = FrozenRecipe()
NEAR = replace(FAR, task="regrouped")
FROZEN = System(
    "frozen",
    {f"duoformer_pocket_{design}56.frozen_strokes": FAR for design in DUOFORMERS}
    | {"duoformer_pocket_56.frozen_regrouped": NEAR}
    | {
        f"duoformer_pocket_{NEW_HEAD}56.frozen_{recipe.task}": replace(recipe, rate=NEW_HEAD_RATE)
        for recipe in (FAR, NEAR)
    },
    shipped=("duoformer_pocket_56.frozen_strokes",),
)
SYSTEMS = {system.tag: system for system in (UNLABELLED, DENSE, FROZEN)}
ALL: dict[str, Family | System] = FAMILIES | SYSTEMS
RECIPES = {name: recipe for family in ALL.values() for name, recipe in family.recipes().items()}
EARLY = {name: run for family in FAMILIES.values() for name, run in family.early().items()}
WITHOUT_WEIGHTS = frozenset(name for family in ALL.values() for name in family.without_weights())
COMPARED = frozenset(name for family in (*FAMILIES.values(), DENSE, FROZEN) for name in family.compared())

VIT, GAP, SMALL, RESNET, MIXER = map(SHAPES.name, DESIGNS[:5])
NO_SKIP = {block: SHAPES.name(f"noskip{block}") for block in NO_SKIP_BLOCKS}


def find_family(name: str) -> Family | System:
    """The family of a bundled model, or the system around the paper that it is one of."""
    return ALL[name.partition(".")[2].partition("_")[0]]


def find_recipe(name: str) -> Recipe:
    """How a bundled model was trained; of an early state, the recipe of its run."""
    return RECIPES[EARLY[name][0] if name in EARLY else name]


def find_runs(name: str) -> list[str]:
    """A model, then those that were trained likewise from other seeds and have weights; of any other itself alone."""
    return [name, *(other for other in find_seeds(name)[1:] if other not in WITHOUT_WEIGHTS)]


def find_seeds(name: str) -> list[str]:
    """A model, then all that were trained likewise from other seeds, with weights or without."""
    if name not in RECIPES:
        return [name]
    return [name, *(other for other in RECIPES if other != name and _unseeded(other) == _unseeded(name))]


def kept_steps(run: str) -> dict[int, str]:
    """The steps of a run after which its state is shipped under a name of its own."""
    return {RECIPES[run].steps * percent // 100: name for name, (of, percent) in EARLY.items() if of == run}
