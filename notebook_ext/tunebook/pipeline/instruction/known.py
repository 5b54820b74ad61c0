"""Names a user may write without an owner, and words that stand for benchmarks and machines.

Only names that exist are listed: a size or variant that is not here becomes a question with the near ones, never a
guessed id. Facts of the Hub as of August 2026.
"""

from __future__ import annotations

from tunebook.pipeline.instruction.text import Phrases, squash


def _family(owner: str, stem: str, sizes: str, *endings: str) -> list[str]:
    return [f"{owner}/{stem}{size}{ending}" for size in sizes.split() for ending in endings]


MODELS: tuple[str, ...] = (
    *_family("Qwen", "Qwen3-", "0.6B 1.7B 4B 8B 14B", "", "-Base"),
    *_family("Qwen", "Qwen3-", "32B 235B-A22B", ""),
    "Qwen/Qwen3-30B-A3B",
    "Qwen/Qwen3-30B-A3B-Base",
    *_family("Qwen", "Qwen3-", "4B 30B-A3B", "-Instruct-2507", "-Thinking-2507"),
    *_family("Qwen", "Qwen2.5-", "0.5B 1.5B 3B 7B 14B 32B 72B", "", "-Instruct"),
    *_family("Qwen", "Qwen2.5-Coder-", "0.5B 1.5B 3B 7B 14B 32B", "", "-Instruct"),
    *_family("Qwen", "Qwen2.5-Math-", "1.5B 7B 72B", "", "-Instruct"),
    *_family("Qwen", "Qwen2-", "0.5B 1.5B 7B 72B", "", "-Instruct"),
    *_family("HuggingFaceTB", "SmolLM2-", "135M 360M 1.7B", "", "-Instruct"),
    *_family("HuggingFaceTB", "SmolLM-", "135M 360M 1.7B", "", "-Instruct"),
    *_family("HuggingFaceTB", "SmolLM3-", "3B", "", "-Base"),
    *_family("meta-llama", "Llama-3.2-", "1B 3B", "", "-Instruct"),
    *_family("meta-llama", "Llama-3.1-", "8B 70B 405B", "", "-Instruct"),
    *_family("meta-llama", "Meta-Llama-3-", "8B 70B", "", "-Instruct"),
    "meta-llama/Llama-3.3-70B-Instruct",
    *_family("meta-llama", "Llama-2-", "7b 13b 70b", "-hf", "-chat-hf"),
    *_family("google", "gemma-3-", "270m", "", "-it"),
    *_family("google", "gemma-3-", "1b 4b 12b 27b", "-pt", "-it"),
    *_family("google", "gemma-2-", "2b 9b 27b", "", "-it"),
    *_family("google", "gemma-", "2b 7b", "", "-it"),
    *_family("mistralai", "Mistral-7B-", "v0.1 v0.3 Instruct-v0.1 Instruct-v0.2 Instruct-v0.3", ""),
    "mistralai/Mistral-Nemo-Base-2407",
    "mistralai/Mistral-Nemo-Instruct-2407",
    "mistralai/Ministral-8B-Instruct-2410",
    "microsoft/phi-2",
    *_family("microsoft", "Phi-3-", "mini", "-4k-instruct", "-128k-instruct"),
    "microsoft/Phi-3.5-mini-instruct",
    "microsoft/phi-4",
    "microsoft/Phi-4-mini-instruct",
    *_family("allenai", "OLMo-2-", "0425-1B 1124-7B 1124-13B 0325-32B", "", "-Instruct"),
    *_family("ibm-granite", "granite-3.3-", "2b 8b", "-base", "-instruct"),
    *_family("TinyLlama", "TinyLlama-1.1B-", "Chat-v1.0", ""),
    *_family("openai-community", "gpt2", "-medium -large -xl", ""),
    "openai-community/gpt2",
    *_family("deepseek-ai", "DeepSeek-R1-Distill-Qwen-", "1.5B 7B 14B 32B", ""),
    *_family("deepseek-ai", "DeepSeek-R1-Distill-Llama-", "8B 70B", ""),
    *_family("EleutherAI", "pythia-", "14m 70m 160m 410m 1b 1.4b 2.8b 6.9b 12b", ""),
    *_family("facebook", "opt-", "125m 350m 1.3b 2.7b 6.7b", ""),
    *_family("tiiuae", "Falcon3-", "1B 3B 7B 10B", "-Base", "-Instruct"),
    *_family("LiquidAI", "LFM2-", "350M 700M 1.2B", ""),
)

