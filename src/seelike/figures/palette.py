"""The colours of all figures, after Okabe & Ito, safe for colour-blind readers; each has a counterpart on dark pages.

A model keeps its colour throughout the book.
"""

COLORS = {
    "vit": "#0072B2",
    "vit_gap": "#56B4E9",
    "vit_small": "#E69F00",
    "cnn": "#D55E00",
    "mixer": "#009E73",
    "random": "#8A8A8A",
}
SERIES = (COLORS["vit"], COLORS["vit_gap"], "#CC79A7", COLORS["cnn"], COLORS["mixer"])  # of what is no model
PARTS = ("#CC79A7", "#44AA99", "#999933", "#882255")  # of a model, beside its own colour: tokens, branches, cues
SHADES = {3: "#9BCBEB", 10: "#56A0D3", 30: "#0072B2", 100: "#003A5C"}  # the ViT's blue, stronger with more data
VERDICTS = {
    "holds": "#009E73",
    "weak": "#6FB7E2",
    "absent": "#F0E442",
    "reversed": "#D55E00",
    "inconclusive": "#B8B8B8",
    "not applicable": "#F1F1F1",
}
PALE_VERDICTS = {
    "holds": "#99D8C7",
    "weak": "#C5E2F3",
    "absent": "#F9F4B4",
    "reversed": "#EEBF99",
    "inconclusive": "#E3E3E3",
    "not applicable": "#F8F8F8",
}
CUES = {"outline": PARTS[1], "texture": PARTS[3], "hue": PARTS[2]}  # by which models decide
ON_VERDICT = "#111111"
CLAIMED = "#009E73"  # where an effect deserves the claim's sentence
MAP = "magma"  # of heatmaps
ON_MAP = "#5EC8E5"  # lines and dots on a heatmap
INK = "#444444"  # lines of reference and axes
TEXT = "#222222"
FAINT = "#CCCCCC"  # outlines of what is empty
PAPER = "#FFFFFF"

DARK_PAPER = "#121212"  # of the theme
ON_DARK = {
    COLORS["vit"]: "#4FA9E6",
    COLORS["cnn"]: "#FF8A45",
    COLORS["random"]: "#9AA0A6",
    COLORS["vit_gap"]: "#A9DCFA",
    COLORS["mixer"]: "#2EC49A",
    PARTS[0]: "#E59CC6",
    PARTS[1]: "#5CCBB8",
    PARTS[2]: "#BDBD52",
    PARTS[3]: "#C8588F",
    COLORS["vit_small"]: "#F0E442",
    SHADES[3]: "#40719C",
    SHADES[10]: "#3E86B8",
    SHADES[100]: "#D2EBFC",
    VERDICTS["inconclusive"]: "#A6ACB3",
    VERDICTS["not applicable"]: "#7C8590",
    PALE_VERDICTS["holds"]: "#559D8A",
    PALE_VERDICTS["weak"]: "#5E91B3",
    PALE_VERDICTS["absent"]: "#B3A94E",
    PALE_VERDICTS["reversed"]: "#BE7D4E",
    PALE_VERDICTS["inconclusive"]: "#868D96",
    PALE_VERDICTS["not applicable"]: "#7A818A",
    INK: "#B4BAC2",
    TEXT: "#E4E7EB",
    FAINT: "#59616B",
    PAPER: DARK_PAPER,
}
