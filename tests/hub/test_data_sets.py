"""Data sets on the Hub are found, read and refused as they are: through the unmodified clients, in processes of their own."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hub import data_sets
from hub.clients import Client, refused
from hub.server import StandInHub

CANARY = "hf_" + "CanaryBird" * 3


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def test_a_data_set_with_configs_is_inspected(hub: StandInHub, client: Client) -> None:
    repo = data_sets.two_configs(hub)
    report = client.inspected("ada/rows", "--config", "short")
    assert (report["dataset"], report["rows"], report["format"]) == ("ada/rows", 40, "prompt and completion")
    assert [column["name"] for column in report["columns"]] == ["prompt", "completion"]
    held_out = next(check for check in report["checks"] if check["id"] == "K11")
    assert held_out["status"] == "passed"
    assert held_out["why"].startswith("none of 6 held-out rows")
    asked = len(hub.log)
    assert client.inspected("ada/rows", "--config", "short") == report
    assert all("/resolve/" not in one.path or one.path.endswith("README.md") for one in hub.log[asked:])
    sha = repo.at("main").sha
    assert any(one.path.endswith(f"/resolve/{sha}/short/train.jsonl") for one in hub.log)


def test_the_configs_splits_and_kinds_of_files_that_are_read(hub: StandInHub, client: Client) -> None:
    repo = data_sets.two_configs(hub)
    data_sets.shards(hub)
    data_sets.zipped(hub)
    broken = hub.repo("dataset", "ada/broken")
    broken.commit(
        {"rows.jsonl": data_sets.jsonl(data_sets.rows(8)) + b'{"prompt": \n' + data_sets.jsonl(data_sets.rows(9))}
    )
    old = repo.at("main").sha
    new = repo.commit({"short/train.jsonl": data_sets.jsonl(data_sets.rows(41))})
    answer = client.script(
        f"""
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.source import load_code

def seen(name, **keywords):
    found = inspect_data(name, **keywords)
    bad = [finding.message for finding in found.report.findings if finding.id == "unreadable"]
    if bad:
        return [found.train_rows, bad[0]]
    names = dict()
    exec("from datasets import load_dataset\\n" + load_code(found.source), names)
    assert len(names["train_rows"]) == found.train_rows
    return [found.train_rows, found.eval_rows, found.source.revision]

answer = [
    seen("ada/rows", config="short"),
    seen("ada/rows", config="short", revision="{old}"),
    seen("ada/rows", config="short", split="test"),
    seen("ada/rows", config="long"),
    seen("ada/shards"),
    seen("ada/zipped"),
    seen("ada/broken"),
]
"""
    )
    shards, zipped = (hub.repos["dataset", name].at("main").sha for name in ("ada/shards", "ada/zipped"))
    assert answer[:-1] == [[41, 6, new], [40, 6, old], [6, 0, new], [90, 0, new], [70, 5, shards], [30, 0, zipped]]
    assert answer[-1][0] == 17
    assert "(rows.jsonl line 9 is not JSON" in answer[-1][1]


def test_a_wrong_config_split_or_revision_is_one_line_that_names_the_right_ones(
    hub: StandInHub, client: Client
) -> None:
    data_sets.two_configs(hub)
    hub.repo("dataset", "ada/empty").commit({"README.md": "# Nothing yet\n"})
    evil = '---\nconfigs:\n- {config_name: "a\\e[2Jb", data_files: r.jsonl}\n- {config_name: c, data_files: r.jsonl}\n---\n'
    hub.repo("dataset", "ada/evil").commit({"README.md": evil, "r.jsonl": data_sets.jsonl(data_sets.rows(3))})
    hub.repo("dataset", "ada/broken").commit({"r.jsonl": b'{"prompt": "1", "completion": "2"}\n{"prompt": \n'})
    said = client.script(
        """
from tunebook.pipeline.data.rows import load_rows
from tunebook.pipeline.data.source import locate
from tunebook.pipeline.errors import CallError

def said(name, **keywords):
    try:
        load_rows(name, locate(name, **keywords))
    except CallError as wrong:
        return str(wrong)

