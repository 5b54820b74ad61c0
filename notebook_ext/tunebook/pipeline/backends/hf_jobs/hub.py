"""The few calls to the Hub that jobs need, each with a deadline, and each failure told as what it means for money.

The client has no deadline of its own, and it raises the same errors whether or not the Hub has done what it was asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tunebook.pipeline.backends.base import Undecided
from tunebook.pipeline.deadline import within
from tunebook.pipeline.errors import TunebookError
from tunebook.pipeline.home import unwritable

if TYPE_CHECKING:
    from huggingface_hub import HfApi, JobInfo, Volume

T = TypeVar("T")
ANSWER_S = 20.0  # for which an answer is waited for


class Refused(TunebookError):
    """The Hub said no: nothing was done."""

    def __init__(self, status: int, said: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"the Hub answers {status}: {said}")
        self.status, self.said, self.retry_after_s = status, said, retry_after_s


class NotSent(Undecided):
    """No connection was made: nothing was done."""


class Unanswered(Undecided):
    """The request may have been carried out or not."""


@dataclass(frozen=True)
class JobSpec:
    """One job as it is submitted. `secrets` are the values: they go nowhere else."""

    image: str
    command: list[str]
    env: dict[str, str]
    secrets: dict[str, str]
    flavor: str
    timeout_s: int
    labels: dict[str, str]
    volumes: list[Volume]


class JobsHub:
    """Jobs of one namespace on one Hub. `token` is kept in memory only."""

    def __init__(self, namespace: str, token: str | None, endpoint: str | None = None) -> None:
        from huggingface_hub import HfApi

        self.namespace, self._token = namespace, token
        self.api: HfApi = HfApi(endpoint=endpoint, token=token)
        self._me: str | None = None

    def __repr__(self) -> str:
        return f"JobsHub({self.namespace!r})"

    def secret(self) -> str | None:
        """The token, for a job that needs it: it goes into the job's secrets and nowhere else."""
        return self._token

    def me(self) -> str:
        """The account's name."""
        if self._me is None:
            self._me = str(self.ask(lambda: self.api.whoami())["name"])
        return self._me

    def create(self, spec: JobSpec) -> JobInfo:
        made: JobInfo = self.ask(
            lambda: self.api.run_job(
                image=spec.image,
                command=spec.command,
                env=dict(spec.env),
                secrets=dict(spec.secrets) or None,
                flavor=spec.flavor,
                timeout=spec.timeout_s,
                attempts=1,  # the Hub's own retries would spend outside what was agreed
                labels=dict(spec.labels),
                volumes=list(spec.volumes) or None,
                namespace=self.namespace,
                token=self._token,
            )
        )
        return made

    def listed(self, labels: dict[str, str], stages: list[str] | None = None) -> list[JobInfo]:
        """All jobs with these labels, the newest first."""
        return self.ask(
            lambda: list(
                self.api.list_jobs(
                    labels=labels or None,
                    status=list(stages) if stages else None,
                    namespace=self.namespace,
                    token=self._token,
                    timeout=math.ceil(ANSWER_S),
                )
            )
        )

    def job(self, job_id: str) -> JobInfo:
        told = self.ask(lambda: self.api.inspect_job(job_id=job_id, namespace=self.namespace, token=self._token))
        if told.id != job_id:
            raise Unanswered("the Hub's answer is about another job")
        return told

    def cancel(self, job_id: str) -> None:
        self.ask(lambda: self.api.cancel_job(job_id=job_id, namespace=self.namespace, token=self._token))

    def ask(self, call: Callable[[], T], seconds: float | None = None) -> T:
        """What the call returns, within `seconds` (None: ANSWER_S). Raises Refused, NotSent or Unanswered."""
        from huggingface_hub.errors import HfHubHTTPError

        seconds = ANSWER_S if seconds is None else seconds
        try:
            return within(seconds, call)
        except HfHubHTTPError as failure:
            status = failure.response.status_code
            if status >= 500:
                raise Unanswered(f"the Hub answers {status}") from None
            raise Refused(status, _said(failure), _seconds(failure.response.headers.get("Retry-After"))) from None
        except TunebookError:
            raise
        except TimeoutError:
            raise Unanswered(f"the Hub did not answer within {seconds:g} s") from None
        except Exception as failure:
            name = type(failure).__name__
            if name in ("ConnectError", "ConnectTimeout"):
                raise NotSent(f"the Hub cannot be reached ({name})") from None
            if unwritable(failure) is not None:
                raise
            # hf_xet tells of every trouble, a broken connection too, as a RuntimeError
            library = type(failure).__module__.startswith(("httpx", "httpcore"))
            if library or type(failure) is RuntimeError or isinstance(failure, OSError):
                raise Unanswered(f"the connection to the Hub broke ({name})") from None
            # What else the client raises comes of an answer that is none of the Hub's, such as a proxy's page.
            raise Unanswered(f"the Hub's answer cannot be read ({name})") from None


def _said(failure: Any) -> str:
    """The Hub's own words in one line."""
    said = getattr(failure, "server_message", None) or next(iter(str(failure).splitlines()), "")
    return " ".join(str(said).split())[:200]


def _seconds(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        return None