DATASETS: tuple[str, ...] = (
    "openai/gsm8k",
    "tatsu-lab/alpaca",
    "trl-lib/ultrafeedback_binarized",
    "open-r1/codeforces-cots",
    "open-r1/OpenR1-Math-220k",
    "HuggingFaceH4/ultrachat_200k",
    "HuggingFaceH4/no_robots",
    "HuggingFaceTB/smoltalk",
    "trl-lib/Capybara",
    "trl-lib/tldr",
    "trl-lib/DeepMath-103K",
    "trl-lib/kto-mix-14k",
    "databricks/databricks-dolly-15k",
    "OpenAssistant/oasst1",
    "OpenAssistant/oasst2",
    "timdettmers/openassistant-guanaco",
    "Anthropic/hh-rlhf",
    "teknium/OpenHermes-2.5",
    "Open-Orca/OpenOrca",
    "Open-Orca/SlimOrca",
    "meta-math/MetaMathQA",
    "microsoft/orca-math-word-problems-200k",
    "allenai/tulu-3-sft-mixture",
    "sahil2801/CodeAlpaca-20k",
    "b-mc2/sql-create-context",
    "roneneldan/TinyStories",
    "stanfordnlp/imdb",
    "rajpurkar/squad",
    "GAIR/lima",
    "google-research-datasets/mbpp",
)

_MODEL_ALIASES = {
    **{
        f"Llama-3-{size}{end}": f"meta-llama/Meta-Llama-3-{size}{end}"
        for size in ("8B", "70B")
        for end in ("", "-Instruct")
    },
    **{f"Llama-2-{size}": f"meta-llama/Llama-2-{size}-hf" for size in ("7b", "13b", "70b")},
    **{f"Llama-2-{size}-chat": f"meta-llama/Llama-2-{size}-chat-hf" for size in ("7b", "13b", "70b")},
    "gpt-2": "openai-community/gpt2",
}
_DATASET_ALIASES = {
    "dolly": "databricks/databricks-dolly-15k",
    "dolly 15k": "databricks/databricks-dolly-15k",
    "guanaco": "timdettmers/openassistant-guanaco",
    "ultrachat": "HuggingFaceH4/ultrachat_200k",
    "stanford alpaca": "tatsu-lab/alpaca",
    "gsm 8k": "openai/gsm8k",
}
#: Known under one name on two accounts: which one is for the user to say.
DATASET_DOUBTS: Phrases[tuple[str, ...]] = Phrases(
    {
        "ultrafeedback": ("trl-lib/ultrafeedback_binarized", "openbmb/UltraFeedback"),
        "orca": ("Open-Orca/OpenOrca", "Open-Orca/SlimOrca"),
        "oasst": ("OpenAssistant/oasst1", "OpenAssistant/oasst2"),
        "openassistant": ("OpenAssistant/oasst1", "OpenAssistant/oasst2"),
    }
)

MODEL_NAMES: Phrases[str] = Phrases(
    {
        **{squash(repo.partition("/")[2]): repo for repo in MODELS},
        **{squash(alias): repo for alias, repo in _MODEL_ALIASES.items()},
    }
)
DATASET_NAMES: Phrases[str] = Phrases(
    {
        **{squash(repo.partition("/")[2]): repo for repo in DATASETS},
        **{squash(alias): repo for alias, repo in _DATASET_ALIASES.items()},
    }
)
REPO_ROLES: dict[str, str] = {
    **{repo.casefold(): "model" for repo in MODELS},
    **{repo.casefold(): "dataset" for repo in DATASETS},
}

