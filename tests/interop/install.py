"""Makes a virtual environment with exactly the pinned packages of a file.

    python3.13 install.py ENVIRONMENT REQUIREMENTS

One that was made from the same pins is left alone. Several processes may ask at once: one installs, the others wait.
"""

import fcntl
import pathlib
import shutil
import subprocess
import sys
import time


def main(environment: pathlib.Path, requirements: pathlib.Path) -> None:
    environment.parent.mkdir(parents=True, exist_ok=True)
    with open(environment.with_name(environment.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Written last: without it the environment is not complete.
        stamp = environment / "installed.txt"
        pins = f"{sys.version}\n{requirements.read_text()}"
        if stamp.exists() and stamp.read_text() == pins:
            return
        install(environment, requirements)
        stamp.write_text(pins)


def install(environment: pathlib.Path, requirements: pathlib.Path) -> None:
    started = time.monotonic()
    say(f"installing the packages of {requirements.name} into {environment} ...")
    shutil.rmtree(environment, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    # Everything is pinned, so nothing has to be resolved.
    command = [*pip, "install", "--quiet", "--no-deps", "--requirement", requirements]
    for attempt in range(1, 4):
        if subprocess.run(command, check=attempt == 3).returncode == 0:
            break
        say(f"attempt {attempt} failed, trying again")
        time.sleep(5 * attempt)
    subprocess.run([*pip, "check"], check=True, stdout=subprocess.DEVNULL)
    say(f"installed in {time.monotonic() - started:.0f} s")


def say(text: str) -> None:
    print(f"interop: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).absolute(), pathlib.Path(sys.argv[2]))
