"""The table of a data set on the Hub: by Parquet files where they are there, by a copy, or of its first rows."""

from __future__ import annotations

from typing import Any

from hub import data_sets
from hub.clients import Client
from hub.server import StandInHub

OPEN = """
from tunebook.pipeline.data.source import locate
from tunebook.pipeline.data.table import open_table
from tunebook.pipeline.home import home

def opened(name, at, **keywords):
    table = open_table(locate(name, **keywords))
    page = table.page(table.view(), at, 2)
    copies = len(list((home() / "tables").glob("*.duckdb")))
    return [table.count, page.rows[0][0], page.rows[0][1][0], table.in_place, copies]
"""


def sent(hub: StandInHub, path: str) -> int:
    return sum(one.bytes for one in hub.log if path in one.path)


def opened(client: Client, *calls: str) -> list[Any]:
    """[rows, a row's number, its prompt, whether it is read where it lies, copies made so far] for each call."""
    found: list[Any] = client.script(OPEN + f"\nanswer = [{', '.join(f'opened({call})' for call in calls)}]")
    return found


def test_rows_can_be_paged_by_parquet_files_or_by_a_copy(hub: StandInHub, client: Client) -> None:
    data_sets.shards(hub)
    data_sets.two_configs(hub)
    converted = data_sets.zipped(hub, "ada/converted")
    data_sets.convert(converted, data_sets.rows(30))
    stale = data_sets.zipped(hub, "ada/stale")
    data_sets.convert(stale, data_sets.rows(30))
    stale.commit({"rows.jsonl.gz": None, "rows.jsonl": data_sets.jsonl(data_sets.rows(33))})
    data_sets.convert(data_sets.zipped(hub, "ada/partial"), data_sets.rows(20), folder="partial-train")
    assert opened(
        client,
        "'ada/shards', 60",
        "'ada/converted', 20",
        "'ada/stale', 32",
        "'ada/partial', 29",
        "'ada/rows', 2, config='short', split='test'",
    ) == [
        [70, 60, "Is 60 even?", True, 0],
        [30, 20, "Is 20 even?", True, 0],
        [33, 32, "Is 32 even?", False, 1],
        [30, 29, "Is 29 even?", False, 2],
        [6, 2, "Is 1002 even?", False, 3],
    ]
    assert sent(hub, "test-00000-of-00001.parquet") == 0
    assert sent(hub, "/ada/converted/resolve/main/rows") == 0


def test_a_data_set_of_6_gb_is_looked_at_by_its_first_rows_which_is_said(hub: StandInHub, client: Client) -> None:
    splits = "splits:\n  - {name: train, num_bytes: 6000000000, num_examples: 20000000}"
    sha = data_sets.endless(hub, card=f"---\ndataset_info:\n  {splits}\n---\n# Endless\n").at("main").sha
    table, said, read, source = client.script(
        OPEN
        + """
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.rows import load_rows

found = inspect_data("ada/endless")
[finding] = [finding for finding in found.report.findings if finding.id == "sampled"]
[check] = [check for check in found.report.checks if check.id == "sampled"]
some = load_rows("ada/endless", found.source, rows=5000, eval_share=0.1)
answer = [
    opened("ada/endless", 19_000),
    [finding.message, finding.severity, check.status, found.report.rows],
    [len(some.train), len(some.eval), some.whole],
    found.source.revision,
]
"""
    )
    assert table == [20_000, 19_000, f"Say 1000 in words. {'Please. ' * 28}", False, 1]
    assert said == [
        "Only the first 20,000 of 20,000,000 rows were read, as the data set has 6.0 GB: counts and checks are of these",
        "warning",
        "found",
        20_000_000,
    ]
    assert read == [4500, 500, 4500]
    assert source == sha
    assert sent(hub, "train.jsonl") < 200_000_000


def test_of_a_data_set_too_large_to_fetch_all_rows_are_seen_in_the_hubs_own_parquet(
    hub: StandInHub, client: Client
) -> None:
    repo = data_sets.endless(hub)
    data_sets.convert(repo, data_sets.rows(300))
    found = client.script(
        OPEN
        + """
from tunebook.pipeline.data.rows import load_rows

held = load_rows("ada/endless", locate("ada/endless"))
answer = [len(held.train), held.whole, held.large, opened("ada/endless", 299)]
"""
    )
    assert found == [300, 300, None, [300, 299, "Is 299 even?", True, 0]]
    assert sent(hub, "train.jsonl") == 0
