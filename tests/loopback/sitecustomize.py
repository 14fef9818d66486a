"""Refuses every connection that leaves this machine, and every name that would be asked for outside it.

`tests/conftest.py` loads this for the tests themselves and puts the folder on PYTHONPATH: Python imports a module of
this name when it starts, so processes that tests start are guarded too. It imports nothing: they are timed as well.
"""

import sys

CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
ASKS_FOR = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")

refused: list[str] = []


class OutsideConnection(Exception):
    """Not an OSError: code that puts up with a network that is down must not put up with this."""


def is_inside(host: object) -> bool:
    """Whether a host is this machine, or no name that anybody would have to be asked for."""
    if host is None or isinstance(host, bytes):
        host = (host or b"").decode("ascii", "replace")
    return host in ("", "localhost", "::1", "0.0.0.0", "::") or str(host).startswith(("127.", "::ffff:127."))


def guard(event: str, arguments: tuple[object, ...]) -> None:
    """The audit hook (https://docs.python.org/3/library/audit_events.html)."""
    if not event.startswith("socket."):
        return
    if event in CONNECTS:
        address = arguments[1]
        # Sockets of other families (Unix, netlink) stay on the machine; sendmsg has no address when connected.
        host = address[0] if isinstance(address, tuple) and isinstance(address[0], str) else None
    elif event in ASKS_FOR:
        host = arguments[0]
    else:
        return
    if not is_inside(host):
        refused.append(f"{event} {host}")
        raise OutsideConnection(f"Tests reach this machine only, and this would reach {host} ({event}).")


sys.addaudithook(guard)
