"""Tables and phrases from results alone, in Markdown."""

from seelike.results.claims import CLAIMS
from seelike.results.model_names import model_names
from seelike.results.results import Result
from seelike.tables.markdown import MARKS, VERBS, number, table


def verdicts(results: dict[str, Result]) -> str:
    """One row a claim, one column a run: the effect of the trained models, then of the control, with verdicts."""
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
    """All that prose may cite, by name: `<claim>_threshold`, and `<run>_<name>` of `phrases_of` each result."""
    found = {f"{claim.id}_threshold": f"{claim.threshold:.2f}" for claim in CLAIMS.values()}
    for run, result in results.items():
        found |= {f"{run}_{name}": text for name, text in phrases_of(result).items()}
    return found


def phrases_of(result: Result) -> dict[str, str]:
    """What prose may cite of one result, by name: `<claim>`, `…_control`, `…_verdict`, …, its models and images."""
    found = {}
    for claim, entry in result.claims.items():
        found[claim] = number(entry)
        found[f"{claim}_control"] = number(entry, "control")
        found[f"{claim}_runs"] = str(entry.get("runs", 1))
        found[f"{claim}_verdict"] = VERBS[entry["verdict"]]
        found[f"{claim}_control_verdict"] = VERBS[entry["control_verdict"]]
    images = f"{result.provenance['dataset']['images']:,}"
    batch_size = str(result.parameters.get("batch_size", "unknown"))
    probed = result.provenance.get("probe_dataset")
    probes = f"{probed['images']:,} images of {probed['name']}" if probed else "no images"
    return found | model_names(result) | {"images": images, "probe_images": probes, "batch_size": batch_size}
