"""One run of the script in miniature: what is asked of it, and what was seen."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from tunebook.pipeline.prove.script import Method

#: What is done to a run on purpose: no end token is trained, the loss is no number, SIGTERM comes.
Spoil = Literal["ends", "nan", "signal"]


class Trial(BaseModel):
    name: str
    method: Method
    script: str
    model: str  # as the script names it
    clone: str  # the folder it becomes
    adapter: str | None = None  # likewise
    adapter_clone: str | None = None
    several: bool = False  # it is for several cards
    cards: int = 1
    steps: int
    save_steps: int | None = None  # None: the run keeps nothing
    learns: bool = False  # a rate at which the clone learns by heart, and a look at what it learned
    characters: int  # of each text: longer ones are cut
    spoil: Spoil | None = None
    until: float | None = None  # of time.monotonic(), which processes share: no step is begun later


class Sequence(BaseModel):
    """One row as the trainer learns it, without padding."""

    tokens: int
    trained: int
    read: str  # the text that is only read
    learned: str  # and the one that is trained
    first: str  # the first trained token, as text
    ends: bool  # an end token is trained, behind the answer


class Answer(BaseModel):
    """What the trained clone says to a row's prompt, greedily."""

    wanted: str
    said: str
    stopped: bool

    @property
    def exact(self) -> bool:
        return self.stopped and self.said.strip() == self.wanted.strip()


class Outcome(BaseModel):
    """What is known of a run; written as it goes, since a run may be killed."""

    overrides: list[str] = []
    trained: bool = False  # training began
    resumed_from: str | None = None
    steps: int = 0
    exit_code: int | None = None
    error: str | None = None  # the exception's type and message
    where: str | None = None  # the script's line that it came from
    sequences: list[Sequence] = []
    rows: list[dict[str, Any]] = []  # of GRPO, for the trial of its rewards
    users: list[str] = []  # what the rows' users say
    logs: list[dict[str, Any]] = []
    adapters: bool = False
    trainable: int = 0
    frozen: int = 0
    still: list[str] = []  # trainable tensors that did not move
    stopped_adapters: list[str] = []  # tensors of adapters that are not trained at all
    changed: list[str] = []  # frozen tensors that did
    answers: list[Answer] = []
    early: str | None = None  # why learning ended before its last step
    late: bool = False  # it ran out of time
    seconds: dict[str, float] = {}
