# script.import.star
from os import *
system("echo ESCAPED")
