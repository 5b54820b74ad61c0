"""One command table for every door: names, arguments, the function behind each, and how a person reads its result.

`%finetune NAME ...` and `tunebook NAME ...` both parse with `parser()` and call `call()`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from tunebook.pipeline.errors import CallError

if TYPE_CHECKING:
    from pydantic import BaseModel

RUN = ("run", {"nargs": "?", "metavar": "RUN", "help": "a run's id or the beginning of it (default: the newest run)"})

Argument = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Command:
    """`arguments` are argparse's. `variadic` names the argument whose values the function takes one by one."""

    help: str
    arguments: tuple[Argument, ...] = ()
    variadic: str | None = None


def _option(name: str, help: str, **settings: Any) -> Argument:
    return f"--{name}", {"help": help, **settings}


_ON = _option("on", "the backend to run on, such as local", metavar="BACKEND")
_BUDGET = _option("budget", "the most it may cost", type=float, metavar="USD")
_OUTPUT = ("-o", {"dest": "output", "metavar": "FILE", "help": "where to write it"})

COMMANDS: dict[str, Command] = {
    "read": Command("what an instruction says, field by field", (("instruction", {}),)),
    "inspect": Command(
        "look at every row of a data set",
        (
            ("dataset", {"metavar": "DATASET"}),
            _option("model", "the model whose tokenizer and template to use"),
            _option("config", "the data set's configuration"),
            _option("split", "the split to train on"),
            _option("method", "the method to look with, such as sft"),
            _option("max-length", "where rows are cut, in tokens", type=int),
            _option("against", "a benchmark to look for in the rows", metavar="BENCHMARK"),
            _option("leave-out", "checks whose rows are left out, such as K13,K14", metavar="CHECKS"),
            _option("on", "plan it for a rented machine, such as cpu-basic", metavar="MACHINE"),
        ),
    ),
    "memory": Command(
        "how much memory a training step needs, from the model's config alone",
        (
            ("model", {"metavar": "MODEL"}),
            _option("method", "sft, dpo, grpo, kto or reward", default="sft"),
            _option("tuning", "full, lora or qlora", default="lora"),
            _option("rank", "the adapter's rank", type=int, default=16),
            _option("targets", "modules that get an adapter, such as q_proj,v_proj", default="all-linear"),
            _option("seq", "tokens a row", type=int, default=1024),
            _option("batch", "rows on a card at once (pairs for dpo)", type=int, default=1),
            _option("accumulation", "passes before an optimizer step", type=int, default=1),
            _option(
                "checkpointing", "activations are computed twice", action=argparse.BooleanOptionalAction, default=True
            ),
            _option("attention", "efficient or math", default="efficient"),
            _option("loss", "chunked, as TRL's trainer, or plain, as a loop over transformers", default="chunked"),
            _option("dtype", "of the weights: bf16, fp16 or fp32", default="bf16"),
            _option(
                "autocast", "what the pass computes in: bf16, fp16 or none (default: bf16 for chunked, none for plain)"
            ),
            _option("optimizer", "adamw, adamw_8bit, adafactor or sgd", default="adamw"),
            _option("cards", "cards that share the model", type=int, default=1),
            _option("trust-remote-code", "run the code that the model brings", action="store_true"),
        ),
    ),
    "plan": Command(
        "resolve an instruction to a plan, with memory, time and price",
        (("instruction", {"metavar": "INSTRUCTION|FILE"}), _ON, _BUDGET),
    ),
    "script": Command(
        "write a plan's training script; in a notebook, open it in the next cell",
        (("plan", {"nargs": "?", "metavar": "PLAN_ID|INSTRUCTION", "help": "default: the newest run's plan"}), _OUTPUT),
    ),
    "prove": Command(
        "run a script on a tiny clone of its model, before anybody pays for it",
        (("plan", {"metavar": "PLAN_ID|FILE"}),),
    ),
    "edit": Command(
        "take an edited script into a plan, and prove it",
        (("plan_id", {"metavar": "PLAN_ID"}), ("script", {"metavar": "FILE"})),
    ),
    "confirm": Command("consent to a plan, at a terminal", (("plan_id", {"metavar": "PLAN_ID"}),)),
    "run": Command(
        "run a plan",
        (
            ("plan", {"metavar": "PLAN_ID|INSTRUCTION"}),
            _ON,
            _BUDGET,
            _option("yes", "consent now (a plan that can cost money needs --budget too)", action="store_true"),
            _option("wait", "return when the run has ended", action="store_true"),
            _option("again", "another run, although there is one of this plan", action="store_true"),
        ),
    ),
    "runs": Command("all runs, the newest first"),
    "show": Command("what a run is doing", (RUN,)),
    "logs": Command(
        "a run's log",
        (
            RUN,
            _option("lines", "how many", type=int, default=200),
            _option("follow", "go on as it grows, until the run ends", action="store_true"),
        ),
    ),
    "metrics": Command("a run's metrics, step by step", (RUN,)),
    "stop": Command("end the training, keep what is there, go on to the evaluation", (RUN,)),
    "cancel": Command("end a run", (RUN, _option("all", "every unfinished run", action="store_true"))),
    "resume": Command("go on from the newest whole checkpoint", (RUN,)),
    "attach": Command("see to unfinished runs that nobody watches"),
    "evaluate": Command(
        "score runs, checkpoints or models",
        (
            ("targets", {"nargs": "+", "metavar": "TARGET"}),
            _option("benchmark", "its name, such as exact_match", required=True, metavar="NAME"),
            _option("limit", "at most so many items", type=int),
            _option("samples", "answers for each item", type=int, default=1),
            _option("dataset", "a jsonl of held-out rows, for targets that bring none", metavar="FILE"),
        ),
        variadic="targets",
    ),
    "compare": Command("the checkpoints of a run against its base", (RUN,)),
    "report": Command("write a run's report", (RUN, _OUTPUT)),
    "export": Command(
        "merge and convert to GGUF",
        (
            ("target", {"nargs": "?", "metavar": "RUN|FOLDER"}),
            _option("gguf", "quantisations, such as Q4_K_M,Q8_0", default="Q4_K_M", metavar="QUANTS"),
            _option("push", "a new repository on the Hub to push them to", metavar="USER/REPO"),
        ),
    ),
    "budget": Command(
        "what runs have cost, what is reserved, what is left; and what they may cost",
        (
            _option("run", "what a run may cost where its cell says nothing", type=float, metavar="USD"),
            _option("month", "what all runs of a calendar month may cost together", type=float, metavar="USD"),
            _option("clear", "remove both", action="store_true"),
        ),
    ),
    "clean": Command(
        "remove what finished work has left behind",
        (_option("everything", "finished runs with their models too", action="store_true"),),
    ),
    "doctor": Command("what this machine can do"),
}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every other wrong call does, and leaves the exit to the door."""

    def error(self, message: str) -> NoReturn:
        raise CallError("arguments", f"are wrong ({message})", f"see `{self.prog} --help`")


def parser(prog: str) -> argparse.ArgumentParser:
    """The parser of the whole table. Raises CallError instead of leaving the process, except for --help."""
    from tunebook.version import __version__

    main = _Parser(prog=prog, description="From one instruction to a fine-tuned language model.")
    main.add_argument("--version", action="version", version=__version__)
    names = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = names.add_parser(name, help=command.help, description=f"{command.help[0].upper()}{command.help[1:]}.")
        for argument, settings in command.arguments:
            sub.add_argument(argument, **settings)
        sub.add_argument("--json", action="store_true", help="print exactly one JSON object")
    return main


def call(arguments: argparse.Namespace) -> BaseModel:
    """Call the function of a parsed command. Raises what the function raises."""
    from tunebook import functions

    values = vars(arguments).copy()
    name, command = values.pop("command"), COMMANDS[arguments.command]
    for door in ("json", "follow"):
        values.pop(door, None)
    function: Callable[..., BaseModel] = getattr(functions, name)
    if command.variadic:
        return function(*values.pop(command.variadic), **values)
    first = [values.pop(argument) for argument, _ in command.arguments if not argument.startswith("-")]
    return function(*first, **values)


def exit_code(result: BaseModel) -> int:
    """2 for a plan that waits for answers, 1 for a proof that failed, 0 for every other result."""
    if getattr(getattr(result, "proof", result), "passed", True) is False:
        return 1
    return 2 if getattr(result, "questions", None) and hasattr(result, "plan_id") else 0
