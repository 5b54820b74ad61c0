"""The stand-in answers the unmodified clients as the Hub does: with what is there, and with their own errors."""

from __future__ import annotations

from hub.clients import TOKEN, Client
from hub.repos import Blob
from hub.server import StandInHub


def test_the_clients_read_repositories_and_raise_their_own_errors(hub: StandInHub, client: Client) -> None:
    hub.accounts[TOKEN] = "ada"
    old = hub.repo("dataset", "ada/open").commit({"README.md": "# One", "data/a.txt": "0123456789"})
    new = hub.repos["dataset", "ada/open"].commit({"data/a.txt": None, "data/b.txt": Blob(b"ab", 3_000_000_000)})
    hub.repo("dataset", "ada/closed", private=True).commit({"a.txt": "a"})
    hub.repo("model", "bob/gated", gated=True).commit({"a.txt": "a"})
    answer = client.script(
        f"""
from huggingface_hub import HfApi, HfFileSystem, hf_hub_download

me, stranger = HfApi(), HfApi(token=False)

def error(call, *arguments, **keywords):
    try:
        call(*arguments, **keywords)
    except Exception as failure:
        return type(failure).__name__

info = me.dataset_info("ada/open", files_metadata=True)
answer = dict(
    name=me.whoami()["name"],
    sha=info.sha,
    siblings=[[file.rfilename, file.size] for file in info.siblings],
    tree=[entry.path for entry in me.list_repo_tree("ada/open", repo_type="dataset", recursive=True, revision="{old}")],
    commits=[commit.commit_id for commit in me.list_repo_commits("ada/open", repo_type="dataset")],
    paths=[file.size for file in me.get_paths_info("ada/open", ["data/b.txt", "no"], repo_type="dataset")],
    whole=open(hf_hub_download("ada/open", "data/a.txt", repo_type="dataset", revision="{old}")).read(),
    part=HfFileSystem().cat_file("datasets/ada/open/data/b.txt", 4_000_000_001, 4_000_000_004).decode(),
    mine=me.dataset_info("ada/closed").private,
    errors=[
        error(me.dataset_info, "ada/none"),
        error(me.dataset_info, "ada/open", revision="none"),
        error(hf_hub_download, "ada/open", "none", repo_type="dataset"),
        error(me.auth_check, "bob/gated"),
        error(hf_hub_download, "bob/gated", "a.txt"),
        error(stranger.dataset_info, "ada/closed"),
    ],
)
""",
        token=TOKEN,
    )
    assert answer == {
        "name": "ada",
        "sha": new,
        "siblings": [["README.md", 5], ["data/b.txt", 6_000_000_000]],
        "tree": ["README.md", "data", "data/a.txt"],
        "commits": [new, old],
        "paths": [6_000_000_000],
        "whole": "0123456789",
        "part": "bab",
        "mine": True,
        "errors": [
            "RepositoryNotFoundError",
            "RevisionNotFoundError",
            "RemoteEntryNotFoundError",
            "GatedRepoError",
            "GatedRepoError",
            "HfHubHTTPError",  # a 401, which the client takes for RepositoryNotFoundError where it comes over https
        ],
    }
