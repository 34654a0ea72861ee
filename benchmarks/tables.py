"""Tables in RESULTS.md, each between two marks and replaced by the script that wrote it.

The rows of a table that takes long are kept in a file, from which a run goes on.
"""

import json
import os
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def write(name, title, table, command, machine=None):
    """Put a table into its section of RESULTS.md, at the end where the section is new.

    `machine` is what ran the command; None for the cores of this one.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    machine = machine or f"{len(os.sched_getaffinity(0))} cores"
    section = f"{begin}\n### {title}\n\n`{command}` on {machine}:\n\n```text\n{table}\n```\n{end}"
    before, found, after = RESULTS.read_text().partition(begin)
    after = after.partition(end)[2] if found else "\n"
    RESULTS.write_text((before if found else before.rstrip() + "\n\n") + section + after)


def fill(path, name, text):
    """Replace what stands between the two marks of a name in a page."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, found, rest = path.read_text().partition(begin)
    _, ends, after = rest.partition(end)
    if not (found and ends):
        raise ValueError(f"{path} has no place for {name!r}: put {begin} and {end} into it.")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def read_rows(path):
    """Return the rows of a file of JSON lines; none where it does not exist."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep_row(path, row):
    """Add a row to a file of JSON lines."""
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
