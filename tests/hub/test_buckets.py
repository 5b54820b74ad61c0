"""Buckets of the stand-in, filled and read by the unmodified client through Xet, and mounted by jobs."""

from __future__ import annotations

import random

from hub.clients import STATUS, Client, answered
from hub.server import StandInHub

BEGIN = """
import time
from pathlib import Path
from huggingface_hub import HfApi, Volume
me = HfApi()
def ended(job):
    while (now := me.inspect_job(job_id=job.id, namespace="ada")).status.stage in ("SCHEDULING", "RUNNING"):
        time.sleep(0.05)
    return now
"""


def test_files_go_in_and_come_out_byte_by_byte(hub: StandInHub, client: Client) -> None:
    client.folder.mkdir(parents=True)
    words = b"".join(random.Random(1).choices([b"weights ", b"and ", b"biases "], k=200_000))  # LZ4 pays
    (client.folder / "text").write_bytes(words)
    (client.folder / "noise").write_bytes(random.Random(2).randbytes(3_000_000))
    numbers = b"".join(n.to_bytes(4, "little") for n in range(1_000_000, 1_300_000))  # every fourth byte is alike
    (client.folder / "numbers").write_bytes(numbers)
    told = answered(
        client,
        BEGIN
        + """
url = me.create_bucket("ada/runs", private=True, exist_ok=True)
again = me.create_bucket("ada/runs", private=True, exist_ok=True)
names = ["text", "noise", "numbers"]
files = [(name, f"r/{name}") for name in names] + [(b"small", "r/sub/small.txt")]
me.batch_bucket_files("ada/runs", add=files)
me.download_bucket_files("ada/runs", [(f"r/{name}", f"back/{name}") for name in names])
info = me.bucket_info("ada/runs")
answer = dict(
    url=url.bucket_id, again=again.bucket_id, private=info.private, files=info.total_files,
    same=[Path(name).read_bytes() == Path("back", name).read_bytes() for name in names],
    tree=[one.path for one in me.list_bucket_tree("ada/runs")],
    deep=[one.path for one in me.list_bucket_tree("ada/runs", prefix="r", recursive=True)],
)
me.batch_bucket_files("ada/runs", delete=["r/noise"])
answer["left"] = [one.path for one in me.get_bucket_paths_info("ada/runs", ["r/text", "r/noise"])]
""",
    )
    assert told == {
        "url": "ada/runs",
        "again": "ada/runs",
        "private": True,
        "files": 4,
        "same": [True, True, True],
        "tree": ["r"],
        "deep": ["r/noise", "r/numbers", "r/sub/small.txt", "r/text"],
        "left": ["r/text"],
    }
    bucket = hub.buckets.all["ada/runs"]
    assert (bucket.folder / "r/numbers").read_bytes() == numbers


def test_what_a_job_writes_into_a_mounted_bucket_outlives_it(client: Client) -> None:
    told = answered(
        client,
        BEGIN
        + """
me.create_bucket("ada/runs", private=True)
me.batch_bucket_files("ada/runs", add=[(b"print(open('/dev/null').read() + 'ran')\\n", "one/script.py")])
code = "import sys, pathlib; pathlib.Path(sys.argv[1], 'made').write_bytes(bytes(range(256)) * 1000)"
job = me.run_job(
    image="python:3.12", command=["python", "-c", code, "/out"], namespace="ada",
    volumes=[Volume(type="bucket", source="ada/runs", mount_path="/out", path="one")],
)
stage = ended(job).status.stage
me.download_bucket_files("ada/runs", [("one/made", "made")])
answer = [stage, Path("made").read_bytes() == bytes(range(256)) * 1000]
""",
    )
    assert told == ["COMPLETED", True]


def test_the_client_carries_a_local_script_to_a_job(client: Client) -> None:
    client.folder.mkdir(parents=True)
    (client.folder / "local.py").write_text("import sys; print('hello', *sys.argv[1:])")
    told = answered(
        client,
        BEGIN
        + """
job = me.run_uv_job("local.py", script_args=["you"], namespace="ada", timeout="5m")
ended(job)
answer = [job.command, list(me.fetch_job_logs(job_id=job.id, namespace="ada"))]
""",
    )
    assert told == [["uv", "run", "/data/local.py", "you"], ["hello you"]]


def test_a_private_bucket_is_nobody_elses(hub: StandInHub, client: Client) -> None:
    hub.buckets.make("bob/own", private=True)
    hub.buckets.make("bob/open")
    told = answered(
        client,
        BEGIN
        + STATUS
        + """
mount = [Volume(type="bucket", source="bob/own", mount_path="/out")]
answer = [
    status(me.bucket_info, "bob/own"), status(me.bucket_info, "bob/open"), status(me.create_bucket, "bob/new"),
    status(me.batch_bucket_files, "bob/open", delete=["a"]),
    status(me.run_job, image="i", command=["true"], namespace="ada", volumes=mount),
]
""",
    )
    assert told == [404, 200, 403, 403, 404]
