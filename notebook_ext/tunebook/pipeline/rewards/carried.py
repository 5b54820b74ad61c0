"""Python text that a script is to carry: taken apart into imports and the rest, and refused if it needs more than that."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import packages_distributions, version
from pathlib import Path

from tunebook.pipeline.errors import CallError

#: What the training script itself defines below: a reward must not change it, nor be changed by it.
RESERVED = frozenset(
    "METHOD MODEL MODEL_REVISION ADAPTER HELD_OUT_ROWS LOSS_ROWS SEED NUM_GENERATIONS MAX_COMPLETION_LENGTH MAX_LENGTH "
    "BETA EPOCHS MAX_STEPS DEVICE_BATCH_SIZE ACCUMULATION DEVICE_EVAL_BATCH_SIZE LEARNING_RATE WARMUP_STEPS CHECKPOINTING "
    "HALF_WEIGHTS CPU_BF16 ATTENTION EVAL_STEPS SAVE_STEPS REPORT_TO CARDS PUSH_TO PUSH_PRIVATE LORA REWARDS REWARD_WEIGHTS "
    "ENVIRONMENT load_rows to_trl with_options options_of option_named with_system SYSTEM_PROMPT ROLES main make_trainer "
    "tokenizer DIVERGED SECONDS_TO_SAVE STARTED TERMINATED Journal balance common_arguments four_bits has_bf16 "
    "model_arguments newest_whole_checkpoint on_any_card peak_memory_gib rows_for start_on_all_cards with_adapter "
    "AutoModelForCausalLM AutoModelForSequenceClassification AutoTokenizer BitsAndBytesConfig DPOConfig DPOTrainer "
    "Dataset GRPOConfig GRPOTrainer KTOConfig KTOTrainer LoraConfig Path PeftModel PrinterCallback RewardConfig "
    "RewardTrainer SFTConfig SFTTrainer TrainerCallback argparse functools json load_dataset math os signal subprocess sys time "
    "torch ByLength InSameOrder score_only_what_is_learned answers extract_prompt unpair_preference_dataset".split()
)
#: Packages that the script requires by itself, in the versions it was written for.
OF_THE_SCRIPT = frozenset({"datasets", "peft", "torch", "trackio", "transformers", "trl"})


@dataclass
class Carried:
    """`imports` are whole statements, one a name; `names` is what the body defines at its top."""

    title: str
    imports: list[str] = field(default_factory=list)
    body: str = ""
    names: list[str] = field(default_factory=list)
    requirements: dict[str, str] = field(default_factory=dict)


def taken_apart(source: str, place: str, what: str = "rewards") -> tuple[Carried, ast.Module]:
    """Raises CallError for a text that is no Python."""
    source = source.replace("\r\n", "\n").replace("\t", "    ") if "\r\n" in source else source
    try:
        tree = ast.parse(source)
        compile(source, place, "exec")
    except (SyntaxError, ValueError, RecursionError) as failure:
        line = f" in line {failure.lineno}" if isinstance(failure, SyntaxError) and failure.lineno else ""
        why = failure.msg if isinstance(failure, SyntaxError) else str(failure)
        raise CallError(what, f"{place} is no Python ({why}{line})", "mend it") from None
    lines, found = source.splitlines(), Carried(title=ast.get_docstring(tree) or "")
    shared = {
        node.lineno for node in tree.body for other in tree.body if other is not node and other.lineno == node.lineno
    }
    for number, node in enumerate(tree.body):
        if node.lineno in shared:
            found.names += _defined(node)  # import a; b = 1
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.imports += _single(node)
        elif not (number == 0 and found.title and isinstance(node, ast.Expr)) and not _is_main(node):
            found.names += _defined(node)
            continue
        for at in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[at] = ""
    found.body = re.sub(
        r"\n{4,}", "\n\n\n", "\n".join(line.rstrip() if not line.strip() else line for line in lines)
    ).strip("\n")
    return found, tree


def self_contained(source: str, place: str, folder: Path | None, what: str = "rewards") -> tuple[Carried, ast.Module]:
    """A person's own text. Raises CallError where it needs a file beside it, or a package that is not here."""
    found, tree = taken_apart(source, place, what)
    remedy = f"put what it needs into {place}"
    distributions: Mapping[str, list[str]] | None = None
    optional = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Try) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            raise CallError(what, f"{place} imports from beside it (line {node.lineno})", remedy)
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        for module in (name.partition(".")[0] for name in modules):
            if module in sys.stdlib_module_names:
                continue
            if folder and ((folder / f"{module}.py").is_file() or (folder / module / "__init__.py").is_file()):
                raise CallError(what, f"{place} imports {module} from beside it, which stays here", remedy)
            if module == "tunebook":
                raise CallError(what, f"{place} imports tunebook, which is not where it trains", remedy)
            distributions = packages_distributions() if distributions is None else distributions
            if module in distributions:
                package = sorted(distributions[module])[0]
                if package not in OF_THE_SCRIPT:
                    found.requirements[package] = f">={version(package).partition('+')[0]}"
            elif id(node) not in optional:
                raise CallError(what, f"{place} imports {module}, which is not installed", f"pip install {module}")
    found.requirements = dict(sorted(found.requirements.items()))
    shadowing = [_name(statement) for statement in found.imports if not _as_the_script(statement)]
    for name in (*found.names, *shadowing):
        if name in RESERVED:
            raise CallError(what, f"{place} defines {name}, which the training script has too", f"rename {name} there")
    return found, tree


def joined_imports(parts: list[Carried]) -> str:
    """Every import once, sorted: the standard library's, then others'."""
    plain: set[tuple[str, str]] = set()
    names: dict[str, set[str]] = {}
    for statement in (one for part in parts for one in part.imports):
        node = ast.parse(statement).body[0]
        if isinstance(node, ast.Import):
            plain.add((node.names[0].name, statement))
        elif isinstance(node, ast.ImportFrom):
            names.setdefault(node.module or "", set()).add(statement.partition(" import ")[2])
    sections: list[str] = []
    for own in (True, False):
        kept = [
            statement for name, statement in sorted(plain) if (name.partition(".")[0] in sys.stdlib_module_names) is own
        ]
        for module in sorted(names):
            if (module.partition(".")[0] in sys.stdlib_module_names) is own:
                kept.append(_from(module, names[module]))
        sections += ["\n".join(kept)] if kept else []
    return "\n\n".join(sections)


def _from(module: str, names: set[str]) -> str:
    ordered = sorted(
        names, key=lambda name: (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name)
    )
    line = f"from {module} import {', '.join(ordered)}"
    return (
        line if len(line) <= 120 else "\n".join([f"from {module} import (", *(f"    {one}," for one in ordered), ")"])
    )


def _single(node: ast.Import | ast.ImportFrom) -> list[str]:
    """One statement for each name; nothing for __future__, which must stand first in a file."""
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return []
    made = [
        ast.Import([alias]) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, [alias], node.level)
        for alias in node.names
    ]
    return [ast.unparse(one) for one in made]


def _name(statement: str) -> str:
    return statement.rpartition(" ")[2]


def _as_the_script(statement: str) -> bool:
    """`import time`, as the script has it, and not `from time import time`; `from datasets import Dataset`."""
    name = _name(statement)
    return statement == f"import {name}" or (not name.islower() and " as " not in statement)


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
