"""What an evaluation job is told, checked before anything heavy is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tunebook.pipeline.errors import CallError


class Target(BaseModel):
    """One thing to score: the model itself, a checkpoint folder, a Hub id, or a .jsonl of completions."""

    model_config = ConfigDict(extra="forbid")

    name: str
    path: str | None = None  # None: the configuration's own model
    adapter: bool | None = None  # None: told by adapter_config.json
    step: int | None = None

    @property
    def completions(self) -> bool:
        return self.path is not None and self.path.endswith(".jsonl")

    @property
    def is_adapter(self) -> bool:
        found = self.path is not None and (Path(self.path) / "adapter_config.json").is_file()
        return found if self.adapter is None else self.adapter

    def check(self) -> None:
        """Raises CallError if the target is not there or has no weights."""
        if self.path is None:
            return
        folder = Path(self.path)
        if self.completions:
            if not folder.is_file():
                raise CallError("target", f"{self.name} is not there ({self.path})", "name a .jsonl of completions")
        elif self.is_adapter:
            check_folder(
                folder, self.name, "target", "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")
            )
        else:
            check_model(self.path, self.name, "target")


class EvaluationConfig(BaseModel):
    """The configuration file of the job."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    benchmark: str
    model: str | None = None  # a folder or a Hub id; None where every target brings its own
    model_revision: str | None = None
    targets: Annotated[list[Target], Field(min_length=1)]
    rows_file: str | None = None
    limit: int | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None  # answers at once; chosen here if None
    seed: int = 0
    max_new_tokens: Annotated[int, Field(ge=1)] | None = None  # in an answer; the benchmark's own choice if None
    rewards: str | None = None  # the source of the run's reward functions, which the job executes
    sandbox: str | None = None  # the isolation tier for code that a model wrote

    def check(self) -> None:
        """Raises CallError for a model or a target that cannot be scored, and for names that are not distinct."""
        names = [target.name for target in self.targets]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise CallError("target", f"{twice} is given twice", "name each target once")
        if self.model is not None:
            check_model(self.model, self.model, "model")
        for target in self.targets:
            if target.path is None and self.model is None:
                raise CallError("model", f"is missing, and {target.name} means it", "name a model folder or a Hub id")
            target.check()


def read_config(path: Path) -> EvaluationConfig:
    """The configuration. Raises CallError with the first field that is wrong."""
    try:
        return EvaluationConfig.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as failure:
        error: Any = failure.errors()[0]
        field = ".".join(str(part) for part in error["loc"])
        raise CallError(field, f"is wrong ({error['msg']})", "mend the evaluation's configuration") from None


def check_model(place: str, name: str, field: str) -> None:
    """Raises CallError if a local folder is not there or holds no model. Of a Hub id, only loading can tell."""
    folder = Path(place).expanduser()
    if not folder.exists() and not place.startswith((".", "/", "~")) and place.count("/") <= 1:
        return
    weights = ("*.safetensors", "pytorch_model*.bin")
    check_folder(folder, name, field, "config.json", weights)


def check_folder(folder: Path, name: str, field: str, config: str, weights: tuple[str, ...]) -> None:
    """Raises CallError unless the folder has that configuration and files of weights that are not empty."""
    where = "" if str(folder) == name else f" ({folder})"
    if not folder.is_dir():
        raise CallError(
            field, f"{name} is not there{where}", "name a folder that a training or `save_pretrained` wrote"
        )
    if not (folder / config).is_file():
        raise CallError(field, f"{name} has no {config}{where}", "name a whole checkpoint folder")
    if not any(file.stat().st_size for pattern in weights for file in folder.glob(pattern)):
        raise CallError(field, f"{name} has no weights{where}", "name a whole checkpoint folder, with its safetensors")
