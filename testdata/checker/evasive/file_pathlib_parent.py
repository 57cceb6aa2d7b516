# script.file
import pathlib
pathlib.Path("/etc/x").parent.joinpath("passwd").open()
