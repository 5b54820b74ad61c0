"""A task that an OpenEnv server sets and scores, here or on the Hub: one session with it for each answer that is tried.

    environment: examples/environments/openenv_env.py:Served

What an observation and an action hold is the environment's own: here a question, and one answer to it. OPENENV_URL names
the server, `pip install openenv-core` brings the client.
"""

import os

from openenv.core import GenericEnvClient


class Served:
    """A new task at each reset. The model answers with the tool `answer`; its first answer counts."""

    def __init__(self) -> None:
        self._session = GenericEnvClient(base_url=os.environ.get("OPENENV_URL", "http://127.0.0.1:8000")).sync()
        self._done = True
        self.reward: float | None = None

    def reset(self, **row) -> str:
        found = self._session.reset()
        self._done, self.reward = found.done, 0.0
        return f"{found.observation['question']}\nGive the result with the tool `answer`."

    def answer(self, text: str) -> str:
        """
        Give the result. Only the first one counts.

        Args:
            text: The result, and nothing else.

        Returns:
            What it was worth.
        """
        if self._done:
            return "There is an answer already."
        found = self._session.step({"answer": text.strip()})
        self._done, self.reward = found.done, float(found.reward or 0.0)
        return f"reward {self.reward:g}"
