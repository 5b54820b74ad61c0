"""What to export: the job's configuration, checked against the disk before anything starts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.export.push_config import Push
from tunebook.pipeline.export.quants import KNOWN

Messages = list[dict[str, Any]]
Dtype = Literal["bfloat16", "float16", "float32"]

#: Everything a folder needs to tokenise and to chat. Copied as it is: saving it again through a library may change it.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
)
#: What of a model on the Hub an export reads.
HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]


class Question(BaseModel):
    """One question for the GGUF: a user's words or a whole conversation, and what a right answer contains."""

    prompt: str | Messages
    expected: str | None = None

    def messages(self) -> Messages:
        return [{"role": "user", "content": self.prompt}] if isinstance(self.prompt, str) else self.prompt

    def words(self) -> str:
        """The last thing said, as one string."""
        return str(self.messages()[-1].get("content", ""))


class ExportConfig(BaseModel):
    """The configuration file of the export job."""

    model_config = ConfigDict(extra="forbid")

    checkpoint: str
    base: str | None = None
    base_revision: str | None = None
    out: str
    quants: list[str]
    name: str | None = None  # the files' first part; by default the base's name with -tuned, or the folder's
    question: Question | None = None
    calibration_prompts: list[Any] = []  # rows with messages, prompt and completion, or text; or plain strings
    push: Push | None = None  # after all else; None keeps the files on this machine


@dataclass(frozen=True)
class Source:
    """A model on this disk that can be exported."""

    kind: Literal["adapter", "full"]
    checkpoint: Path
    base: Path | None  # the full-precision model under an adapter
    tokenizer: Path  # the folder whose tokenizer and chat template the model was trained with
    weight_bytes: int  # of the whole model
    dtype: Dtype  # that most of the weights are stored in

    @property
    def weights(self) -> Path:
        """The folder with the whole model's weights: the base under an adapter, else the checkpoint."""
        return self.base or self.checkpoint


def read_config(value: Any) -> ExportConfig:
    """The configuration, typed. Raises CallError for the first field that is wrong."""
    try:
        config = ExportConfig.model_validate(value)
    except ValidationError as failure:
        first = failure.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the configuration"
        raise CallError(field, f"is wrong ({first['msg']})", "see ExportConfig for what it may be") from None
    config.quants = list(dict.fromkeys(quant.strip().upper() for quant in config.quants))
    unknown = [quant for quant in config.quants if quant not in KNOWN]
    if unknown:
        raise CallError("gguf", f"has the unknown type {unknown[0]!r}", f"choose among {', '.join(KNOWN)}")
    if config.question and not config.question.words().strip():
        raise CallError("question", "is empty", "ask something, or leave the question out")
    if config.question and not config.quants:
        raise CallError("question", "has no GGUF to go to", "name a GGUF type such as Q4_K_M")
    if config.name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}", config.name):
        raise CallError("name", f"is {config.name!r}", "use letters, digits, '.', '_' and '-'")
    return config


def find_source(config: ExportConfig) -> Source:
    """Where the weights and the tokenizer are. A base that is a Hub id is fetched. Raises CallError."""
    checkpoint = Path(config.checkpoint).expanduser()
    if not checkpoint.is_dir():
        raise CallError("checkpoint", f"{config.checkpoint} is not a folder", "give a checkpoint's folder")
    if (checkpoint / "adapter_config.json").is_file():
        return _adapter(checkpoint, config)
    architecture = _whole_model(checkpoint, "checkpoint")
    _refuse_quantised(checkpoint, "checkpoint")
    _must_generate(architecture)
    tokenizer = _tokenizer_folder(checkpoint, Path(config.base) if config.base else None)
    dtype = _stored_dtype(checkpoint, "checkpoint")
    return Source("full", checkpoint.resolve(), None, tokenizer, _weight_bytes(checkpoint), dtype)


def model_name(config: ExportConfig, source: Source) -> str:
    """The files' first part: a checkpoint's own name (checkpoint-80) says little, its base's name says more."""
    base = config.base or (str(source.base) if source.base else None)
    named = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(base or source.checkpoint).name).strip("-._") or "model"
    return config.name or (f"{named}-tuned" if base else named)


