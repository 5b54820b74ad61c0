"""The export job: `python -m tunebook.pipeline.export.job CONFIG RESULT` makes GGUF files of a checkpoint and asks one.

Everything is made in a hidden folder inside `out` and gets its name when it is whole. The model is loaded once, and the
converter, which needs seconds to import its libraries, is started first and works while the reference is computed.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.errors import CallError, TunebookError, WorkFailed
from tunebook.pipeline.export.answer import ask, need_runner
from tunebook.pipeline.export.certificate import certify, why_not
from tunebook.pipeline.export.files import link_or_copy, need_room, publish, work_folder
from tunebook.pipeline.export.gguf import LOSSLESS, Converter, need_converter, need_quantiser, quantise
from tunebook.pipeline.export.hub_push import need_push, push_export, run_of_weights
from tunebook.pipeline.export.merge import load, log_probabilities, merge, take_whole
from tunebook.pipeline.export.request import ExportConfig, Source, find_source, model_name, read_config
from tunebook.pipeline.export.result import Answer, ExportResult, GgufFile
from tunebook.pipeline.export.texts import Text, calibration_texts
from tunebook.pipeline.home import read_json, sha256, write_json
from tunebook.pipeline.progress import emit

if TYPE_CHECKING:
    import torch

MERGED = "merged"
#: OpenMP threads that wait for each other sleep instead of spinning. On two cores with other work beside, spinning made
#: torch and llama.cpp use 4 to 5 times the processor time; asleep they lose nothing, on an idle machine either.
PASSIVE_WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}


def main(config_path: str | Path, result_path: str | Path) -> int:
    """Read an ExportConfig, export, write the result, and return the exit code.

    The result is {export, push, answer, seconds, notes}, or {error: {field, problem, remedy}} (exit 2) where the call is
    wrong. Where the work fails (exit 1) there is no result, and the last line of the log says why.
    """
    for variable, value in PASSIVE_WAITING.items():  # read when torch and llama.cpp are loaded
        os.environ.setdefault(variable, value)
    try:
        write_json(Path(result_path), export(read_config(read_json(Path(config_path)))))
    except CallError as wrong:
        error = {"field": wrong.field, "problem": wrong.problem, "remedy": wrong.remedy}
        write_json(Path(result_path), {"error": error})
        print(wrong, file=sys.stderr)
        return wrong.exit_code
    except TunebookError as failure:
        print(failure, file=sys.stderr)
        return failure.exit_code
    except Exception as failure:  # noqa: BLE001 - a library's own error: its trace for the log, its reason in the last line
        traceback.print_exc()
        reason = next(iter(str(failure).strip().splitlines()), "")[:300]
        print(f"the export failed: {type(failure).__name__}: {reason}", file=sys.stderr)
        return WorkFailed.exit_code
    return 0


class Steps:
    """The job's steps: each is announced when it begins, and its seconds are kept."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[None]:
        self.tell(what)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0) + time.perf_counter() - started, 2)
        self.done += 1

    def tell(self, what: str, share: float = 0) -> None:
        """Where the job is: `done` of `total` steps, with the share of the present one."""
        emit("progress", text=what, done=round(self.done + share, 2), total=self.total)


def export(config: ExportConfig) -> dict[str, Any]:
    """Do the whole export and return the job's result. Raises CallError before anything is made, WorkFailed after."""
    source = find_source(config)
    if config.quants:
        need_converter()
        need_quantiser(config.quants, source.dtype)
    if config.question:
        need_runner()
    out = Path(config.out).expanduser().resolve()
    run = ""
    if config.push:
        run = config.push.run or run_of_weights(source.checkpoint)
        need_push(config.push, run, out)
    merged = out / MERGED
    if merged.exists() and not (merged / "config.json").is_file():
        raise CallError("out", f"already has a {merged.name!r} that is no model", "choose another folder")
    with work_folder(out) as work:
        need_room(out, source.weight_bytes, config.quants, copies_weights=source.kind == "adapter")
        return _export(config, source, out, work, run)


