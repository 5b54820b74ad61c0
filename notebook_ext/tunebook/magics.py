"""The notebook's door: `%%finetune` with an instruction, and `%finetune NAME` for every command of the table.

Loading registers the two magics and their completion. Everything else is imported when it is first used.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from tunebook.pipeline.errors import TunebookError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from tunebook.cell import CellCall
    from tunebook.pipeline.spec import Spec
    from tunebook.widgets.facts import Facts


@magics_class
class FinetuneMagics(Magics):
    """`%%finetune` and `%finetune`."""

    @no_var_expand  # IPython would take the "$2" of "stay under $2" for Python
    @line_cell_magic
    def finetune(self, line: str, cell: str | None = None) -> None:
        """Fine-tune as the cell says, or run a command of tunebook.

        %%finetune [--yes] [--again] [--text] [--FIELD VALUE ...] and an instruction in plain words below it, with
        `field: value` lines where they are shorter. It returns at once with a panel that follows the run.

        %finetune NAME [...] is `tunebook NAME` of the terminal; %finetune alone lists the names.
        """
        # A wrong call is one line and a failed cell, which stops "run all" and nbclient; nobody needs its traceback.
        try:
            if cell is None:
                _command(line, self.shell)
            else:
                _cell(line, cell, self.shell)
        except TunebookError as error:
            raise UsageError(str(error)) from None
        except OSError as error:
            from tunebook.pipeline.home import unwritable

            if (told := unwritable(error)) is None:
                raise
            raise UsageError(str(told)) from None
        except KeyboardInterrupt:
            raise UsageError("interrupted; a run that was started goes on, and `%finetune attach` shows it") from None
        except SystemExit:
            return  # --help has printed what it says


def load(shell: InteractiveShell) -> None:
    """Register the magics and their completion. Done again it changes nothing."""
    from tunebook.completion import complete_finetune

    shell.register_magics(FinetuneMagics)
    if complete_finetune not in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.append(complete_finetune)


def unload(shell: InteractiveShell) -> None:
    """Take away what `load` gave. Runs and panels that are there go on."""
    from tunebook.completion import complete_finetune

    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("finetune", None)
    shell.magics_manager.registry.pop(FinetuneMagics.__name__, None)
    if complete_finetune in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(complete_finetune)


# %%finetune


def _cell(line: str, cell: str, shell: InteractiveShell | None) -> None:
    from tunebook.cell import edited_plan, understand
    from tunebook.pipeline import control

    if (plan_id := edited_plan(line)) is not None:
        _edited(plan_id, cell, shell)
        return
    call = understand(line, cell)
    as_text = call.text or not shows_widgets(shell)
    if call.spec is None:
        _ask(call, as_text)
        return
    spec = _with_own_rewards(call.spec, shell)
    run_id, _ = control.start(spec, call.instruction, yes=call.yes, again=call.again)
    show_run(run_id, as_text=as_text, shell=shell)


def _with_own_rewards(spec: Spec, shell: InteractiveShell | None) -> Spec:
    """The spec with rewards that are functions of this notebook as files that hold them."""
    if not spec.rewards or shell is None:
        return spec
    from tunebook.own_rewards import written

    return spec.model_copy(update={"rewards": written(spec.rewards, shell.user_ns)})


def _edited(plan_id: str, text: str, shell: InteractiveShell | None) -> None:
    """A script that was edited in this cell: what was changed is shown, and a run of it that waits for its proof."""
    from tunebook.functions import edited_run

    run_id = edited_run(plan_id, text)
    show_run(run_id, as_text=not shows_widgets(shell), shell=shell)


def _ask(call: CellCall, as_text: bool) -> None:
    """Show the questions. Where nobody looks at a panel the cell fails, since what follows it would find no run."""
    if not as_text:
        from tunebook.widgets.finetune_panel import QuestionPanel

        _display(QuestionPanel(call.instruction, call.said, call.reading))
        return
    from tunebook.texts import render

    print(render("read", call.reading))
    raise UsageError("; ".join(f"{one.field}: {one.why}" for one in call.reading.questions) + ". Nothing was started.")


def show_run(run_id: str, *, as_text: bool, shell: InteractiveShell | None) -> None:
    """Show a run as a panel that stays live, or follow it as text until it ends or waits."""
    from tunebook.widgets.static_form import StaticOutput

    if not as_text:
        from tunebook.widgets.finetune_panel import FinetunePanel

        _display(FinetunePanel(run_id))
        StaticOutput(run_id)
        return
    from tunebook.follow import follow

    facts = follow(run_id)
    if facts.run.finished and _kernel(shell) is not None:
        StaticOutput(run_id)
    _fail_with(facts)


def _fail_with(facts: Facts) -> None:
    """A cell that followed a run fails when the run did, as a command would."""
    from tunebook.widgets.snapshot import problem

    told = problem(facts)
    if told is not None:
        raise UsageError(" ".join(part for part in (told["what"], told["now"]) if part))


def _display(panel: object) -> None:
    from IPython.display import display

    display(panel)  # type: ignore[no-untyped-call]


# %finetune NAME

#: Commands whose answer is a run that one wants to see.
SHOWN = ("run", "attach", "resume")


def _command(line: str, shell: InteractiveShell | None) -> None:
    from tunebook.cell import words_of
    from tunebook.cli import as_json
    from tunebook.commands import call, exit_code, parser

    table = parser("%finetune")
    words = words_of(line)
    if not words:
        table.print_help()
        return
    arguments = table.parse_args(words)
    if arguments.command == "logs" and arguments.follow and not arguments.json:
        from tunebook.follow import follow_log
        from tunebook.functions import find

        follow_log(find(arguments.run))
        return
    if arguments.command == "script" and not arguments.output and not arguments.json and shell is not None:
        _open_script(arguments.plan, shell)
        return
    result = call(arguments)
    if arguments.json:
        print(as_json(result))
    elif arguments.command == "inspect" and (plan_id := getattr(result, "plan_id", None)) is not None:
        from tunebook.functions import drafted

        show_run(drafted(plan_id), as_text=not shows_widgets(shell), shell=shell)
    elif arguments.command in SHOWN:
        show_run(str(getattr(result, "run_id", "")), as_text=not shows_widgets(shell), shell=shell)
    else:
        from tunebook.texts import render

        print(render(arguments.command, result))
    if exit_code(result):
        questions: list[Any] = getattr(result, "questions", [])
        raise UsageError("; ".join(f"{one.field}: {one.why}" for one in questions) or "the call is wrong")


def _open_script(plan: str | None, shell: InteractiveShell) -> None:
    """Put a plan's script into the next cell, ready to be edited and run."""
    from tunebook.functions import script_of

    plan_id, text = script_of(plan)
    shell.set_next_input(f"%%finetune edit {plan_id[:12]}\n{text}", replace=False)
    print(
        "The script is in the next cell. Edit it and run that cell: the change is shown, and proved before it starts."
    )


# Front ends

FRONT_END = "TUNEBOOK_FRONT_END"


def _kernel(shell: InteractiveShell | None) -> Any:
    """The kernel behind the shell; a terminal has none."""
    return getattr(shell, "kernel", None)


def shows_widgets(shell: InteractiveShell | None) -> bool:
    """Whether somebody sits before this cell with a front end that can show a panel.

    A terminal cannot. nbclient, nbconvert and papermill take no input, JupyterLab, VS Code and Colab do.
    `TUNEBOOK_FRONT_END=text` or `widget` decides it otherwise.
    """
    named = os.environ.get(FRONT_END, "").strip().lower()
    if named in ("text", "widget"):
        return named == "widget"
    if named:
        print(f"{FRONT_END} is {named!r}: it can be text or widget, and is passed over.", file=sys.stderr)
    kernel = _kernel(shell)
    if kernel is None:
        return False
    content = kernel.get_parent("shell").get("content") or {}
    return bool(content.get("allow_stdin", False))
