"""The object key of a session, for tools beside the app."""

from .session.keys import object_key

__all__ = ['object_key']
