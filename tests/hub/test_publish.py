"""An export is pushed to the stand-in Hub: into a repo that is made for it and into no other, and it is loaded from there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hub.clients import TOKEN, Client, refused
from hub.faults import Fault
from hub.repos import Repo
from hub.server import StandInHub

from tunebook.pipeline.export.push_config import push_config
from tunebook.pipeline.home import write_json
from tunebook.pipeline.plan.supported import unsupported
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.spec import make_spec

#: A made export in the folder `out`, and `pushed(...)`: what a push of it leaves, or the line that it ends with.
MADE = """
import hashlib, os
from huggingface_hub import HfApi
from pathlib import Path
from tunebook.pipeline.errors import TunebookError
from tunebook.pipeline.export import hub_push, hub_repo
from tunebook.pipeline.export.push_config import Push
from tunebook.pipeline.export.result import ExportResult, GgufFile
out = Path("out")
def made(weights=b"w"):
    (out / "merged").mkdir(parents=True, exist_ok=True)
    for name, content in {"config.json": b"{}", "tokenizer.json": b"[]", "model.safetensors": weights * 70_000}.items():
        (out / "merged" / name).write_bytes(content)
    (out / "kinds-Q8_0.gguf").write_bytes(b"GGUF" * 20_000)
    digest = hashlib.sha256(b"GGUF" * 20_000).hexdigest()
    file = GgufFile(file=str(out / "kinds-Q8_0.gguf"), quant="Q8_0", bytes=80_000, sha256=digest, certificate=None)
    return ExportResult(merged=str(out / "merged"), gguf=[file], pushed=None)
def pushed(repo="ada/kinds", run="run-1", base="acme/base", weights=b"w", tries=1, **more):
    hub_push.PAUSES_S = (0.05,) * (tries - 1)
    push, export = Push(repo=repo, **more), made(weights)
    try:
        hub_push.need_push(push, run, out)
        done = hub_push.push_export(
            push, run, export, checkpoint="checkpoint-8", base=base, out=out, tell=lambda what, share: None
        )
        return [done.sha, done.notes]
    except TunebookError as failure:
        return f"{type(failure).__name__}: {failure}"
"""
FILES = {".tunebook.json", "README.md", "config.json", "kinds-Q8_0.gguf", "model.safetensors", "tokenizer.json"}


def ran(client: Client, code: str, token: str | None = TOKEN) -> Any:
    client.hub.accounts.setdefault(TOKEN, "ada")
    return client.script(MADE + code, token=token)


def repo_of(hub: StandInHub, id: str = "ada/kinds") -> Repo:
    return hub.repos["model", id]


def text_of(repo: Repo, name: str) -> str:
    blob = repo.at("main").files[name]
    return blob.read(0, blob.size).decode()


def test_a_model_that_is_exported_and_pushed_is_loaded_from_there(
    hub: StandInHub, client: Client, model_folder: Path, tmp_path: Path
) -> None:
    hub.accounts[TOKEN] = "ada"
    code = f"""
