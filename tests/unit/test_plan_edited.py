"""A plan with an edited script is another plan, says what its time and price are of, and is itself again when it is put back."""

from __future__ import annotations

import pytest
from panel_facts import plan as made_plan

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.plan.edited import FORECAST, counted, with_script

WRITTEN = "import sys\n\nRATE = 1e-4\n"
EDITED = WRITTEN.replace("1e-4", "2e-4")


def test_the_line_beside_the_button_says_whose_forecast_it_is() -> None:
    plan = made_plan().model_copy(update={"script": WRITTEN})
    edited = with_script(plan, EDITED)
    assert edited.consent == f"{plan.consent} {FORECAST}"
    assert edited.plan_id != plan.plan_id and edited.written == WRITTEN
    assert counted(edited.edit or "") == (1, 1)
    assert with_script(edited, EDITED) == edited
    again = with_script(edited, EDITED.replace("2e-4", "3e-4"))
    assert again.consent == edited.consent, "it is said once"
    back = with_script(again, WRITTEN)
    assert (back.script, back.edit, back.written, back.consent) == (WRITTEN, None, None, plan.consent)


def test_what_is_no_python_is_refused_with_its_line() -> None:
    plan = made_plan().model_copy(update={"script": WRITTEN})
    with pytest.raises(CallError, match="script is no Python: line 3"):
        with_script(plan, EDITED.replace("= 2", "= ="))