#: How names of models begin, with the accounts that publish them.
FAMILIES: dict[str, str] = {
    "qwen": "Qwen",
    "smollm": "HuggingFaceTB",
    "llama": "meta-llama",
    "metallama": "meta-llama",
    "gemma": "google",
    "mistral": "mistralai",
    "ministral": "mistralai",
    "mixtral": "mistralai",
    "phi": "microsoft",
    "olmo": "allenai",
    "granite": "ibm-granite",
    "tinyllama": "TinyLlama",
    "gpt2": "openai-community",
    "deepseek": "deepseek-ai",
    "pythia": "EleutherAI",
    "opt": "facebook",
    "falcon": "tiiuae",
    "lfm": "LiquidAI",
}

#: Words for benchmarks, in the form a spec has.
BENCHMARKS: Phrases[str] = Phrases(
    {
        squash(phrase): name
        for name, phrases in {
            "humaneval": "humaneval,human eval,openai humaneval",
            "humaneval+": "humaneval+,humanevalplus,humaneval plus",
            "mbpp": "mbpp",
            "gsm8k": "gsm8k,gsm 8k",
            "exact_match": "exact match,exactmatch",
            "mmlu": "mmlu",
            "mmlu_pro": "mmlu pro",
            "ifeval": "ifeval",
            "hellaswag": "hellaswag,hella swag",
            "arc_challenge": "arc challenge",
            "arc_easy": "arc easy",
            "truthfulqa": "truthfulqa,truthful qa",
            "winogrande": "winogrande",
            "math_500": "math 500",
            "gpqa": "gpqa",
            "bbh": "bbh",
            "livecodebench": "livecodebench",
            "perplexity": "perplexity",
        }.items()
        for phrase in phrases.split(",")
    }
)

FLAVORS: tuple[str, ...] = (
    *[
        "cpu-basic",
        "cpu-upgrade",
        "cpu-xl",
        "cpu-performance",
        "t4-small",
        "t4-medium",
        "l4x1",
        "l4x4",
        "l40sx1",
        "l40sx4",
        "l40sx8",
        "a10g-small",
    ],
    *[
        "a10g-large",
        "a10g-largex2",
        "a10g-largex4",
        "a100-large",
        "a100x4",
        "a100x8",
        "h200",
        "h200x2",
        "h200x4",
        "h200x8",
    ],
    *["rtx-pro-6000", "rtx-pro-6000x2", "rtx-pro-6000x4", "rtx-pro-6000x8"],
)
FLAVOR_NAMES = Phrases({squash(name): name for name in FLAVORS if name not in ("h200", "rtx-pro-6000")})

#: A card, and the flavors that have this many of it.
CARDS: dict[str, dict[int, tuple[str, ...]]] = {
    "t4": {1: ("t4-small", "t4-medium")},
    "l4": {1: ("l4x1",), 4: ("l4x4",)},
    "l40s": {1: ("l40sx1",), 4: ("l40sx4",), 8: ("l40sx8",)},
    "a10g": {1: ("a10g-small", "a10g-large"), 2: ("a10g-largex2",), 4: ("a10g-largex4",)},
    "a100": {1: ("a100-large",), 4: ("a100x4",), 8: ("a100x8",)},
    "h200": {1: ("h200",), 2: ("h200x2",), 4: ("h200x4",), 8: ("h200x8",)},
    "rtxpro6000": {1: ("rtx-pro-6000",), 2: ("rtx-pro-6000x2",), 4: ("rtx-pro-6000x4",), 8: ("rtx-pro-6000x8",)},
}
#: Cards that are not on sale there, or words that name no particular one.
OTHER_CARDS: frozenset[str] = frozenset(
    [
        "h100",
        "b200",
        "gb200",
        "h800",
        "a800",
        "v100",
        "p100",
        "k80",
        "a10",
        "l40",
        "a6000",
        "a5000",
        "rtxa6000",
        "rtx4090",
        "rtx3090",
        "rtx5090",
        "4090",
        "3090",
        "5090",
        "mi300",
        "mi300x",
        "mi250",
        "tpu",
        "tpus",
        "tpuv5e",
        "gpu",
        "gpus",
        "cpu",
        "cpus",
    ]
)
