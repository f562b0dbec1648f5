"""Runs benchmarks, prints what they found as a table, writes results.json.

Exit status: 0; 1 when a benchmark failed, or with --strict when a bound is not
met.
"""

import argparse
import dataclasses
import json
import math
import os
import platform
import re
import subprocess
import sys

sys.path.insert(
    0, os.path.join(os.path.dirname(__file__), "..", "tests", "e2e")
)

from subjects import SUBJECTS  # noqa: E402


NOISY = 0.1  # spread from which a figure is not to be trusted


@dataclasses.dataclass
class Run:
    build: str  # a build tree, with bin/ and bench/
    smoke: bool
    repetitions: int


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.partition("\n")[0]


def cache_entry(build, name):
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as cache:
        found = re.search(rf"^{name}:\w+=(.*)$", cache.read(), re.MULTILINE)
    return found[1] if found else None


def machine(build):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*: (.*)$", file.read(), re.MULTILINE)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "compiler": first_line(cache_entry(build, "CMAKE_CXX_COMPILER"), "--version"),
        "build_type": cache_entry(build, "CMAKE_BUILD_TYPE"),
        "load_average": os.getloadavg()[0],
    }


def versions():
    here = os.path.dirname(os.path.abspath(__file__))
    packages = ("libbenchmark1debian", "libsqlite3-0", "libprotobuf-dev", "libc6")
    packages += ("prometheus",)
    return {
        "proxymeter": first_line("git", "-C", here, "describe", "--always", "--dirty"),
        **{
            name: first_line("dpkg-query", "--show", "--showformat=${Version}", name)
            for name in packages
        },
    }


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def table(figures):
    lines = [("what", "measured", "spread", "bound", "met")]
    for figure in figures:
        spread = "" if figure.spread is None else f"±{figure.spread:.0%}"
        bound = met = ""
        if figure.bound:
            bound = f"{figure.bound[0]} {number(figure.bound[1])}"
            met = "yes" if figure.met else "NO"
        measured = f"{number(figure.median)} {figure.unit}"
        lines.append((figure.what, measured, spread, bound, met))
    widths = [max(map(len, column)) for column in zip(*lines)]
    for what, measured, spread, bound, met in lines:
        print(
            f"{what:{widths[0]}}  {measured:>{widths[1]}}  {spread:>{widths[2]}}"
            f"  {bound:>{widths[3]}}  {met}".rstrip()
        )


def warn_of_noise(figures):
    noisy = [f.what for f in figures if (f.spread or 0) > NOISY]
    if noisy:
        print(f"\nNoisy, spread over {NOISY:.0%}: {'; '.join(noisy)}.")


def as_json(subject, figure):
    return {
        "subject": subject,
        "what": figure.what,
        "unit": figure.unit,
        "samples": figure.samples,
        "median": figure.median,
        "spread": figure.spread,
        "bound": " ".join(map(str, figure.bound)) if figure.bound else None,
        "met": figure.met,
    }


def measure(run, names):
    found = {}
    for name in names:
        print(f"{name}: {SUBJECTS[name].__doc__}", file=sys.stderr, flush=True)
        found[name] = SUBJECTS[name](run)
        for figure in found[name]:
            if not figure.samples or not all(
                math.isfinite(sample) and sample > 0 for sample in figure.samples
            ):
                raise RuntimeError(f"{figure.what}: no figure: {figure.samples}")
            if run.smoke:
                figure.bound = None  # it was not this that they are for
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SUBJECTS))
    parser.add_argument("--build", required=True, help="a release build tree")
    parser.add_argument("--output", required=True, help="results.json")
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--smoke", action="store_true", help="tiny: only whether it runs")
    parser.add_argument("--strict", action="store_true", help="bounds must be met")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in SUBJECTS:
            parser.error(f"no benchmark {name}: there are {', '.join(SUBJECTS)}")
    run = Run(
        build=os.path.abspath(arguments.build),
        smoke=arguments.smoke,
        repetitions=2 if arguments.smoke else arguments.repetitions,
    )
    about = {"machine": machine(run.build), "versions": versions()}
    found = measure(run, arguments.names or list(SUBJECTS))
    figures = [figure for of_subject in found.values() for figure in of_subject]
    results = [as_json(s, figure) for s, of_s in found.items() for figure in of_s]
    os.makedirs(os.path.dirname(os.path.abspath(arguments.output)), exist_ok=True)
    with open(arguments.output, "w", encoding="utf-8") as file:
        json.dump({**about, "smoke": run.smoke, "results": results}, file, indent=2)
        file.write("\n")
    at = about["machine"]
    print(f"{at['cpu']}, {at['cores']} cores, Linux {at['kernel']}, {at['compiler']}")
    print(
        f"Medians of {run.repetitions}; spread: half the distance between the"
        f" quartiles. Load when it began: {at['load_average']:.1f}\n"
    )
    table(figures)
    warn_of_noise(figures)
    missed = any(figure.met is False for figure in figures)
    sys.exit(1 if missed and arguments.strict else 0)


if __name__ == "__main__":
    main()
