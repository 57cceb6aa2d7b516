import lazaret
lazaret.libvirt.domain_info("web-1")
