"""What a spec may ask for that cannot be done yet: said as a question, before anything is read or started."""

from __future__ import annotations

from tunebook.pipeline.backends import backend_names
from tunebook.pipeline.benchmarks import benchmark_names
from tunebook.pipeline.hardware.flavors import BACKEND as RENTED
from tunebook.pipeline.hardware.local import FLAVOR as THIS_MACHINE
from tunebook.pipeline.instruction import Question
from tunebook.pipeline.spec import Spec


def unsupported(spec: Spec) -> list[Question]:
    """A question for every field whose value cannot be honoured; an empty list where all can."""
    questions: list[Question] = []

    def ask(field: str, why: str) -> None:
        questions.append(Question(field=field, why=why))

    known = list(dict.fromkeys([*backend_names(), RENTED]))
    if spec.backend and spec.backend not in known:
        ask("backend", f"{spec.backend!r} is not installed; there is {', '.join(known)}")
    if spec.backend == "local" and spec.flavor not in (None, THIS_MACHINE):
        ask("flavor", f"{spec.flavor!r} is a rented machine, and the backend is local; say one of them")
    if spec.backend == RENTED and spec.flavor == THIS_MACHINE:
        ask("flavor", f"{spec.flavor!r} is not rented, and the backend is {RENTED}; say one of them")
    if spec.method == "reward" and spec.gguf:
        ask("gguf", "is a file that answers, and a reward model gives a score; leave it out, or take another method")
    if spec.method not in (None, "grpo"):
        for field in ("rewards", "environment", "num_generations", "max_completion_length"):
            if getattr(spec, field) is not None:
                ask(field, f"belongs to GRPO, and the method is {str(spec.method).upper()}; say one of them")
    if spec.benchmark and spec.benchmark not in benchmark_names():
        ask("benchmark", f"{spec.benchmark!r} is not here yet; there is {', '.join(benchmark_names())}")
    return questions
