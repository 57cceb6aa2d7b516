class Door:
    def open(self): return "open"
    def close(self): pass
Door().open()
