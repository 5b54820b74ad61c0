"""The table of a data set on the Hub: by Parquet files where they are there, by a copy, or of its first rows."""

from __future__ import annotations

from hub import data_sets
from hub.clients import Client
from hub.server import StandInHub

#: opened(): rows, the number and the prompt of a row, whether it is read where it lies, copies made so far.
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


def test_rows_can_be_paged_by_parquet_files_or_by_a_copy(hub: StandInHub, client: Client) -> None:
    data_sets.shards(hub)
    data_sets.two_configs(hub)
    assert client.script(
        OPEN + "answer = [opened('ada/shards', 60), opened('ada/rows', 2, config='short', split='test')]"
    ) == [[70, 60, "Is 60 even?", True, 0], [6, 2, "Is 1002 even?", False, 1]]
    assert sent(hub, "test-00000-of-00001.parquet") == 0


def test_a_data_set_that_is_here_already_needs_no_room_on_a_full_disk(hub: StandInHub, client: Client) -> None:
    data_sets.shards(hub)
    assert client.script(
        """
import os
from tunebook.pipeline.data.hub_parquet import as_parquet
from tunebook.pipeline.data.source import locate
from tunebook.pipeline.errors import CallError

source, shares = locate("ada/shards"), []
first = as_parquet(source, ["train"], shares.append)
os.statvfs = lambda path: os.statvfs_result([1, 1] + [0] * 8)
answer = [as_parquet(source, ["train"]) == first, shares[-1]]
try:
    as_parquet(source, ["train", "test"])
except CallError as wrong:
    answer.append(str(wrong))
"""
    ) == [
        True,
        1.0,
        (
            "dataset ada/shards needs 0.0 GB more, and the disk of Hugging Face's cache has 0.0 GB left: "
            "make room, or name a folder on another disk in HF_HOME."
        ),
    ]


def test_the_hubs_own_parquet_is_taken_where_it_is_whole_and_no_older_than_the_rows(
    hub: StandInHub, client: Client
) -> None:
    data_sets.convert(data_sets.zipped(hub, "ada/whole"), data_sets.rows(30))
    data_sets.convert(data_sets.zipped(hub, "ada/partial"), data_sets.rows(20), folder="partial-train")
    stale = data_sets.zipped(hub, "ada/stale")
    data_sets.convert(stale, data_sets.rows(30))
    stale.commit({"more.jsonl.gz": stale.at("main").files["rows.jsonl.gz"]})
    assert client.script(
        OPEN
        + """
from tunebook.pipeline.data.hub_parquet import as_parquet

answer = [opened("ada/whole", 20)] + [as_parquet(locate(f"ada/{name}"), ["train"]) for name in ("partial", "stale")]
"""
    ) == [[30, 20, "Is 20 even?", True, 0], None, None]
    assert sent(hub, "rows.jsonl.gz") == 0


def test_a_data_set_of_6_gb_is_looked_at_by_its_first_rows_which_is_said(hub: StandInHub, client: Client) -> None:
    splits = "splits:\n  - {name: train, num_bytes: 6000000000, num_examples: 20000000}"
    sha = data_sets.endless(hub, card=f"---\ndataset_info:\n  {splits}\n---\n# Endless\n").at("main").sha
    table, said, read, of_drawn, (revision, slice) = client.script(
        OPEN
        + """
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.rows import load_rows
from tunebook.pipeline.errors import CallError

found = inspect_data("ada/endless")
[finding] = [finding for finding in found.report.findings if finding.id == "sampled"]
[check] = [check for check in found.report.checks if check.id == "sampled"]
some = load_rows("ada/endless", found.source, rows=5000, eval_share=0.1)
drawn = inspect_data("ada/endless", rows=5000)
[of_drawn] = [finding for finding in drawn.report.findings if finding.id == "sampled"]
try:
    slice = load_rows("ada/endless", locate("ada/endless", split="train[:100]"))
except CallError as wrong:
    slice = str(wrong)
answer = [
    opened("ada/endless", 19_000),
    [finding.message, finding.severity, check.status, found.report.rows],
    [len(some.train), len(some.eval), some.whole],
    [of_drawn.message, of_drawn.rows, of_drawn.remedy, drawn.report.rows],
    [found.source.revision, slice],
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
    assert of_drawn == [
        (
            "Only the first 20,000 of 20,000,000 rows were read, as the data set has 6.0 GB, and 5,000 of these were "
            "looked at: counts and checks are of these, while training draws 5,000 of all rows"
        ),
        4999,
        "fetch the data set with `hf download` and name its folder instead",
        5000,
    ]
    assert revision == sha
    assert slice == (
        "split is 'train[:100]', and ada/endless has 6.0 GB, too much to be cut into slices here: "
        "name 'train', and say how many `rows` to train on."
    )
    assert sent(hub, "train.jsonl") < 200_000_000


def test_of_a_data_set_too_large_to_fetch_all_rows_are_seen_in_the_hubs_own_parquet(
    hub: StandInHub, client: Client
) -> None:
    data_sets.convert(data_sets.endless(hub), data_sets.rows(300))
    assert client.script(
        """
from tunebook.pipeline.data.rows import load_rows
from tunebook.pipeline.data.source import locate

held = load_rows("ada/endless", locate("ada/endless"))
answer = [len(held.train), held.whole, held.large]
"""
    ) == [300, 300, None]
    assert sent(hub, "train.jsonl") == 0


def test_where_the_hub_does_not_know_the_number_of_rows_that_is_said_too(hub: StandInHub, client: Client) -> None:
    data_sets.endless(hub)
    assert client.script(
        """
from tunebook.pipeline.data.rows import load_rows
from tunebook.pipeline.data.sampling import told_first
from tunebook.pipeline.data.source import locate

every, wanted = (load_rows("ada/endless", locate("ada/endless"), rows=rows) for rows in (None, 50_000))
some = told_first(len(wanted.train), wanted)[1]
answer = [every.whole, wanted.whole, len(wanted.train), told_first(len(every.train), every)[1].message]
answer += [some.message, some.rows]
"""
    ) == [
        20_000,
        50_000,
        20_000,
        (
            "Only the first 20,000 rows were read, as the data set has 6.0 GB and does not say how many rows: "
            "counts and checks are of these"
        ),
        (
            "Only the first 20,000 rows were read, as the data set has 6.0 GB and does not say how many rows: "
            "counts and checks are of these, while training draws 50,000 of all rows"
        ),
        50_000,
    ]
