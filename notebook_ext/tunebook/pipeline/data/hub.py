"""What the Hub says of a data set: its configs and splits, or one clear line why not."""

from __future__ import annotations

from tunebook.pipeline.errors import CallError

TIMEOUT_S = 10.0


def splits_of(dataset: str, config: str | None, revision: str | None) -> tuple[str | None, list[str]]:
    """The config to use (None where the data set has only one) and the names of its splits.

    Raises CallError if the data set does not exist, is not allowed, cannot be reached, or has several configs and none
    was named.
    """
    require(dataset, revision)
    import datasets

    try:
        configs = datasets.get_dataset_config_names(dataset, revision=revision)
        if config is None and len(configs) > 1 and "default" not in configs:
            raise CallError("dataset_config", f"is missing, {dataset} has several", f"choose one of {_some(configs)}")
        if config is not None and config not in configs:
            raise CallError(
                "dataset_config", f"is {config!r}, which {dataset} does not have", f"choose {_some(configs)}"
            )
        return config, list(datasets.get_dataset_split_names(dataset, config, revision=revision))
    except CallError:
        raise
    except Exception as failure:  # noqa: BLE001 (a data set's own card or files may be broken in any way)
        raise CallError("dataset", f"{dataset} cannot be read: {_line(failure)}", "check its page on the Hub") from None


def require(dataset: str, revision: str | None = None) -> None:
    """Ask the Hub once whether the data set is there: without this, `datasets` retries for half a minute."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    local = "give a local file or folder"
    try:
        HfApi().dataset_info(dataset, revision=revision, timeout=TIMEOUT_S)
    except HFValidationError:
        raise CallError("dataset", f"{dataset} is neither a file nor a name on the Hub", local) from None
    except GatedRepoError:
        remedy = f"accept the terms at huggingface.co/datasets/{dataset} and log in with `hf auth login`"
        raise CallError("dataset", f"{dataset} is gated and you have no access", remedy) from None
    except RevisionNotFoundError:
        raise CallError("dataset_revision", f"is {revision!r}, which {dataset} does not have", "leave it out") from None
    except RepositoryNotFoundError:
        remedy = f"check the name, {local}, or log in if it is private"
        raise CallError("dataset", f"{dataset} is no file here and not on the Hub", remedy) from None
    except Exception as failure:  # noqa: BLE001 (which HTTP library huggingface_hub uses, and so its errors, changes)
        problem = f"{dataset} is no file here, and the Hub cannot be reached ({type(failure).__name__})"
        raise CallError("dataset", problem, f"check the network, or {local}") from None


def reachable() -> bool:
    """Whether the Hub answers at all, asked once in a short time: the libraries themselves retry for up to a minute."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=TIMEOUT_S)
    except Exception:  # noqa: BLE001 (which HTTP library huggingface_hub uses, and so its errors, changes)
        return False
    return True


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


def _line(failure: BaseException) -> str:
    return (str(failure).strip().splitlines() or [type(failure).__name__])[0][:200]
