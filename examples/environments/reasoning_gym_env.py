"""Sums from Reasoning Gym, which makes its tasks itself and checks the answers: no data set is needed.

    environment: examples/environments/reasoning_gym_env.py:Arithmetic

Any of its hundred kinds of task can stand in the place of `basic_arithmetic`.
"""

import random

import reasoning_gym


class Arithmetic:
    """A new sum at each reset. The model answers with the tool `answer`; its first answer counts."""

    def __init__(self) -> None:
        self._tasks = reasoning_gym.create_dataset("basic_arithmetic", size=10_000, seed=42)
        self._random = random.Random(42)
        self._task: dict = {}
        self.reward: float | None = None

    def reset(self, **row) -> str:
        self._task = self._tasks[self._random.randrange(len(self._tasks))]
        self.reward = 0.0
        self._answered = False
        return f"{self._task['question']}\nGive the result with the tool `answer`."

    def answer(self, text: str) -> str:
        """
        Give the result. Only the first one counts.

        Args:
            text: The result, and nothing else.

        Returns:
            Whether it is right.
        """
        if self._answered:
            return "There is an answer already."
        self._answered = True
        self.reward = float(self._tasks.score_answer(text.strip(), self._task))
        return "right" if self.reward == 1 else "wrong"
