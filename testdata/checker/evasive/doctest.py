# script.import.dynamic
import doctest
doctest.testmod()