def _adapter(checkpoint: Path, config: ExportConfig) -> Source:
    adapter = _json(checkpoint / "adapter_config.json")
    if not (checkpoint / "adapter_model.safetensors").is_file():
        raise CallError(
            "checkpoint",
            f"{checkpoint} has no adapter_model.safetensors",
            "choose a checkpoint that was written to its end",
        )
    if adapter.get("peft_type") != "LORA":
        raise CallError("checkpoint", f"is a {adapter.get('peft_type')} adapter", "only LoRA adapters can be merged")
    if adapter.get("task_type") not in (None, "CAUSAL_LM"):
        raise CallError("checkpoint", f"is for {adapter['task_type']}", "only models that write text become a GGUF")
    named = config.base or adapter.get("base_model_name_or_path")
    if not named:
        raise CallError("base", "is not named in the adapter", "name the model it was trained on")
    base = _base_folder(str(named), config.base_revision or adapter.get("revision"))
    architecture = _whole_model(base, "base")
    _refuse_quantised(base, "base")
    _must_generate(architecture)
    tokenizer, dtype = _tokenizer_folder(checkpoint, base), _stored_dtype(base, "base")
    return Source("adapter", checkpoint.resolve(), base.resolve(), tokenizer, _weight_bytes(base), dtype)


def _base_folder(named: str, revision: str | None) -> Path:
    folder = Path(named).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or named.count("/") != 1:
        raise CallError("base", f"{named} is not here", "give the folder of the model that the adapter was trained on")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(named, revision=revision, allow_patterns=HUB_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as failure:
        reason = str(failure).strip().splitlines()[0][:200]
        raise CallError(
            "base", f"{named} cannot be fetched ({reason})", "give its folder, or a Hub model in reach"
        ) from None


def _whole_model(folder: Path, field: str) -> str:
    """The architecture of a folder that holds a whole model. Raises CallError where it does not."""
    if not (folder / "config.json").is_file():
        raise CallError(field, f"{folder} has no config.json", "give the folder of a saved model or adapter")
    if not any(folder.glob("*.safetensors")):
        pickled = any(folder.glob("*.bin"))
        problem = "has its weights only as pickle (.bin), which can run code" if pickled else "has no weights"
        raise CallError(field, f"{folder} {problem}", "give a folder with *.safetensors")
    index = folder / "model.safetensors.index.json"
    parts = set(_json(index).get("weight_map", {}).values()) if index.is_file() else set()
    missing = sorted(part for part in parts if not (folder / part).is_file())
    if missing:
        raise CallError(field, f"{folder} lacks {missing[0]}", "choose one that was written to its end")
    return str((_json(folder / "config.json").get("architectures") or ["unknown"])[0])


def _stored_dtype(folder: Path, field: str) -> Dtype:
    """What most weights are stored in, from the head of the first file; its config may say something else."""
    names: dict[str, Dtype] = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
    first = min(folder.glob("*.safetensors"))
    with first.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            head = json.loads(file.read(size)) if size < 100_000_000 else {}
        except ValueError:
            head = {}
    sizes: dict[str, int] = {}
    for key, tensor in head.items():
        if key != "__metadata__":
            begin, end = tensor["data_offsets"]
            sizes[tensor["dtype"]] = sizes.get(tensor["dtype"], 0) + end - begin
    if not sizes:
        raise CallError(field, f"{first} holds no readable weights", "choose one that was written to its end")
    stored = max(sizes, key=lambda name: sizes[name])
    if stored not in names:
        raise CallError(field, f"{folder} is stored as {stored}", "give the full-precision model it was made from")
    return names[stored]


def _must_generate(architecture: str) -> None:
    if re.search(r"For(Sequence|Token)Classification$|RewardModel$", architecture):
        raise CallError("checkpoint", f"is a {architecture}", "only models that write text become a GGUF")


def _refuse_quantised(folder: Path, field: str) -> None:
    """Merging into a quantised base bakes its rounding in, and the result is not what was trained (K18)."""
    quantised = _json(folder / "config.json").get("quantization_config")
    if quantised:
        how = quantised.get("quant_method", "unknown") if isinstance(quantised, dict) else "unknown"
        raise CallError(field, f"{folder} is quantised ({how})", "give the full-precision model it was made from")


def _tokenizer_folder(checkpoint: Path, base: Path | None) -> Path:
    for folder in (checkpoint, base):
        if folder and any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
            return folder.resolve()
    raise CallError("checkpoint", f"{checkpoint} has no tokenizer", "name the base that has it")


def _weight_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise CallError("checkpoint", f"{path} is not JSON", "choose one that was written to its end") from None
    return value if isinstance(value, dict) else {}
