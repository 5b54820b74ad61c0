"""Repositories of the stand-in, made and changed by the unmodified client, and loaded from it again."""

from __future__ import annotations

from hub.clients import STATUS, Client, answered
from hub.server import StandInHub

BEGIN = (
    STATUS
    + """
from pathlib import Path
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download
me = HfApi()
"""
)


def test_commits_are_made_on_the_newest_and_on_no_other(client: Client) -> None:
    told = answered(
        client,
        BEGIN
        + """
url = me.create_repo("ada/kinds", private=True)
first = me.repo_info("ada/kinds").sha
def card():
    return CommitOperationAdd("README.md", b"---\\nlicense: mit\\n---\\n# Kinds\\n")
big = CommitOperationAdd("model.safetensors", bytes(range(256)) * 20_000)
one = me.create_commit("ada/kinds", [card(), big], commit_message="One", parent_commit=first)
late = status(me.create_commit, "ada/kinds", [card()], commit_message="Late", parent_commit=first)
two = me.create_commit("ada/kinds", [CommitOperationDelete("README.md")], commit_message="Two", parent_commit=one.oid)
files = {one.rfilename: one.size for one in me.model_info("ada/kinds", files_metadata=True).siblings}
content = Path(hf_hub_download("ada/kinds", "model.safetensors")).read_bytes() == bytes(range(256)) * 20_000
answer = dict(
    url=url.repo_id, private=me.model_info("ada/kinds").private, late=late, files=files, content=content,
    titles=[one.title for one in me.list_repo_commits("ada/kinds")],
    again=status(me.create_repo, "ada/kinds"), exists=me.create_repo("ada/kinds", exist_ok=True).repo_id,
    foreign=status(me.create_repo, "bob/kinds"),
)
me.update_repo_settings("ada/kinds", private=False)
answer["open"] = me.model_info("ada/kinds").private
me.delete_repo("ada/kinds")
answer["gone"] = me.repo_exists("ada/kinds")
""",
    )
    assert told == {
        "url": "ada/kinds",
        "private": True,
        "late": 412,
        "files": {"model.safetensors": 5_120_000},
        "content": True,
        "titles": ["Two", "One", "Files"],
        "again": 409,
        "exists": "ada/kinds",
        "foreign": 403,
        "open": False,
        "gone": False,
    }


def test_a_token_that_may_only_read_writes_nothing(hub: StandInHub, client: Client) -> None:
    hub.readers.add("ada")
    hub.repo("model", "ada/kinds").commit({"a.txt": "a"})
    told = answered(
        client,
        BEGIN
        + """
answer = [
    me.model_info("ada/kinds").id, status(me.create_repo, "ada/new"), status(me.create_bucket, "ada/new"),
    status(me.upload_file, path_or_fileobj=b"b", path_in_repo="a.txt", repo_id="ada/kinds"),
    status(me.run_job, image="i", command=["true"], namespace="ada"),
]
""",
    )
    assert told == ["ada/kinds", 403, 403, 403, 403]
    assert not hub.jobs.all


def test_a_model_that_is_pushed_is_loaded_from_there(client: Client) -> None:
    told = answered(
        client,
        BEGIN
        + """
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
sizes = dict(vocab_size=64, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
made = LlamaForCausalLM(LlamaConfig(**sizes))
made.push_to_hub("ada/tiny", private=True)
back = AutoModelForCausalLM.from_pretrained("ada/tiny")
same = all(torch.equal(one, other) for one, other in zip(made.parameters(), back.parameters()))
answer = [same, sorted(one.rfilename for one in me.model_info("ada/tiny").siblings)]
""",
    )
    assert told == [True, ["README.md", "config.json", "generation_config.json", "model.safetensors"]]
