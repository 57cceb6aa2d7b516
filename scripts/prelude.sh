# shellcheck shell=bash
# Sourced first by every script: strict mode, the repository's root as the working
# directory, and --help, which prints the comment at the top of the calling script.
set -euo pipefail
script=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# libvirt is loaded when it is used and not linked. Only packages that know the tag
# are compiled for it; all others have one place in the build cache, with and without.
case " ${GOFLAGS=$(go env GOFLAGS 2>/dev/null || true)} " in
*libvirt_dlopen*) ;;
*) export GOFLAGS="${GOFLAGS:+$GOFLAGS }-tags=libvirt_dlopen" ;;
esac

# say prints progress; it goes to stderr so that a script's stdout stays its result.
say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
[ -t 2 ] || say() { printf '==> %s\n' "$*" >&2; }

# die prints why the script cannot go on and ends it.
die() {
  printf '%s: %s\n' "$(basename "$script")" "$*" >&2
  exit 1
}

# usage prints the script's header comment without its "#".
usage() { awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$script"; }

# bad_usage names an argument that the script does not know; 2 is the exit code for that everywhere.
bad_usage() {
  printf '%s: unknown argument: %s\n\n' "$(basename "$script")" "$1" >&2
  usage >&2
  exit 2
}

case "${1-}" in
-h | --help)
  usage
  exit 0
  ;;
esac