from pathlib import Path
from tiny import tiny_model
from tunebook.pipeline.export.job import main
from tunebook.pipeline.home import write_json
tiny_model(Path({str(model_folder)!r}), Path("tuned"))
write_json(Path("config.json"), dict(checkpoint="tuned", out="out", quants=[], push=dict(repo="ada/tiny")))
raise SystemExit(main("config.json", "result.json"))
"""
    done = client.run("-c", code, token=TOKEN)
    assert done.returncode == 0, done.stderr
    result = json.loads((client.folder / "result.json").read_text())
    assert result["export"]["pushed"] == "ada/tiny"
    url, sha = f"{hub.url}/ada/tiny", repo_of(hub, "ada/tiny").at("main").sha
    assert result["push"] == {"repo": "ada/tiny", "url": url, "sha": sha, "private": True, "notes": []}
    assert_nowhere(TOKEN, done, client.folder)
    same = Client(hub, tmp_path / "another machine").script(
        f"""
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
tuned = {str(client.folder / "tuned")!r}
there, here = (AutoModelForCausalLM.from_pretrained(place).parameters() for place in ("ada/tiny", tuned))
AutoTokenizer.from_pretrained("ada/tiny")
answer = all(torch.equal(one, other) for one, other in zip(there, here, strict=True))
""",
        token=TOKEN,
    )
    assert same


def test_the_terminal_refuses_before_anything_is_made(hub: StandInHub, client: Client, tmp_path: Path) -> None:
    hub.repo("model", "ada/kinds").commit({"README.md": "mine"})
    hub.accounts[TOKEN] = "ada"
    folder = tmp_path / "tuned"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    head = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + bytes(4))
    told = {
        to: refused(client.tunebook("export", str(folder), "--push", to, token=TOKEN)) for to in ("kinds", "ada/kinds")
    }
    assert told == {
        "kinds": "push_to is 'kinds', which must be OWNER/NAME: give OWNER/NAME on the Hub, such as acme/my-model.",
        "ada/kinds": "push_to ada/kinds is there already, and this run did not make it: push to another name.",
    }
    assert not (tmp_path / "tuned-export").exists()


def assert_nowhere(token: str, done: subprocess.CompletedProcess[str], *folders: Path) -> None:
    """A token is in no output and in no file."""
    assert token not in done.stdout + done.stderr
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if token.encode() in path.read_bytes()]


def test_all_files_come_with_one_commit_on_the_mark_of_the_run(hub: StandInHub, client: Client) -> None:
    sha, notes = ran(client, "answer = pushed()")
    repo = repo_of(hub)
    assert repo.private
    assert set(repo.at("main").files) == FILES
    assert (repo.at("main").sha, notes) == (sha, [])
    assert [set(commit.files) for commit in repo.history("main")[1:]] == [{".tunebook.json"}, set()]
    assert json.loads(text_of(repo, ".tunebook.json"))["run"] == "run-1"


def test_a_repo_is_as_private_as_was_said_and_stays_so(client: Client) -> None:
    told = ran(
        client,
        """
answer = {}
for private in (True, False):
    id = f"ada/private-{private}"
    pushed(id, private=private)
    first = hub_repo.HubRepo(id).look()
    HfApi().update_repo_settings(id, private=not private)
    again = pushed(id, private=private)
    then = hub_repo.HubRepo(id).look()
    answer[id] = [first.private, then.private, first.sha == then.sha, again if isinstance(again, str) else "done"]
""",
    )
    public = (
        "CallError: push_to ada/private-True is public, and this push is private: "
        "make it private there, or push to another name."
    )
    assert told == {"ada/private-True": [True, False, True, public], "ada/private-False": [False, True, True, "done"]}


def test_a_repo_that_this_run_did_not_make_stays_as_it_is(hub: StandInHub, client: Client) -> None:
    theirs = hub.repo("model", "ada/kinds", private=True)
    theirs.commit({"model.safetensors": "years of work"})
    hub.repo("model", "ada/empty", private=True).commit({})
    hub.repo("model", "ada/other", private=True).commit({".tunebook.json": '{"run": "run-2"}'})
    hub.repo("model", "ada/broken", private=True).commit({".tunebook.json": '{"run": '})
    before = {repo.id: repo.at("main").sha for repo in hub.repos.values()}
    told = ran(client, f"answer = {{id: pushed(id) for id in {list(before)}}}")
    line = "push_to {} is there already, and this run did not make it: push to another name."
    assert told == {id: f"CallError: {line.format(id)}" for id in before}
    assert {repo.id: repo.at("main").sha for repo in hub.repos.values()} == before


def test_a_push_that_was_interrupted_goes_on(hub: StandInHub, client: Client) -> None:
    hub.faults += [
        Fault("after", "POST", "/repos/create"),
        Fault("before", "POST", "/v2/shards"),  # Xet asks again by itself
        Fault("before", "POST", "/ada/mark/commit/"),
        Fault("after", "POST", "/ada/lost/commit/"),
    ]
    code = """
answer = {}
for id in ("ada/made", "ada/mark", "ada/lost"):
    answer[id] = [pushed(id), pushed(id)]
def slow(*_, **__):
    raise KeyboardInterrupt
whole, hub_repo.HubRepo.upload = hub_repo.HubRepo.upload, slow
try:
    pushed("ada/killed")
