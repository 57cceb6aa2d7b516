class Job:
    def run(self): return self.popen()
    def popen(self): return 1
Job().run()
