"""Run moto's server on a port, one request at a time: between looking at a condition and writing it lets others in."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

App = Callable[[dict[str, Any], Any], Any]


def one_at_a_time(app: App) -> App:
    lock = threading.Lock()

    def serve(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))  # outside: a sender may be slow
        with lock:
            return list(app({**environ, 'wsgi.input': io.BytesIO(body)}, start_response))

    return serve


if __name__ == '__main__':
    dispatcher = DomainDispatcherApplication(create_backend_app)
    run_simple('127.0.0.1', int(sys.argv[1]), one_at_a_time(dispatcher), threaded=True)
