"""What was found, as Markdown and as JSON."""

import json

FIRST_LETTERS = 160


def escaped(text):
    """One cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def code(text):
    words = escaped(text)
    return f"`{words if len(words) <= 90 else words[:87] + '…'}`"


def short(text):
    words = escaped(text)
    return words if len(words) <= FIRST_LETTERS else words[: FIRST_LETTERS - 1] + "…"


def change(fault):
    return f"{code(fault['from'])} → {code(fault['to'])}" if fault["to"] else f"{code(fault['from'])} left out"


def caught(row):
    """Everybody who noticed, the first case first."""
    said = []
    if row["case"]:
        said.append(f"case `{escaped(row['case']['name'])}` ({row['case']['column']}): {short(row['case']['message'])}")
    said += [f"{who}: {short(what)}" for who, what in row["proofs"].items()]
    return "<br>".join(said) or "**nobody**"


def cell(counts):
    if counts["ran"] == 0:
        return "–"
    return f"{counts['bad']} of {counts['ran']}"


def again(row):
    if row["repro"] is None:
        return "–"
    word = "fails again" if row["repro"]["bad"] else "**passes**"
    return word + (", same message" if row["repro"]["same"] else "")


def line(cells):
    return f"| {' | '.join(cells)} |\n"


def markdown(document):
    """The page that is published."""
    columns = [c["label"] for c in document["columns"]]
    faults, disasters = document["faults"], document["disasters"]
    out = f"# Planted faults, and who noticed\n\n{document['date']}, unlearn {document['version']}"
    out += f", commit {document['commit']}. Made by `tools/faults/run.py`; its README says how to read it.\n\n"
    out += line(["column", "adapter", "driver", "lanes", "environment"]) + line(["---"] * 5)
    for c in document["columns"]:
        out += line([c["label"], escaped(c["name"]), escaped(c["driver"]), c["lanes"],
            escaped(c["environment"]) or "–"])
    steps = ", ".join(document["steps"]) or "none"
    missing = f"; missing here: {', '.join(document['skipped'])}" if document["skipped"] else ""
    out += f"\nCompilers and lints: {steps}{missing}. Clean: {document['clean']}.\n\n"
    out += f"## {len(faults)} faults in {len({f['kernel'] for f in faults})} kernels\n\n"
    out += "Under each column: how many of the cases that record the kernel fail, of those that the adapter can run."
    out += "\n\n"
    head = ["class", "fault", "kernel", "change", "caught by", *columns, "`--repro`"]
    out += line(head) + line(["---"] * len(head))
    for f in faults:
        name = f["name"] + (f" ({f['note']})" if f["note"] else "")
        cells = [f["class"], escaped(name), f["kernel"], change(f), caught(f)]
        out += line([*cells, *(cell(f["columns"][c]) for c in columns), again(f)])
    out += "\n## Disasters\n\nThree cases of one run meet one each; the others are judged as ever.\n\n"
    out += line(["what", "case", *columns]) + line(["---"] * (2 + len(columns)))
    for d in disasters:
        out += line([d["name"], f"`{d['case']}`", *(short(d["columns"][c]) for c in columns)])
    out += line(["the other cases", "", *(document["others"][c] for c in columns)])
    return out + "".join(f"\n**{problem}**\n" for problem in document["problems"])


def write(document, md, out):
    if md:
        md.write_text(markdown(document))
    if out:
        out.write_text(json.dumps(document, indent=1) + "\n")
