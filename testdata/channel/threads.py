# none, at most 80
import lazaret, sys
try:
    from threading import Thread
    def ask():
        for _ in range(5):
            assert lazaret.libvirt.domain_list() == {"domains": []}
    threads = [Thread(target=ask) for _ in range(8)]
    for t in threads: t.start()
    for t in threads: t.join()
except RuntimeError as error:
    print(error)
