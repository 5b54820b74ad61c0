"""Which model is meant: a local checkpoint folder (it comes first, as in transformers), or a model on the Hub."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tunebook.pipeline.data.hub import commit_of
from tunebook.pipeline.data.hub_refusals import explained
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.plan.model import ModelFacts

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_REMEDY = "name a Hub model such as Qwen/Qwen3-0.6B, or a checkpoint folder with config.json, a tokenizer and weights"
_ENDS = 1 << 20  # bytes hashed at each end of a weights file: enough to tell two trainings apart


def find_model(name: str, revision: str | None) -> ModelFacts:
    """Facts about the model. Reads a folder's config, or asks the Hub for the revision's sha and its config.

    Raises CallError: the folder or the model is not there, is no causal language model, or has no weights.
    """
    folder = Path(name).expanduser()
    if (folder / "adapter_config.json").is_file():
        return _from_adapter(folder.resolve())
    if folder.is_dir():
        return _from_folder(folder.resolve())
    if name.startswith(("/", "./", "../", "~")) or name.count("/") != 1:
        raise CallError("model", f"is {name!r}, and there is no such folder", _REMEDY)
    return _from_hub(name, revision)


def _from_adapter(folder: Path) -> ModelFacts:
    """The model that a LoRA adapter belongs to, with the adapter: training goes on with it."""
    try:
        config = json.loads((folder / "adapter_config.json").read_text())
        base, kind = config["base_model_name_or_path"], config["peft_type"]
    except (OSError, ValueError, KeyError):
        raise CallError(
            "model", f"is the folder {folder.name}, whose adapter_config.json cannot be read", _REMEDY
        ) from None
    if kind != "LORA":
        raise CallError(
            "model", f"is the folder {folder.name}, an adapter of type {kind}", "name a LoRA adapter or a model"
        )
    weights = sorted(file for name in ("*.safetensors", "adapter_model.bin") for file in folder.glob(name))
    if not any(file.stat().st_size for file in weights):
        remedy = "name a whole checkpoint folder, with its adapter_model.safetensors"
        raise CallError("model", f"is the folder {folder.name}, an adapter without weights", remedy)
    found = find_model(str(base), config.get("revision"))
    digest = hashlib.sha256(found.fingerprint.encode())
    for file in weights:
        digest.update(file.read_bytes())
    return found.model_copy(
        update={
            "fingerprint": digest.hexdigest(),
            "title": f"{found.title} with the adapter {folder.name}",
            "adapter": str(folder),
            "adapter_rank": int(config.get("r") or 0) or None,
        }
    )


def _from_folder(folder: Path) -> ModelFacts:
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):
        raise CallError("model", f"is the folder {folder.name}, which has no readable config.json", _REMEDY) from None
    weights = sorted(file for pattern in _WEIGHTS for file in folder.glob(pattern))
    if not weights:
        raise CallError("model", f"is the folder {folder.name}, which has no weights", _REMEDY)
    if not any((folder / file).exists() for file in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise CallError("model", f"is the folder {folder.name}, which has no tokenizer", _REMEDY)
    digest = hashlib.sha256()
    small = sorted(file for file in folder.iterdir() if file.suffix in (".json", ".jinja", ".txt", ".model"))
    for file in [*small, *weights]:
        size = file.stat().st_size
        digest.update(f"{file.name}:{size}:".encode())
        with file.open("rb") as handle:
            digest.update(handle.read(_ENDS))
            if size > 2 * _ENDS:
                handle.seek(-_ENDS, 2)
                digest.update(handle.read())
    return _facts(str(folder), None, digest.hexdigest(), folder.name, config)


def _from_hub(name: str, revision: str | None) -> ModelFacts:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    sha = commit_of(name, revision, "model")
    try:
        config_file = hf_hub_download(name, "config.json", revision=sha)
    except EntryNotFoundError:
        raise CallError("model", f"{name} has no config.json that could be had", _REMEDY) from None
    except Exception as failure:  # noqa: BLE001 (which HTTP library huggingface_hub uses, and so its errors, changes)
        raise explained(failure, name, revision, "model") from None
    config = json.loads(Path(config_file).read_text())
    return _facts(name, sha, f"{name}@{sha}", name.split("/")[-1], config)


def _facts(path: str, revision: str | None, fingerprint: str, title: str, config: dict[str, object]) -> ModelFacts:
    if not any("CausalLM" in str(name) or "LMHead" in str(name) for name in (config.get("architectures") or [])):  # type: ignore[attr-defined]
        raise CallError("model", f"{title} is no causal language model", _REMEDY)
    if config.get("quantization_config"):
        raise CallError("model", f"{title} is quantised", "name the full-precision model it was made from")
    positions = config.get("max_position_embeddings") or config.get("n_positions")
    return ModelFacts(
        path=path,
        revision=revision,
        fingerprint=fingerprint,
        title=title,
        max_positions=positions if isinstance(positions, int) else None,
    )
