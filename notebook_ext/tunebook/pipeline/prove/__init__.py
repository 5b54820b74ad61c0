"""The proof in miniature: a training script, byte for byte, on a tiny clone of its model."""
