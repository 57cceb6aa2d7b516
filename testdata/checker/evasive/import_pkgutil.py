# script.import.dynamic
import pkgutil
pkgutil.resolve_name("os:system")("echo ESCAPED")
