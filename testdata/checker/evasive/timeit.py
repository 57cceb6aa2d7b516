# script.import.dynamic
import timeit
timeit.timeit("print(1)")
