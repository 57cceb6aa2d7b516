# script.format.attribute
import string
string.Formatter().format("{0}", 1)
