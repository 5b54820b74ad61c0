"""Facts about NVIDIA cards by model: what they can compute with, how fast at best, and how much memory a process gets.

Peaks are NVIDIA's own, from the data sheet of each card; for the cards with a display (RTX) from the white papers of
their architectures (GA102, Ada, RTX Blackwell), which alone tell dense peaks and how sums are kept. Three rules make
them comparable:
- dense: a data sheet's "with sparsity" figure is halved;
- with sums in float32, as training keeps them; GeForce cards run float16 with float16 sums at twice that rate;
- at boost clock, so nothing reaches them: the share that is reached is learned elsewhere, from runs.

`usable_gib` is no data sheet's. It is the smallest total that PyTorch was seen to report for the card ("GPU 0 has a
total capacity of 21.96 GiB"), rounded down. Drivers differ by 0.1 to 0.2 GiB, and ECC, which is counted as on for
every card that has it, takes 6 %.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

#: How far a told size may be from `memory_gb`: GB or GiB, with ECC's share or without; a slice of a card is farther off.
SAME_SIZE = 0.15


class Card(BaseModel):
    """One model of card. Figures are for one card."""

    model_config = ConfigDict(frozen=True)

    name: str
    capability: tuple[int, int]  # CUDA compute capability
    tflops: dict[str, float]  # dense peaks: "fp32" (no tensor cores), "fp16", and "tf32", "bf16", "fp8" where there
    bandwidth_gb_s: float  # of its memory, 10^9 bytes a second
    memory_gb: int  # as it is sold
    usable_gib: float  # what a process can count on in all, its CUDA context included

    @property
    def bf16(self) -> bool:
        """Whether it computes in bfloat16. torch.cuda.is_bf16_supported() says yes to a T4 too, which only emulates it."""
        return self.capability >= (8, 0)

    @property
    def flash_attention(self) -> bool:
        """Whether FlashAttention-2 runs on it: from Ampere on."""
        return self.capability >= (8, 0)

    @property
    def fp8(self) -> bool:
        """Whether its tensor cores take 8-bit floats: from Ada on."""
        return self.capability >= (8, 9)


def card_of(text: str, gib: float | None = None) -> Card | None:
    """The card that a name means, as the Hub's API ("A10G"), nvidia-smi or torch ("NVIDIA A100-SXM4-80GB") give it.

    `gib` is the memory of one card, in GiB or GB: it tells an A100 with 40 from one with 80 where the name does not.
    Where neither does, the smaller is meant: a plan for it runs on the larger too. None for a card that is not known
    here, and for what is only part of one or a namesake (MIG slices, virtual GPUs, laptops, "Ti", "SUPER").

    >>> card_of("NVIDIA A100-SXM4-80GB").name
    'A100 80 GB'
    >>> card_of("NVIDIA GeForce RTX 4090 Laptop GPU") is None
    True
    """
    joined = re.sub(r"(\d) +gb\b", r"\1gb", text.lower())
    words = [word for word in re.split(r"[^a-z0-9]+", joined) if word and word not in _SAYS_NOTHING]
    sizes = [float(word.removesuffix("gb")) for word in words if _SIZE.fullmatch(word)]
    key = "".join(word for word in words if not _SIZE.fullmatch(word))
    variants = _BY_NAME.get(key) or _BY_NAME.get(key.removesuffix("pcie"), [])
    told = [*sizes, *([gib] if gib is not None else [])]
    fitting = (card for card in variants if all(_same_size(card, size) for size in told))
    return min(fitting, key=lambda card: card.memory_gb, default=None)


def _same_size(card: Card, told: float) -> bool:
    return abs(told - card.memory_gb) <= SAME_SIZE * card.memory_gb


def _card(
    name: str, capability: tuple[int, int], bandwidth_gb_s: float, memory_gb: int, usable_gib: float, **tflops: float
) -> Card:
    return Card(
        name=name,
        capability=capability,
        tflops=tflops,
        bandwidth_gb_s=bandwidth_gb_s,
        memory_gb=memory_gb,
        usable_gib=usable_gib,
    )


_V100 = {"fp32": 15.7, "fp16": 125.0}  # SXM2; the PCIe card reaches 14 and 112
_A100 = {"fp32": 19.5, "tf32": 156.0, "fp16": 312.0, "bf16": 312.0}
_H100 = {"fp32": 67.0, "tf32": 494.5, "fp16": 989.5, "bf16": 989.5, "fp8": 1979.0}  # SXM, and H200
_NVL = {"fp32": 60.0, "tf32": 417.5, "fp16": 835.5, "bf16": 835.5, "fp8": 1670.5}  # H100 NVL and H200 NVL

# One row a card: what is left of its name without _SAYS_NOTHING and sizes; capability, GB/s, GB as sold, GiB usable, peaks.
_ROWS: list[tuple[str, Card]] = [
    ("v100", _card("V100 16 GB", (7, 0), 900, 16, 15.7, **_V100)),
    ("v100", _card("V100 32 GB", (7, 0), 900, 32, 31.7, **_V100)),
    ("t4", _card("T4", (7, 5), 300, 16, 14.5, fp32=8.1, fp16=65.0)),
    ("a100", _card("A100 40 GB", (8, 0), 1555, 40, 39.3, **_A100)),
    ("a100", _card("A100 80 GB", (8, 0), 1935, 80, 79.0, **_A100)),  # PCIe; SXM has 2039 GB/s
    ("a10", _card("A10", (8, 6), 600, 24, 21.9, fp32=31.2, tf32=62.5, fp16=125.0, bf16=125.0)),
    # Not an A10: NVIDIA made it for AWS, and its own data sheet has about half of the A10's tensor peaks.
    ("a10g", _card("A10G", (8, 6), 600, 24, 21.9, fp32=31.5, tf32=35.0, fp16=70.0, bf16=70.0)),
    ("a6000", _card("RTX A6000", (8, 6), 768, 48, 44.3, fp32=38.7, tf32=77.4, fp16=154.8, bf16=154.8)),
    ("rtx3090", _card("RTX 3090", (8, 6), 936, 24, 23.5, fp32=35.6, tf32=35.6, fp16=71.0, bf16=71.0)),
    ("rtx4080", _card("RTX 4080", (8, 9), 716, 16, 15.4, fp32=48.7, tf32=48.7, fp16=97.5, bf16=97.5, fp8=194.9)),
    ("rtx4090", _card("RTX 4090", (8, 9), 1008, 24, 23.5, fp32=82.6, tf32=82.6, fp16=165.2, bf16=165.2, fp8=330.3)),
    (
        "rtx6000ada",
        _card("RTX 6000 Ada", (8, 9), 960, 48, 44.3, fp32=91.1, tf32=182.1, fp16=364.2, bf16=364.2, fp8=728.5),
    ),
    ("l4", _card("L4", (8, 9), 300, 24, 21.9, fp32=30.3, tf32=60.0, fp16=121.0, bf16=121.0, fp8=242.5)),
    ("l40", _card("L40", (8, 9), 864, 48, 44.3, fp32=90.5, tf32=90.5, fp16=181.0, bf16=181.0, fp8=362.0)),
    ("l40s", _card("L40S", (8, 9), 864, 48, 44.3, fp32=91.6, tf32=183.0, fp16=362.0, bf16=362.0, fp8=733.0)),
    ("h100", _card("H100", (9, 0), 3350, 80, 79.0, **_H100)),  # no form named: the SXM module, as clouds sell it
    ("h100pcie", _card("H100 PCIe", (9, 0), 2000, 80, 79.0, fp32=51.0, tf32=378.0, fp16=756.5, bf16=756.5, fp8=1513.0)),
    ("h100nvl", _card("H100 NVL", (9, 0), 3900, 94, 93.0, **_NVL)),
    ("h200", _card("H200", (9, 0), 4800, 141, 139.7, **_H100)),
    ("h200nvl", _card("H200 NVL", (9, 0), 4800, 141, 139.7, **_NVL)),
    ("b200", _card("B200", (10, 0), 7700, 180, 178.3, fp32=75.0, tf32=1100.0, fp16=2250.0, bf16=2250.0, fp8=4500.0)),
    # The Server Edition, which the Hub rents; the Workstation Edition has 125 TFLOPS and 1792 GB/s. Its data sheet tells
    # float32 and a sparse float4: on this chip (GB202) the dense 16-bit peak is four times the one of float32.
    (
        "rtxpro6000",
        _card(
            "RTX PRO 6000 Blackwell", (12, 0), 1597, 96, 94.9, fp32=120.0, tf32=240.0, fp16=480.0, bf16=480.0, fp8=960.0
        ),
    ),
]

CARDS: tuple[Card, ...] = tuple(card for _, card in _ROWS)

_BY_NAME = {name: [card for other, card in _ROWS if other == name] for name, _ in _ROWS}
_BY_NAME["rtxa6000"] = _BY_NAME["a6000"]

_SIZE = re.compile(r"\d+gb")
#: Words that makers and clouds add to a name and that leave the card the same.
_SAYS_NOTHING = frozenset(
    "nvidia geforce tesla gpu tensor core sxm sxm2 sxm3 sxm4 sxm5 sxm6 hbm2 hbm2e hbm3 hbm3e gddr6 gddr6x gddr7 "
    "generation blackwell server workstation edition".split()
)
