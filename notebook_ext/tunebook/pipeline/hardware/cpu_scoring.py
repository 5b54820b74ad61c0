"""How a CPU computes the loss of a language model. Training scripts carry this function, and the probe times it."""


def score_only_what_is_learned() -> None:
    """On a CPU TRL scores every token, learned or not, in chunks computed twice: together more than half of a step."""
    import torch
    import trl.trainer.utils

    in_chunks = trl.trainer.utils._ChunkedLogProbFunction
    known = {"log_probs", "entropy", "is_top1"}

    class AtOnce:
        """The logits of few tokens are kept for the backward pass; where they take more than 64 MiB, it is TRL's way."""

        @staticmethod
        def apply(
            hidden: torch.Tensor,
            weight: torch.Tensor,
            bias: torch.Tensor | None,
            targets: torch.Tensor,
            temperature: float,
            chunk_size: int,
            softcap: float | None = None,
            scale: float = 1.0,
            outputs: tuple[str, ...] = (),
        ) -> tuple[torch.Tensor | None, ...]:
            if softcap is not None or len(hidden) * len(weight) > 2**24 or not {*outputs} <= known:
                whole = (hidden, weight, bias, targets, temperature, chunk_size, softcap, scale, outputs)
                scored: tuple[torch.Tensor | None, ...] = in_chunks.apply(*whole)
                return scored
            logits = torch.nn.functional.linear(hidden, weight, bias).float()
            every = torch.log_softmax(logits if scale == temperature else logits * (scale / temperature), dim=-1)
            entropy = -(every.exp() * every).sum(-1) if "entropy" in outputs else None
            is_top1 = every.argmax(-1) == targets if "is_top1" in outputs else None
            return every.gather(-1, targets[:, None])[:, 0], entropy, None, None, is_top1

    trl.trainer.utils._ChunkedLogProbFunction = AtOnce
    trl.trainer.utils._use_triton = lambda device: True  # what TRL asks there decides only which tokens are scored
