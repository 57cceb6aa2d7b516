"""Lets pip resolve or install packages and prints the result, for the worker.

    build.py resolve|install PIP [OPTION OF PIP...]

The packages stand in /lazaret/requirements.txt. Printed are the lock, or the
installed files as a compressed archive. What goes wrong is printed as one JSON
object, with exit code 3.
"""

import json
import os
import re
import sys

REQUIREMENTS = "/lazaret/requirements.txt"
LOG, REPORT, TARGET = "/scratch/pip.log", "/scratch/report.json", "/scratch/packages"

# What pip's log says, in the order in which it explains most.
PROBLEMS = [
    ("hash", r"DO NOT MATCH THE HASHES"),
    ("space", r"No space left on device"),
    ("wheel", r"(?:is not a supported wheel|[Ii]nvalid wheel|is invalid|has an invalid wheel|not a zip file|BadZipFile|Wheel .* invalid)[^\n]*"),
    ("conflict", r"these package versions have conflicting dependencies"),
    ("unreachable", r"(?:connection error|Max retries exceeded|Connection broken|[Rr]ead timed out|SSLError|ProxyError)[^\n]*"),
    ("unreachable", r"(?:401|403|407|429|5\d\d) (?:Client|Server) Error[^\n]*"),
    ("compile", None),
    ("version", r"\(from versions: (?!none\))([^)\n]*)\)"),
    ("python", r"none of the wheel's tags|requires a different Python|Requires-Python"),
    ("missing", r"No matching distribution found for ([^\n]+)"),
]


def main():
    what, wheel, options = sys.argv[1], sys.argv[2], sys.argv[3:]
    stdout = os.dup(1)
    os.dup2(2, 1)  # what pip says is not the result
    if call_pip(what, wheel, options) == 0:
        result = lock() if what == "resolve" else install()
    else:
        result = json.dumps(problem()).encode()
    with os.fdopen(stdout, "wb") as file:
        if callable(result):
            result(file)
        else:
            file.write(result)
    return 3 if isinstance(result, bytes) and result.startswith(b'{"problem"') else 0


def call_pip(what, wheel, options):
    sys.path.insert(0, wheel)
    from pip._internal.cli.main import main as pip

    arguments = [
        "--isolated", "--disable-pip-version-check", "--no-input", "--no-cache-dir", "--no-color",
        "--log", LOG, "install", "--quiet", "--only-binary", ":all:", "--ignore-installed",
        "--progress-bar", "off", "--no-warn-script-location", "--root-user-action", "ignore",
    ]
    if what == "resolve":
        arguments += ["--dry-run", "--report", REPORT]
    else:
        arguments += ["--require-hashes", "--no-deps", "--no-compile", "--target", TARGET]
    try:
        return pip(arguments + options + ["-r", REQUIREMENTS])
    except SystemExit as end:
        return end.code or 0


def lock():
    with open(REPORT, encoding="utf-8") as file:
        report = json.load(file)
    lines = []
    for item in report["install"]:
        archive = item["download_info"]["archive_info"]
        sha256 = archive.get("hashes", {}).get("sha256") or archive["hash"].partition("sha256=")[2]
        metadata = item["metadata"]
        lines.append("%s==%s --hash=sha256:%s\n" % (metadata["name"], metadata["version"], sha256))
    return "".join(sorted(lines)).encode()


def install():
    import compileall
    import gzip
    import py_compile
    import shutil
    import tarfile

    os.makedirs(TARGET, exist_ok=True)
    # Programs would stand in no path; links would lead out.
    shutil.rmtree(os.path.join(TARGET, "bin"), ignore_errors=True)
    for folder, folders, _ in os.walk(TARGET):
        if "__pycache__" in folders:
            shutil.rmtree(os.path.join(folder, "__pycache__"))
    # Scripts run without writing byte code, and these files never change.
    compileall.compile_dir(TARGET, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)

    def pack(file):
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w|") as archive:
            archive.add(TARGET, arcname=".", filter=lambda member: member if member.isfile() or member.isdir() else None)

    return pack


def problem():
    try:
        with open(LOG, encoding="utf-8", errors="replace") as file:
            log = file.read()
    except OSError:
        log = ""
    named = re.search(r"No matching distribution found for ([^\s(]+)", log) or re.search(r"HASHES.*?\s([\w.-]+==\S+) from ", log, re.S)
    package = named.group(1) if named else ""
    for kind, pattern in PROBLEMS:
        match = re.search(pattern, log) if pattern else sources(log, package)
        if match:
            return {"problem": kind, "package": package, "detail": match.groups()[-1] if kind == "version" else match.group(0)[:300]}
    errors = re.findall(r"ERROR: ([^\n]+)", log)
    return {"problem": "other", "package": package, "detail": (errors[-1] if errors else log[-300:])[:300]}


def sources(log, package):
    """Finds sources that would do. In a folder, pip says of any that they are not permitted."""
    name, exactly, version = package.partition("==")
    name = normal(re.split(r"[=<>!~\[]", name)[0])
    one = re.escape(name) + "-" + (re.escape(version) if exactly else r"\d")
    wheels = re.search(r"\(from versions: (?!none\))", log)
    for match in re.finditer(r"No sources permitted for \S+?: (\S+)", log):
        file = match.group(1).split("#")[0].rsplit("/", 1)[-1]
        if package and re.match(one, normal_but_version(file)) and (exactly or not wheels):
            return match
    return None


def normal_but_version(file):
    """The file name of a source archive, with the package's name in its normal form."""
    name, dash, rest = file.rpartition("-")
    return normal(name) + dash + rest


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


sys.exit(main())
