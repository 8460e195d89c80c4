"""The scorecard: every claim of the paper at every scale, from result files alone."""

from collections import Counter

from seelike.results.claims import CLAIMS, VERDICTS, Claim
from seelike.results.results import SCALES
from seelike.results.scorecard import Found
from seelike.tables.markdown import MARKS, NO_BREAK, number, table


def rows(found: Found) -> str:
    """One row a claim: its random-weights controls, its effect at each scale, and what the paper shows."""
    head = ["Claim", "Random weights", *(f"`{scale}`" for scale in found), "The paper"]
    lines = [head, ["---"] * len(head)]
    for key, claim in CLAIMS.items():
        title = f"{{ref}}`{key} <{label_of(claim)}>` {claim.text}"
        controls = [f"{scale}: {_cell(claims[key], 'control')}" for scale, claims in found.items() if key in claims]
        cells = [_cell(claims[key]) if key in claims else "not measured" for claims in found.values()]
        lines.append([title, "<br>".join(controls), *cells, f"{claim.paper} (Fig. {claim.figures})"])
    return table(lines)


def label_of(claim: Claim) -> str:
    """The label of the figure that draws a claim's effect."""
    return f"fig-{claim.chapter.partition('_')[0]}-effects"


def phrases(found: Found) -> dict[str, str]:
    """Every number and list of claims that prose may cite, by name: `claims`, `<scale>_holds`, `<scale>_failing`, …"""
    named = {"holding": "holds", "failing": "fails", "undecided": "open"}
    lists = {f"{scale}_{name}": name_claims(found, scale, v) for scale in SCALES for name, v in named.items()}
    return count(found) | lists


def count(found: Found) -> dict[str, str]:
    """How many claims are measured at a scale, hold, fail or stay open, and how many that hold do so untrained."""
    numbers = {"claims": len(CLAIMS)}
    for scale, claims in found.items():
        verdicts = Counter(entry["verdict"] for entry in claims.values())
        numbers |= {f"{scale}_{verdict}": verdicts[verdict] for verdict in VERDICTS}
        both = Counter((entry["verdict"], entry["control_verdict"]) for entry in claims.values())
        numbers[f"{scale}_measured"] = len(claims)
        numbers[f"{scale}_holds_untrained_too"] = both["holds", "holds"]
        numbers[f"{scale}_holds_by_training"] = both["holds", "fails"] + both["holds", "open"]
    return {name: str(n) for name, n in numbers.items()}


def name_claims(found: Found, scale: str, verdict: str) -> str:
    """The claims of one verdict at one scale, as a phrase: "A3, S4 and L2"."""
    chosen = [key for key in CLAIMS if found.get(scale, {}).get(key, {}).get("verdict") == verdict]
    return " and ".join(part for part in (", ".join(chosen[:-1]), *chosen[-1:]) if part) or "none"


def _cell(entry: dict, kind: str = "effect") -> str:
    mark = MARKS[entry["control_verdict" if kind == "control" else "verdict"]]
    if kind == "control":
        return f"{number(entry, kind)}{NO_BREAK}{mark[0]}"
    runs = entry.get("runs", 1)
    return f"**{number(entry)}** **{mark}**" + (f"<br>{runs} trainings" if runs > 1 else "")
