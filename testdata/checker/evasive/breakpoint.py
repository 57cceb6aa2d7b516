# script.function
breakpoint()
