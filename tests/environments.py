"""An environment for GRPO in a few lines, as the text of a file."""

from __future__ import annotations

COUNTER = '''
class Counter:
    """Counts to three."""

    def reset(self, **row):
        self.count = 0
        return "Count to three."

    def up(self, steps: int) -> str:
        """
        Count on.

        Args:
            steps: How many.
        """
        self.count += steps
        return str(self.count)

    def get_reward(self):
        return self.count / 3
'''
