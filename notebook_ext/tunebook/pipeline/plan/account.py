"""What the account lacks for a plan that rents a machine: found before anybody clicks, and again when somebody does."""

from __future__ import annotations

from tunebook.pipeline.backends.hf_jobs.access import Missing
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware.flavors import BACKEND as RENTED
from tunebook.pipeline.plan.model import Plan


def missing_for(plan: Plan, run_id: str = "") -> list[Missing]:
    """Each thing that is missing, with the link that mends it; [] for a plan of this machine. Asks the Hub for some seconds.

    `run_id` is whose push may go on in a repository that is there already.
    """
    if plan.chosen is None or plan.chosen.backend != RENTED:
        return []
    from huggingface_hub import get_token

    from tunebook.pipeline.backends.hf_jobs.account import missing

    return missing(
        None,
        model=_read(plan),
        model_revision=plan.model.revision if plan.model else None,
        dataset=plan.spec.get("dataset"),
        dataset_revision=plan.spec.get("dataset_revision"),
        push_to=plan.spec.get("push_to"),
        token=get_token(),
        run=run_id,
    )


def _read(plan: Plan) -> str | None:
    """The model that its job reads: of an adapter an inspection needs only the tokenizer of what it belongs to."""
    if plan.model is None:
        return None
    return plan.model.path if plan.ask else plan.model.adapter or plan.model.path


def require_account(plan: Plan, run_id: str) -> None:
    """Raise CallError for the first thing that is missing for sure."""
    sure = [one for one in missing_for(plan, run_id) if one.sure]
    if sure:
        more = f" (and {len(sure) - 1} more, which `plan` lists)" if len(sure) > 1 else ""
        raise CallError(sure[0].field, f"is not ready: {sure[0].line.rstrip('.')}{more}", f"mend it at {sure[0].link}")
