"""A GGUF opened by llama-cpp-python's low-level calls: its tokens, its template, its logits."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.errors import WorkFailed

if TYPE_CHECKING:
    import numpy as np


@contextmanager
def captured_log() -> Iterator[list[str]]:
    """Collect llama.cpp's log, which else fills the job's (a warning for every tensor), as lines."""
    import llama_cpp
    from llama_cpp import _logger

    lines = [""]

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def keep(_level: int, text: bytes, _data: Any) -> None:
        first, *rest = text.decode("utf-8", "replace").split("\n")
        lines[-1] += first
        lines.extend(rest)

    llama_cpp.llama_log_set(keep, ctypes.c_void_p(0))
    try:
        yield lines
    finally:
        llama_cpp.llama_log_set(_logger.llama_log_callback, ctypes.c_void_p(0))
        lines[:] = [line for line in lines if line.strip(". ")]


class Gguf:
    """One open file, on the CPU. `use_extra_bufts` is off: with AMX repacking, Q4 gave wrong output or crashed."""

    def __init__(self, file: Path, *, context: int, threads: int) -> None:
        import llama_cpp

        self._lib, self.file, self._context = llama_cpp, file, None
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = 0
        params.use_extra_bufts = False
        with captured_log() as said:
            self._model = llama_cpp.llama_model_load_from_file(os.fsencode(file), params)
            if self._model:
                settings = llama_cpp.llama_context_default_params()
                settings.n_ctx = settings.n_batch = settings.n_ubatch = context
                settings.n_threads = settings.n_threads_batch = threads
                self._context = llama_cpp.llama_init_from_model(self._model, settings)
        if not self._context:
            self.close()
            raise WorkFailed(f"llama.cpp cannot load {file.name}: {said[-1].strip() if said else 'no reason given'}")
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self.adds_bos = bool(llama_cpp.llama_vocab_get_add_bos(self._vocab))
        template = llama_cpp.llama_model_chat_template(self._model, None)
        self.chat_template: str | None = template.decode() if template else None

    def tokens(self, text: str) -> list[int]:
        """Token ids as llama.cpp's server makes them: the BOS it adds, special tokens read as such."""
        data = text.encode()
        room = len(data) + 8
        ids = (self._lib.llama_token * room)()
        count = self._lib.llama_tokenize(self._vocab, data, len(data), ids, room, True, True)
        return list(ids[: max(0, count)])

    def logits(self, ids: list[int]) -> np.ndarray[Any, Any]:
        """Next-token logits after every token: float32 of shape (tokens, vocabulary)."""
        import numpy as np

        self._lib.llama_memory_clear(self._lib.llama_get_memory(self._context), True)
        batch = self._lib.llama_batch_init(len(ids), 0, 1)
        try:
            batch.n_tokens = len(ids)
            for place, token in enumerate(ids):
                batch.token[place], batch.pos[place] = token, place
                batch.n_seq_id[place], batch.seq_id[place][0], batch.logits[place] = 1, 0, 1
            if self._lib.llama_decode(self._context, batch) != 0:
                raise WorkFailed(f"llama.cpp cannot run {self.file.name} on {len(ids)} tokens")
            pointer = self._lib.llama_get_logits(self._context)
            return np.ctypeslib.as_array(pointer, shape=(len(ids), self.vocabulary)).copy()
        finally:
            self._lib.llama_batch_free(batch)

    def close(self) -> None:
        with captured_log():
            if self._context:
                self._lib.llama_free(self._context)
            if self._model:
                self._lib.llama_model_free(self._model)
        self._context = self._model = None

    def __enter__(self) -> Gguf:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