except KeyboardInterrupt:
    hub_repo.HubRepo.upload = whole
    answer["ada/killed"] = ["killed", pushed("ada/killed")]
"""
    told = ran(client, code)
    assert not hub.faults
    for id, (first, second) in told.items():
        if first != "killed":
            assert first.startswith(f"WorkFailed: {id} is not pushed to its end, no connection to the Hub")
            assert first.endswith("; push again to go on")
        assert second == [repo_of(hub, id).at("main").sha, []]
        assert set(repo_of(hub, id).at("main").files) == FILES
        assert len(repo_of(hub, id).history("main")) == 3


def test_what_passes_is_tried_again_and_done_once(hub: StandInHub, client: Client) -> None:
    hub.faults += [Fault("error", "POST", "/repos/create"), Fault("rate", "POST", "/commit/")]
    hub.faults += [Fault("error", "POST", "/commit/"), Fault("error", "POST", "/commit/")]
    assert ran(client, "answer = pushed(tries=5)") == [repo_of(hub).at("main").sha, []]
    assert len(repo_of(hub).history("main")) == 3


def test_weights_that_are_there_are_never_replaced(hub: StandInHub, client: Client) -> None:
    first, again, other = ran(client, 'answer = [pushed(), pushed(), pushed(weights=b"x")]')
    assert again == first
    assert other == ("CallError: push_to ada/kinds has another model.safetensors already: push to another name.")
    assert repo_of(hub).at("main").sha == first[0]


def test_a_card_that_a_person_changed_stays(hub: StandInHub, client: Client) -> None:
    first, anew, changed = ran(
        client,
        """
me = HfApi()
answer = [pushed(), pushed(dataset="more")]  # its own card is written anew
me.upload_file(path_or_fileobj=b"# Mine", path_in_repo="README.md", repo_id="ada/kinds")
answer.append(pushed())
""",
    )
    assert first[1] == anew[1] == []
    assert changed[1] == ["README.md on the Hub was changed there and stays as it is"]
    assert text_of(repo_of(hub), "README.md") == "# Mine"
    assert "`more`" in repo_of(hub).at(anew[0]).files["README.md"].read(0, 10_000).decode()


def test_what_the_hub_holds_is_compared_with_what_was_exported(client: Client) -> None:
    changed, lost = ran(
        client,
        """
real = made
def made(weights):
    export = real(weights)
    (out / "kinds-Q8_0.gguf").write_bytes(b"else" * 20_000)
    return export
answer = [pushed()]
made, files = real, hub_repo.HubRepo.files
def damaged(self, revision):
    held = files(self, revision)
    if "model.safetensors" in held:
        held["model.safetensors"].lfs.sha256 = "0" * 64
    return held
hub_repo.HubRepo.files = damaged
answer.append(pushed())
""",
    )
    assert changed == ("WorkFailed: kinds-Q8_0.gguf was changed after it was made, so it is not pushed: export again")
    assert lost.endswith("does not hold the model.safetensors that was exported")


def test_who_may_not_push_there_is_told_in_one_line(hub: StandInHub, client: Client) -> None:
    hub.organisations["ada"] = {"guild"}
    hub.accounts["hf_eve"] = "eve"
    hub.readers.add("eve")
    told = ran(
        client,
        """
answer = [pushed("bob/kinds"), pushed("guild/kinds"), pushed("ada/a--b")]
for token, id in (("hf_eve", "eve/kinds"), ("hf_unknown", "ada/kinds"), ("hf_canary\\u00e9", "ada/kinds")):
    os.environ["HF_TOKEN"] = token
    answer.append(pushed(id))
del os.environ["HF_TOKEN"]
answer.append(pushed())
""",
    )
    line = "CallError: push_to is under bob, where the token of ada may not write: push to ada/kinds, or use a token that may."
    assert told == [
        line,
        [repo_of(hub, "guild/kinds").at("main").sha, []],
        "CallError: push_to is ada/a--b, a name that the Hub does not take: push to another name.",
        "CallError: push_to needs a token that may write, and this one may only read: use one that may write.",
        "CallError: push_to is refused: the Hub does not accept the token: log in again, or renew HF_TOKEN.",
        "CallError: push_to needs a token that is one word of plain letters, and this one is not: copy it again.",
        "CallError: push_to needs a token of the Hub, and none is here: run `hf auth login`, or set HF_TOKEN.",
    ]
    assert list(hub.repos) == [("model", "guild/kinds")]


def test_the_card_says_what_the_model_is_and_no_name_is_markup(hub: StandInHub, client: Client) -> None:
    base = hub.repo("model", "acme/base")
    base.commit({"README.md": "---\nlicense: mit\n---\n# Base\n"})
    ran(
        client,
        """
