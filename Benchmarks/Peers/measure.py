"""What the peers in Python share: the clocks of a measurement, and the command line."""

import platform
import resource
import sys
import time


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_kibibytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


class Measurement:
    """Runs from when it is made: what must be there before is there."""

    def __init__(self):
        self.times = []
        self.processor = processor_seconds()
        self.start = time.monotonic()

    def end(self, count, total):
        """Prints the line; `times` holds seconds, for the percentiles."""
        seconds = time.monotonic() - self.start
        processor = processor_seconds() - self.processor
        line = f"seconds={seconds:.9f} cpu={processor:.6f} count={count} sum={total:.1f}"
        line += f" peak={peak_kibibytes()}"
        if self.times:
            self.times.sort()
            for percent in (50, 95, 99):
                line += f" p{percent}={self.times[(len(self.times) - 1) * percent // 100] * 1e6:.3f}"
        print(line)


def main(version, workloads, run):
    """Does what the command line says; `run` gets a workload's function, the URL and the count."""
    match sys.argv[1:]:
        case ["version"]:
            print(f"{version}, Python {platform.python_version()}")
        case ["workloads"]:
            print("\n".join(workloads))
        case [name, url, count] if name in workloads:
            run(workloads[name], url, int(count))
        case _:
            sys.exit("usage: PROGRAM WORKLOAD URL COUNT | workloads | version")
