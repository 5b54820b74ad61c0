"""What a training script says of itself, read without running it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from tunebook.pipeline.errors import CallError

Method = Literal["sft", "dpo", "grpo", "kto", "reward"]

_REMEDY = "give a script that `tunebook script` wrote, edited or not"


class Script(NamedTuple):
    """A training script and its constants."""

    path: Path
    method: Method
    model: str
    revision: str | None
    adapter: str | None  # that is trained on
    cards: int = 1
    several: bool = False  # it starts itself once a card

    @classmethod
    def read(cls, path: Path) -> Script:
        """Raises CallError in one line for what is no training script, or does not parse."""
        try:
            source = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as failure:
            raise CallError("script", f"{path} cannot be read ({_first(failure)})", _REMEDY) from None
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError) as failure:
            line = getattr(failure, "lineno", None)
            where = f"line {line}: " if line else ""
            reason = getattr(failure, "msg", None) or _first(failure)
            raise CallError("script", f"does not parse ({where}{reason})", "mend that line") from None
        constants = _constants(tree)
        missing = [name for name in ("MODEL",) if not isinstance(constants.get(name), str) or not constants[name]]
        if not any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            missing.append("main()")
        if not any(isinstance(node, ast.Constant) and node.value == "--output" for node in ast.walk(tree)):
            missing.append("--output")
        if missing:
            raise CallError("script", f"is no training script: it has no {' and no '.join(missing)}", _REMEDY)
        method = constants.get("METHOD", "sft")
        if method not in get_args(Method):
            known = ", ".join(get_args(Method))
            raise CallError("script", f"says METHOD = {method!r}, which cannot be proved", f"choose one of {known}")
        cards = constants.get("CARDS", 1)
        cards = cards if isinstance(cards, int) else 1
        several = cards > 1 or "torch.distributed" in source
        revision, adapter = constants.get("MODEL_REVISION"), constants.get("ADAPTER")
        return cls(path, method, constants["MODEL"], revision, adapter, cards, several)


def _constants(tree: ast.Module) -> dict[str, Any]:
    """Names in capitals that the module gives a literal; the last one counts, as when it runs."""
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            continue
        try:
            value = ast.literal_eval(node.value) if node.value is not None else None
        except ValueError:
            continue
        found |= {name: value for name in names if name.isupper()}
    return found


def _first(failure: Exception) -> str:
    return (str(failure).strip().splitlines() or [type(failure).__name__])[0][:160]
