"""Tables and phrases from results alone, in Markdown."""

from seelike.results.claims import CLAIMS
from seelike.results.results import Result
from seelike.tables.markdown import MARKS, VERBS, number, table


def verdicts(results: dict[str, Result]) -> str:
    """One row a claim, one column a scale: the effect of the trained models, then of the control, with verdicts."""
    head = ["Claim of the paper", *results]
    lines = [head, ["---"] * len(head)]
    for claim in next(iter(results.values())).claims:
        cells = [f"**{claim}** {CLAIMS[claim].text} (Fig. {CLAIMS[claim].figures})"]
        for result in results.values():
            found = result.claims.get(claim)
            if found is None:
                cells.append("not measured")
                continue
            control = f"untrained: {number(found, 'control')} {MARKS[found['control_verdict']]}"
            cells.append(f"**{number(found)}** **{MARKS[found['verdict']]}**<br>{control}")
        lines.append(cells)
    return table(lines)


def phrases(results: dict[str, Result]) -> dict[str, str]:
    """Every number that prose may cite, by name: `<claim>_threshold`, `<scale>_<claim>`, `…_control`, `…_verdict`, …"""
    found = {f"{claim.id}_threshold": f"{claim.threshold:.2f}" for claim in CLAIMS.values()}
    for scale, result in results.items():
        for claim, entry in result.claims.items():
            key = f"{scale}_{claim}"
            found[key] = number(entry)
            found[f"{key}_control"] = number(entry, "control")
            found[f"{key}_runs"] = str(entry.get("runs", 1))
            found[f"{key}_verdict"] = VERBS[entry["verdict"]]
            found[f"{key}_control_verdict"] = VERBS[entry["control_verdict"]]
        provenance = result.provenance
        found |= {f"{scale}_{which}": model["name"] for which, model in provenance["models"].items()}
        found[f"{scale}_images"] = f"{provenance['dataset']['images']:,}"
        found[f"{scale}_batch_size"] = str(result.parameters.get("batch_size", "unknown"))
    return found
