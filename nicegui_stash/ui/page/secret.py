"""Elements into which a person enters a secret."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from nicegui.element import Element


def is_secret(element: Element) -> bool:
    """Whether what a person enters must not be stored: a password, or what the browser fills in as secret."""
    props = element.props
    if props.get('type') == 'password':
        return True
    completes = props.get('autocomplete')
    return completes is not None and ('password' in str(completes) or 'one-time-code' in str(completes))
