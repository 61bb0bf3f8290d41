"""gunicorn with sync workers, started from our own command."""

from __future__ import annotations

from collections.abc import Callable
from select import select
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.workers.sync import SyncWorker

from web.app import create_app
from web.edge import Edge
from web.settings import Settings


class PatientWorker(SyncWorker):  # type: ignore[misc]
    """Serves one request at a time, and waits for none that doesn't come: browsers open lines
    ahead of need, and one that stays silent must not keep the next person waiting, nor be told
    of an error when it speaks at last. A line closed unused is opened again by the browser."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        spoke, _w, _x = select([client], [], [], SPEAKS_WITHIN)
        if spoke:
            super().handle(listener, client, addr)
        else:
            client.close()


SPEAKS_WITHIN = 1.0  # seconds


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: dict[str, Any], make: Any) -> None:
        self.options = options
        self.make = make
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        # Each worker process makes its own application, with its own pool of connections.
        return self.make()


OPTIONS = {
    "worker_class": "web.serving.PatientWorker",
    "timeout": 30,
    "graceful_timeout": 20,
    "max_requests": 10_000,
    "max_requests_jitter": 1_000,
    # What could tell about a person never reaches a log: no query strings, no referrers.
    "access_log_format": "%(t)s %(m)s %(U)s %(s)s %(L)s",
    "loglevel": "warning",
}


def serve_app(
    make: Callable[[], Any], *, host: str = "127.0.0.1", port: int = 8000, workers: int = 2
) -> None:
    """Serve what `make` makes, once in each worker process, until stopped."""
    _Server({**OPTIONS, "bind": f"{host}:{port}", "workers": workers}, make).run()


def run(settings: Settings, *, host: str, port: int, workers: int) -> None:
    """Serve the store that the settings name."""
    serve_app(
        lambda: create_app(Edge(settings.open_store()), settings),
        host=host,
        port=port,
        workers=workers,
    )
