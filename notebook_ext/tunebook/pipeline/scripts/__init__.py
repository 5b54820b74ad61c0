"""Scripts that jobs run: a self-contained training script, and short entries into tunebook for the other stages."""

from tunebook.pipeline.scripts.entry import entry_script
from tunebook.pipeline.scripts.train import TrainSettings, train_script

__all__ = ["TrainSettings", "entry_script", "train_script"]