answer = [
    said("ada/rows"),
    said("ada/rows", config="middle"),
    said("ada/rows", config="short", split="dev"),
    said("ada/rows", revision="v9"),
    said("ada/evil"),
    said("ada/empty"),
    said("ada/broken"),
]
"""
    )
    assert said[:5] == [
        "dataset_config is missing, ada/rows has several: choose one of short, long.",
        "dataset_config is 'middle', which ada/rows does not have: choose short, long.",
        "split is 'dev', which ada/rows does not have: choose one of train, test.",
        "dataset_revision is 'v9', which ada/rows does not have: leave it out.",
        "dataset_config is missing, ada/evil has several: choose one of a?[2Jb, c.",
    ]
    assert said[5].startswith("dataset ada/empty cannot be read: The directory at")
    assert said[6].startswith("dataset r.jsonl line 2 is not JSON")
    assert refused(client.tunebook("inspect", "ada/rows")) == said[0]


def test_a_private_data_set_is_read_with_its_owners_token_which_is_left_nowhere(
    hub: StandInHub, client: Client
) -> None:
    hub.accounts |= {CANARY: "ada", "hf_other": "bob"}
    data_sets.two_configs(hub, "ada/secret", private=True)
    done = client.tunebook("inspect", "ada/secret", "--config", "long", "--json", token=CANARY)
    assert (done.returncode, '"rows": 90' in done.stdout) == (0, True)
    assert CANARY not in done.stdout + done.stderr
    files = left(client.folder)
    assert len(files) > 10
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []

    missing = (
        "dataset ada/secret is no file here and not on the Hub: "
        "check the name, give a local file or folder, or log in with `hf auth login` if it is private."
    )
    for token in (None, "hf_other"):
        assert refused(client.tunebook("inspect", "ada/secret", "--config", "long", token=token)) == missing
    wrong = refused(client.tunebook("inspect", "ada/secret", token="hf_wrong"))
    assert wrong == (
        "dataset ada/secret cannot be read: the Hub does not accept your token: "
        "log in again with `hf auth login`, or take HF_TOKEN out of the environment."
    )


def test_a_gated_data_set_names_the_page_where_access_is_asked_for(hub: StandInHub, client: Client) -> None:
    hub.accounts["hf_bob"] = "bob"
    repo = data_sets.two_configs(hub, "ada/gated", gated=True)
    page = f"{hub.url}/datasets/ada/gated"
    gated = "dataset ada/gated is gated, and you have no access yet: ask for it at"
    assert refused(client.tunebook("inspect", "ada/gated")) == f"{gated} {page} and log in with `hf auth login`."
    assert refused(client.tunebook("inspect", "ada/gated", token="hf_bob")) == f"{gated} {page}."
    repo.granted.add("bob")
    assert client.inspected("ada/gated", "--config", "long", token="hf_bob")["rows"] == 90


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ({}, "dataset ada/rows is no file here, and the Hub cannot be reached (ConnectError): check the network, or"),
        ({"/": 500}, "dataset ada/rows cannot be read now: the Hub answers 500: try again later"),
        (
            {"/": 429},
            "dataset ada/rows cannot be read now: the Hub takes no more requests: try again in 55 seconds, or",
        ),
        (
            {"/resolve/": 403},
            "dataset ada/rows cannot be read: your token does not allow it: use a token that may read",
        ),
    ],
)
def test_a_hub_in_trouble_is_one_line_within_seconds(
    hub: StandInHub, tmp_path: Path, failing: dict[str, int], said: str
) -> None:
    data_sets.two_configs(hub)
    hub.failing = failing
    there = hub if failing else StandInHub(url="http://127.0.0.1:9")
    started = time.monotonic()
    assert refused(Client(there, tmp_path).tunebook("inspect", "ada/rows")).startswith(said)
    assert time.monotonic() - started < 20


def test_what_is_kept_of_a_data_set_is_of_its_commit_and_answers_without_the_hub(
    hub: StandInHub, client: Client
) -> None:
    repo = data_sets.zipped(hub)
    before = client.inspected("ada/zipped")
    repo.commit({"rows.jsonl.gz": None, "rows.jsonl": data_sets.jsonl(data_sets.rows(31))})
    after = client.inspected("ada/zipped")
    assert (before["rows"], after["rows"]) == (30, 31)
    assert client.inspected("ada/zipped", offline=True) == after
    hub.url, reachable = "http://127.0.0.1:9", hub.url
    assert client.inspected("ada/zipped") == after
    hub.url = reachable
    assert client.inspected("ada/zipped", "--method", "sft", offline=True)["rows"] == 31  # from the libraries' cache


def test_a_models_tokenizer_comes_from_the_hub_without_its_weights(
    hub: StandInHub, client: Client, model_folder: Path
) -> None:
    data_sets.zipped(hub)
    files = [path for path in model_folder.iterdir() if path.suffix in (".json", ".jinja", ".txt")]
    hub.repo("model", "ada/model").commit({path.name: path.read_bytes() for path in files})
    report = client.inspected("ada/zipped", "--model", "ada/model")
    assert report["tokens"]["total"] == 230
    assert not any(re.search("safetensors|[.]bin", one.path) and one.method == "GET" for one in hub.log)
    for wrong, said in (
        ("ada/nobody", "model ada/nobody is no folder here and not on the Hub: check the name"),
        ("ada/model@x", "model ada/model@x is neither a folder nor a name on the Hub: name a checkpoint folder"),
    ):
        assert refused(client.tunebook("inspect", "ada/zipped", "--model", wrong)).startswith(said)
    hub.url = "http://127.0.0.1:9"
    assert client.inspected("ada/zipped", "--model", "ada/model") == report  # it is kept
    unknown = refused(client.tunebook("inspect", "ada/zipped", "--model", "ada/nobody"))
    assert unknown.startswith("model ada/nobody is no folder here, and the Hub cannot be reached")
