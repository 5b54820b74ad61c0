"""An OpenEnv server as people publish them, on reasoning-gym: `python openenv_server.py PORT`."""

from __future__ import annotations

import random
import sys
from typing import Any

import reasoning_gym
import uvicorn
from openenv.core.env_server import Action, Environment, Observation, State, create_fastapi_app


class Answer(Action):
    answer: str


class Task(Observation):
    question: str = ""


class Sums(Environment):
    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self) -> None:
        super().__init__()
        self.tasks = reasoning_gym.create_dataset("basic_arithmetic", size=100, seed=1)
        self._state = State(episode_id="sums", step_count=0)

    def reset(self, seed: int | None = None, episode_id: str | None = None, **more: Any) -> Task:
        self.task = self.tasks[random.randrange(len(self.tasks))]
        return Task(question=self.task["question"])

    def step(self, action: Answer, timeout_s: float | None = None, **more: Any) -> Task:
        return Task(done=True, reward=self.tasks.score_answer(action.answer, self.task))

    @property
    def state(self) -> State:
        return self._state


if __name__ == "__main__":
    uvicorn.run(create_fastapi_app(Sums, Answer, Task, max_concurrent_envs=64), port=int(sys.argv[1]))
