"""Where a data set lies and how `datasets.load_dataset` reads it: found by looking at names, without reading a row.

The training script and the inspection must read the same rows, so both start from the `Source` that `locate` finds:
the inspection passes it to `rows.load_rows`, the script embeds the lines of `load_code`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tunebook.pipeline.data.literal import literal
from tunebook.pipeline.errors import CallError

#: File name endings and the builder of `datasets` that reads them.
BUILDERS = {
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".txt": "text",
}
COMPRESSED = (".gz", ".zst", ".bz2", ".xz")  # `datasets` unpacks these by itself
#: What `datasets` writes beside the rows.
_NO_ROWS = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
KINDS_OF_FILE = "jsonl, json, csv, tsv, parquet, arrow or txt"

_TRAIN = ("train", "training")
_EVAL = ("validation", "valid", "val", "dev", "eval", "test", "heldout")  # the first that is there is held out


@dataclass(frozen=True)
class Source:
    """What `load_dataset` needs. `builder` is None for a data set on the Hub, whose id is `path` and whose `revision` is
    the sha of the commit that was looked at, so that a training reads the same rows.
    """

    builder: str | None
    path: str
    data_files: dict[str, list[str]] | None = None  # split to absolute paths
    config: str | None = None
    revision: str | None = None
    train_split: str = "train"
    eval_split: str | None = None


def locate(dataset: str, *, config: str | None = None, split: str | None = None, revision: str | None = None) -> Source:
    """Find a local file or folder, or take the name for one on the Hub, whose splits are then asked for.

    `split` names the split to train on. Raises CallError for a path that is not there or that cannot be read, and for
    a Hub data set that does not exist, is not allowed or cannot be reached.
    """
    path = Path(dataset).expanduser()
    if path.is_file():
        return _of_files(dataset, {"train": [path]}, config, split, revision)
    if path.is_dir():
        return _of_files(dataset, _files_of_folder(dataset, path), config, split, revision)
    if looks_local(dataset):
        raise CallError("dataset", f"{dataset} is not there", "check the path, or name a data set on the Hub")
    from tunebook.pipeline.data.hub import look_up

    found = look_up(dataset, config, revision)
    train, held_out = choose_splits(dataset, list(found.files), split)
    return Source(None, dataset, None, config, found.sha, train, held_out)


def looks_local(dataset: str) -> bool:
    """Whether a name that is no file must have meant one: a Hub id is `name` or `owner/name` and has no ending."""
    return (
        dataset.startswith((".", "/", "~"))
        or "\\" in dataset
        or dataset.count("/") > 1
        or builder_of(Path(dataset)) is not None
    )


def builder_of(path: Path) -> str | None:
    """The builder for a file by its name, compressed or not; None if `datasets` has none."""
    name = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return BUILDERS.get(name.suffix.lower())


def _files_of_folder(dataset: str, folder: Path) -> dict[str, list[Path]]:
    """Split to files. `train-00000-of-00002.parquet` and `data/test.jsonl` name their split, and so do the folders of a
    DatasetDict that was saved to disk (`train/data-00000-of-00001.arrow`); other files are train.
    """
    places = [folder, folder / "data", *(folder / name for name in (*_TRAIN, *_EVAL))]
    files = sorted(
        file
        for place in places
        if place.is_dir()
        for file in place.iterdir()
        if file.is_file() and not file.name.startswith(".") and file.name not in _NO_ROWS and builder_of(file)
    )
    named = {file: _split_named(file, folder) for file in files}
    if any(named.values()):  # other files, such as a licence as .txt, are no rows
        files = [file for file in files if named[file]]
    if not files:
        raise CallError("dataset", f"{dataset} holds no file of rows", f"put a {KINDS_OF_FILE} file into it")
    splits: dict[str, list[Path]] = {}
    for file in files:
        splits.setdefault(named[file] or "train", []).append(file)
    return splits


def _split_named(file: Path, folder: Path) -> str | None:
    parent = file.parent.name if file.parent != folder else ""
    words = [parent] if parent in (*_TRAIN, *_EVAL) else re.split(r"[^a-z]+", file.name.lower())
    if any(word in _TRAIN for word in words):
        return "train"
    return next((word for word in _EVAL if word in words), None)


def _of_files(
    dataset: str, splits: dict[str, list[Path]], config: str | None, split: str | None, revision: str | None
) -> Source:
    for field, value in (("dataset_config", config), ("dataset_revision", revision)):
        if value:
            raise CallError(field, f"is {value!r}, but {dataset} is on this machine", f"leave {field} out")
    builders = {builder_of(file) for files in splits.values() for file in files}
    if None in builders:
        raise CallError("dataset", f"{dataset} is no kind of file that can be read", f"give a {KINDS_OF_FILE} file")
    if len(builders) > 1:
        found = ", ".join(sorted(str(builder) for builder in builders))
        raise CallError("dataset", f"{dataset} mixes kinds of files ({found})", "name one file, or keep one kind")
    for files in splits.values():
        for file in files:
            if file.stat().st_size == 0:
                raise CallError("dataset", f"{file.name} is empty", "give a file that has rows")
    train, held_out = choose_splits(dataset, list(splits), split)
    data_files = {name: [str(file.resolve()) for file in files] for name, files in splits.items()}
    return Source(builders.pop(), dataset, data_files, None, None, train, held_out)


def choose_splits(dataset: str, splits: list[str], split: str | None) -> tuple[str, str | None]:
    """The split to train on and the one that the data set holds out, if it has one.

    A slice such as `train[:500]` is passed on to `datasets`, which knows it.
    """
    base = split.split("[")[0] if split else next((name for name in _TRAIN if name in splits), None)
    if base is None:
        base = next((name for name in splits if name not in _EVAL), splits[0])
    if base not in splits:
        raise CallError("split", f"is {base!r}, which {dataset} does not have", f"choose one of {', '.join(splits)}")
    held_out = next((name for name in _EVAL if name in splits and name != base), None)
    return split or base, held_out


def load_call(source: Source, split: str) -> tuple[tuple[str, ...], dict[str, object]]:
    """Arguments and keywords of `datasets.load_dataset` for one split of the source."""
    keywords: dict[str, object] = {"split": split}
    if source.builder is None:
        if source.revision:
            keywords["revision"] = source.revision
        return (source.path, source.config) if source.config else (source.path,), keywords
    assert source.data_files is not None
    keywords["data_files"] = source.data_files
    if source.builder == "csv":
        first = next(iter(source.data_files.values()))[0]
        if ".tsv" in Path(first).name.lower():
            keywords["sep"] = "\t"
    return (source.builder,), keywords


def load_code(
    source: Source,
    *,
    leave_out: Sequence[str] = (),
    rows: int | None = None,
    eval_share: float | None = None,
    seed: int = 42,
) -> str:
    """Python lines that define `train_rows` and `eval_rows` (or None) as `rows.load_rows` finds them.

    They need only `from datasets import load_dataset`. `leave_out` are the lines of `leaving_out.code`.
    """

    def call(split: str) -> str:
        arguments, keywords = load_call(source, split)
        written = {name: "files" if name == "data_files" else literal(value) for name, value in keywords.items()}
        inner = [literal(argument) for argument in arguments] + [f"{name}={value}" for name, value in written.items()]
        return f"load_dataset({', '.join(inner)})"

    lines = [f"files = {literal(source.data_files)}"] if source.data_files else []
    lines += [f"train_rows = {call(source.train_split)}", *leave_out]
    if rows is not None:
        lines.append(f"if len(train_rows) > {rows}:")
        lines.append(f"    train_rows = train_rows.shuffle(seed={seed}).select(range({rows}))")
    if source.eval_split is not None:
        lines.append(f"eval_rows = {call(source.eval_split)}")
    elif eval_share:
        lines.append(f"parts = train_rows.train_test_split(test_size={eval_share!r}, seed={seed})")
        lines.append('train_rows, eval_rows = parts["train"], parts["test"]')
    else:
        lines.append("eval_rows = None")
    return "\n".join(lines) + "\n"
