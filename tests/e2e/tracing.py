"""What the tests of `record` and `watch` need of a machine, and what they must leave as it was."""

import os
import pathlib
import unittest

TRACING = pathlib.Path("/sys/kernel/tracing")
INSTANCES = TRACING / "instances"


def why_not():
    """Empty: this machine lets us trace KVM."""
    if os.geteuid() != 0:
        return "tracing needs root"
    if not INSTANCES.is_dir():
        return f"no tracefs at {TRACING}"
    if not (TRACING / "events/kvm/kvm_apic").is_dir():
        return "this kernel has no tracepoints of KVM"
    return ""


needs_tracing = unittest.skipIf(why_not(), why_not())


def instances():
    return {path.name for path in INSTANCES.iterdir()} if INSTANCES.is_dir() else set()


def state_of_others():
    """What a recording must not touch: the buffer of all, as somebody else may use it."""
    files = ("current_tracer", "trace_clock", "tracing_on", "set_event", "set_event_pid", "buffer_size_kb",
             "trace_options", "tracing_cpumask")
    return {name: (TRACING / name).read_text() for name in files}
