"""One connection for many uses of a channel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from jobs.errors import Retry
from jobs.ports import Channel, Session


class OneSession:
    """Implements `jobs.ports.Channel`: inside `held`, all who open it share one session, opened when it is needed.

    A session that failed is closed; the next who opens the channel gets another.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._held: ExitStack | None = None
        self._session: Session | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        with ExitStack() as held:
            self._held = held
            try:
                yield
            finally:
                self._held = self._session = None

    @contextmanager
    def open(self) -> Iterator[Session]:
        if self._held is None:
            with self._channel.open() as session:
                yield session
            return
        if self._session is None:
            self._session = self._held.enter_context(self._channel.open())
        try:
            yield self._session
        except Retry:
            self._session = None
            self._held.close()
            raise
