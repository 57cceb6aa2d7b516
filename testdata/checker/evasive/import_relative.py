# script.import.relative
from . import helper