nasty = '</code><img src=x onerror=alert(1)>`|[a](javascript:b)\\n\\n---\\n# Head'
row = dict(checkpoint=nasty, score=0.25, ci=[0.1, 0.4], passed=1, total=4)
best = dict(checkpoint="checkpoint-8", score=0.5)
scores = dict(benchmark=nasty, metric=nasty, rows=[row, best])
answer = pushed(method="sft", tuning="lora", dataset=nasty, scores=scores)
""",
    )
    card = text_of(repo_of(hub), "README.md")
    assert card.startswith(
        '---\nlibrary_name: "transformers"\npipeline_tag: "text-generation"\ntags: ["tunebook", "sft", "gguf"]\n'
        'base_model: "acme/base"\nbase_model_relation: "finetune"\nlicense: "mit"\n---\n\n# `kinds`\n\n'
    )
    assert "Fine-tuned from `acme/base` with `SFT` (a LoRA adapter, merged) on the data set ``</code>" in card
    assert "| `checkpoint-8` (published) |  | 0.5 |  |" in card
    assert "llama-server -hf ada/kinds:Q8_0\n" in card
    lines = card.splitlines()
    assert [line for line in lines if line.startswith("#")] == ["# `kinds`", "## Scores", "## Use", "## GGUF files"]
    assert lines.count("---") == 2
    for line in lines:
        if "onerror" in line:
            spans = line.split("``")[1::2]
            assert line.count("onerror") == sum(span.count("onerror") for span in spans)
    table = [line.replace(r"\|", "") for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table} == {5}


def test_a_hub_that_says_nothing_is_not_waited_for_for_ever(hub: StandInHub, client: Client) -> None:
    hub.faults += [Fault("stall", "GET", "/api/models/ada/kinds", seconds=4) for _ in range(2)]
    told = ran(client, "hub_repo.ANSWER_S = 1\nanswer = pushed(base=None)")
    assert told.startswith("WorkFailed: ada/kinds is not pushed to its end, the Hub did not answer within 1 s")


def test_a_plan_may_ask_for_a_push_and_says_what_the_card_tells(tmp_path: Path) -> None:
    assert unsupported(make_spec(push_to="ada/kinds")) == []
    folder = RunFolder("run-1", at=tmp_path)
    source = SimpleNamespace(builder="json", path="/home/ada/secret/kinds.jsonl")
    spec = {"push_to": "ada/kinds", "dataset": "~/secret/kinds.jsonl", "tuning": "lora"}
    plan: Any = SimpleNamespace(spec=spec, method="sft", inspection=SimpleNamespace(source=source))
    asked = {"repo": "ada/kinds", "private": True, "run": "run-1", "method": "sft", "tuning": "lora"}
    data = {"dataset": "kinds.jsonl", "dataset_on_hub": False}
    assert push_config(plan, folder, "run-1") == {**asked, **data, "scores": None}
    row = {"checkpoint": "base", "score": 0.5, "ci": [0.4, 0.6], "passed": 1, "total": 2}
    compared = {
        "benchmark": "kinds",
        "metric": "accuracy",
        "rows": [{**row, "step": 0, "vs_base": None}],
        "best": "base",
    }
    write_json(folder.comparison, compared)
    plan.spec = {"dataset": "acme/kinds", "private": False, "tuning": "lora"}
    plan.inspection.source = SimpleNamespace(builder=None, path="acme/kinds")
    assert push_config(plan, folder, "run-1") is None
    assert push_config(plan, folder, "run-1", "ada/other") == {
        **asked,
        "repo": "ada/other",
        "private": False,
        "dataset": "acme/kinds",
        "dataset_on_hub": True,
        "scores": {"benchmark": "kinds", "metric": "accuracy", "rows": [row]},
    }
