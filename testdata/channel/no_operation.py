# none, at most 0
import lazaret
for name in ["domain.explode", "", "a" * 100_000, "domain.list\n", "__class__", "domain_list"]:
    try:
        lazaret._channel.ask(name, None, {})
    except lazaret.Invalid as error:
        print(error.status, len(error.detail) < 1000)
