"""What a script may ask of the worker that runs it.

    import lazaret

    for guest in lazaret.libvirt.domain_list(state="running")["domains"]:
        print(guest["name"])

Each operation on virtual machines is a function of lazaret.libvirt, with the
operation's parameters in their order, or by name; uri= names the libvirt host. It
returns the operation's result as plain dicts and lists. dir(lazaret.libvirt) lists
the operations, help(lazaret.libvirt.domain_stop) shows one.

What goes wrong raises an Error with the fields of the DSL's error object: type,
status, title, detail. One request goes on at a time; threads wait for each other.
"""

import sys as _sys
from _thread import allocate_lock as _allocate_lock
from os import getpid as _getpid, read as _read, write as _write

_MAX_REQUEST = (2 << 20) - (64 << 10)
_MAX_DEPTH = 10


class Error(Exception):
    """The error with which a task that asked for the same would have failed."""

    def __init__(self, fault, operation=None):
        self.type = fault.get("type", "https://serverlessworkflow.io/spec/1.0.0/errors/runtime")
        self.status = fault.get("status", 500)
        self.title = fault.get("title", "Error")
        self.detail = fault.get("detail", "")
        self.operation = operation
        super().__init__(f"{self.title} ({self.status}): {self.detail}")


class Invalid(Error):
    """400: an argument that the operation does not take."""


class Denied(Error):
    """403: by the policy, or by libvirt's own permissions. It is a violation."""


class NotFound(Error):
    """404: no such guest, network, pool, volume, snapshot."""


class Timeout(Error):
    """408: the time for it is over."""


class Busy(Error):
    """409: the state of things does not allow it."""


class Limited(Error):
    """429: more operations in a minute than the policy allows."""


class Unsupported(Error):
    """501: the hypervisor cannot do it."""


class Unreachable(Error):
    """503: no libvirt there, or no worker at the other end."""


_ERRORS = {400: Invalid, 403: Denied, 404: NotFound, 408: Timeout, 409: Busy, 429: Limited, 501: Unsupported, 503: Unreachable}


def _error(operation, status, kind, title, detail):
    base = "https://serverlessworkflow.io/spec/1.0.0/errors/"
    return _ERRORS[status]({"type": base + kind, "status": status, "title": title, "detail": detail}, operation)


def _invalid(operation, detail):
    return _error(operation, 400, "validation", "Invalid libvirt operation", detail)


def _gone(operation, detail):
    return _error(operation, 503, "communication", "No worker", detail)


def _depth(value, limit):
    if limit < 0:
        return True
    if isinstance(value, dict):
        return any(_depth(item, limit - 1) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_depth(item, limit - 1) for item in value)
    return False


class _Channel:
    """Frames to and from the worker: four bytes of length and JSON."""

    def __init__(self):
        self.lock = _allocate_lock()
        self.owner = _getpid()
        self.last = 0
        self.over = ""

    def ask(self, operation, uri, arguments):
        from json import dumps, loads

        if _DESCRIPTOR is None:
            raise _error(operation, 403, "authorization", "Libvirt operation denied",
                         "the policy grants scripts of this definition no operation on virtual machines")
        if _depth(arguments, _MAX_DEPTH):
            raise _invalid(operation, f"the arguments nest deeper than {_MAX_DEPTH}")
        with self.lock:
            if self.over or self.owner != _getpid():
                raise _gone(operation, self.over or "only the process that began the script can ask the worker")
            self.last += 1
            request = {"id": self.last, "operation": operation, "with": arguments}
            if uri is not None:
                request["uri"] = uri
            try:
                body = dumps(request, allow_nan=False).encode()
            except (TypeError, ValueError, RecursionError) as error:
                raise _invalid(operation, f"the arguments are no JSON: {error}") from None
            if len(body) > _MAX_REQUEST:
                raise _invalid(operation, f"the arguments are {len(body)} bytes of JSON, over the limit of {_MAX_REQUEST}")
            answer = self.exchange(operation, body, loads)
        if "error" in answer:
            fault = answer["error"]
            raise _ERRORS.get(fault.get("status"), Error)(fault, operation)
        return answer.get("result")

    def exchange(self, operation, body, loads):
        # What is interrupted in between leaves the two ends out of step.
        self.over = "an earlier request was interrupted"
        try:
            rest = len(body).to_bytes(4, "big") + body
            while rest:
                rest = rest[_write(_DESCRIPTOR, rest):]
            while True:
                answer = loads(self.receive(int.from_bytes(self.receive(4), "big")))
                if "fatal" in answer:
                    self.over = answer["fatal"]
                    raise _gone(operation, self.over)
                if answer["id"] == self.last:
                    break
        except OSError as error:
            self.over = f"the connection to the worker broke: {error.strerror or error}"
            raise _gone(operation, self.over) from None
        self.over = ""
        return answer

    def receive(self, size):
        parts = []
        while size:
            part = _read(_DESCRIPTOR, min(size, 1 << 20))
            if not part:
                raise OSError("the worker closed it")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class _Group:
    """Operations on one kind of thing: domain.info is domain_info."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, name):
        return getattr(libvirt, f"{self._name}_{name}")

    def __dir__(self):
        begin = self._name + "_"
        return sorted(name[len(begin):] for name in _OPERATIONS if name.startswith(begin))


class _Libvirt(type(_sys)):
    """Operations on virtual machines, through the worker's broker."""

    def __getattr__(self, name):
        if any(operation.startswith(name + "_") for operation in _OPERATIONS):
            return _Group(name)
        if name not in _OPERATIONS:
            raise AttributeError(f"{name} is no operation of lazaret.libvirt; dir(lazaret.libvirt) lists them")
        operation, parameters, text = _OPERATIONS[name]
        parameters = parameters.split()

        def ask(*values, uri=None, **arguments):
            if len(values) > len(parameters):
                raise TypeError(f"{name}() takes {len(parameters)} positional arguments but {len(values)} were given")
            for parameter, value in zip(parameters, values):
                if parameter in arguments:
                    raise TypeError(f"{name}() got multiple values for argument {parameter!r}")
                arguments[parameter] = value
            return _channel.ask(operation, uri, {key: value for key, value in arguments.items() if value is not None})

        ask.__name__ = ask.__qualname__ = name
        ask.__module__ = "lazaret.libvirt"
        ask.__doc__ = f"{text}\n\n{name}({', '.join([*(p + '=None' for p in parameters), 'uri=None'])})"
        setattr(self, name, ask)
        return ask

    def __dir__(self):
        return sorted(_OPERATIONS)


_channel = _Channel()
libvirt = _Libvirt("lazaret.libvirt", _Libvirt.__doc__)
_sys.modules["lazaret.libvirt"] = libvirt
_DESCRIPTOR = None
