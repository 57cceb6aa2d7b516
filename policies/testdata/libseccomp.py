"""Loads a profile with libseccomp, as container runtimes do, and writes the filter
it makes of it, on x86-64, to standard output.

Usage: libseccomp.py < profile.json > filter.bpf
"""
import ctypes
import json
import os
import sys


class Comparison(ctypes.Structure):  # struct scmp_arg_cmp
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_init.argtypes = [ctypes.c_uint32]
lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Comparison)]
lib.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
lib.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]

OPERATORS = {"SCMP_CMP_NE": 1, "SCMP_CMP_EQ": 4, "SCMP_CMP_MASKED_EQ": 7}
UNKNOWN = -1


def action(name, errno):
    return {"SCMP_ACT_ALLOW": 0x7FFF0000, "SCMP_ACT_ERRNO": 0x00050000 | (errno or 1)}[name]


profile = json.load(sys.stdin)
default = action(profile["defaultAction"], profile.get("defaultErrnoRet"))
context = lib.seccomp_init(default)
assert context
for rule in profile["syscalls"]:
    then = action(rule["action"], rule.get("errnoRet"))
    args = [Comparison(a["index"], OPERATORS[a["op"]], a["value"], a["valueTwo"]) for a in rule["args"]]
    for name in rule["names"]:
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number == UNKNOWN:
            print("libseccomp does not know " + name, file=sys.stderr)
            continue
        result = lib.seccomp_rule_add_array(context, then, number, len(args), (Comparison * len(args))(*args))
        assert result == 0, (name, os.strerror(-result))
assert lib.seccomp_export_bpf(context, 1) == 0
