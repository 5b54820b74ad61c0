"""From a checkpoint to a GGUF that answers: merge, convert, quantise, certify, ask."""