def _export(config: ExportConfig, source: Source, out: Path, work: Path, run: str) -> dict[str, Any]:
    """`run` is who may go on with a push."""
    steps = Steps(2 + bool(config.quants) + 2 * len(config.quants) + bool(config.question) + bool(config.push))
    name, threads = model_name(config, source), _cores()
    no_certificate = why_not() if config.quants else None
    notes = [no_certificate] if no_certificate else []
    files: list[GgufFile] = []
    answer: Answer | None = None
    reference: list[torch.Tensor] = []
    lossless = work / f"{name}-lossless.gguf"
    with Converter(work) if config.quants else nullcontext() as converter:
        with steps.step("load", "loading the libraries and the tokenizer"):
            tokenizer = _tokenizer(source)
            texts, compared = calibration_texts(tokenizer, config.calibration_prompts)
        with steps.step("merge", "merging the adapter" if source.kind == "adapter" else "taking the whole checkpoint"):
            merged, model = _merged(source, out, work, compared, notes, load_model=not no_certificate)
        if converter:
            with steps.step("convert", "converting to GGUF"):
                converter.start(merged, lossless, outtype=LOSSLESS[source.dtype], name=name)
                if not no_certificate:
                    reference = log_probabilities(model, [text.ids for text in compared])
                del model  # its memory is the quantiser's now
                converter.wait(source.weight_bytes, lambda share: steps.tell("converting to GGUF", share))
    for quant in config.quants:
        made = work / f"{name}-{quant}.gguf"
        certificate = None
        with steps.step("quantise", f"quantising to {quant}"):
            if quant.lower() == LOSSLESS[source.dtype]:
                link_or_copy(lossless, made)
            else:
                quantise(lossless, made, quant, threads=threads)
        with steps.step("certify", f"comparing {quant} with the merged model"):
            if not no_certificate:
                certificate, found = certify(made, quant, tokenizer, texts, compared, reference, threads)
                notes += found
            size, digest = made.stat().st_size, sha256(made)
            final = publish(made, out / made.name, work)
        files.append(GgufFile(file=str(final), quant=quant, bytes=size, sha256=digest, certificate=certificate))
    if config.question:
        with steps.step("answer", "asking the GGUF"):
            answer = ask(Path(files[0].file), config.question, tokenizer, threads=threads)
    done, pushed = ExportResult(merged=str(merged), gguf=files, pushed=None), None
    if config.push:
        with steps.step("push", f"pushing to {config.push.repo}"):
            checkpoint = source.checkpoint.name
            pushed = push_export(
                config.push, run, done, checkpoint=checkpoint, base=config.base, out=out, tell=steps.tell
            )
        done.pushed = pushed.repo
        notes += pushed.notes
    steps.tell(f"exported, and pushed to {pushed.url}" if pushed else "exported")
    return {
        "export": done.model_dump(mode="json"),
        "push": dataclasses.asdict(pushed) if pushed else None,
        "answer": answer.model_dump(mode="json") if answer else None,
        "seconds": steps.seconds,
        "notes": notes,
    }


def _tokenizer(source: Source) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(source.tokenizer, local_files_only=True)


def _merged(
    source: Source, out: Path, work: Path, compared: list[Text], notes: list[str], *, load_model: bool
) -> tuple[Path, Any]:
    """The published folder of the merged model, and the model in memory where it is needed."""
    final = out / MERGED
    if source.kind == "full":
        if source.checkpoint != final:  # else it was exported here before
            take_whole(source, work / MERGED)
            publish(work / MERGED, final, work)
        return final, load(source) if load_model else None
    done = merge(source, work / MERGED, [text.ids for text in compared])
    notes += done.notes
    return publish(work / MERGED, final, work), done.model


def _cores() -> int:
    """The cores this job may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
