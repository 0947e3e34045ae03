"""Something to play that is as long as a test: a minute of silence."""

from __future__ import annotations

import io
import wave

from fastapi import Response
from nicegui import app


@app.get('/silence.wav')
def silence() -> Response:
    """Return a minute of it."""
    body = io.BytesIO()
    with wave.open(body, 'wb') as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b'\x80' * 480_000)
    return Response(body.getvalue(), media_type='audio/wav')
