# script.function
(lambda f: f("1"))(eval)
