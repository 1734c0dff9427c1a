"""What tests/bench and tests/operating-points share: where ffmpeg comes from, what a picture is worth (VMAF, PSNR), where it was measured."""

import datetime
import json
import os
import pathlib
import platform
import shlex
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "bench"
# Carries a static ffmpeg 9.0.2 with x264 and libvmaf; the tests of players have the same.
NEWEST_FFMPEG = next(line for line in (ROOT / "tests/players/requirements.txt").read_text().splitlines()
                     if line.startswith("imageio-ffmpeg=="))
NEWEST_NAME = "ffmpeg 9.0.2"

# The profile `reference`, top rung first: short side, maxrate and bufsize in kb/s.
REFERENCE = [(rung["short_side"], rung["maxrate_kbps"], rung["bufsize_kbps"])
             for rung in tomllib.loads((ROOT / "crates/job/profiles/reference.toml").read_text())["rung"]]


def fail(message):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {message}")


def quietly(command):
    """Runs a command that is not measured."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        fail(f"failed with {done.returncode}: {shlex.join(command)}\n{done.stdout}")
    return done.stdout


def newest_ffmpeg():
    """The newest ffmpeg command line, from PyPI; it stays in target/bench."""
    WORK.mkdir(parents=True, exist_ok=True)
    venv = WORK / "venv"
    python = str(venv / "bin" / "python")
    if not (venv / NEWEST_FFMPEG).exists():
        quietly([sys.executable, "-m", "venv", "--clear", str(venv)])
        quietly([python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", NEWEST_FFMPEG])
        (venv / NEWEST_FFMPEG).touch()
    # Not get_ffmpeg_exe(): that would obey IMAGEIO_FFMPEG_EXE.
    find = "import imageio_ffmpeg, pathlib; print(*pathlib.Path(imageio_ffmpeg.__file__).parent.glob('binaries/ffmpeg-*'))"
    return quietly([python, "-c", find]).strip()


def vmaf(ffmpeg, distorted, original, size, every=1, from_first_picture=True):
    """Compares two inputs (lists of ffmpeg's arguments) at `size` (width, height), to which both are scaled bicubic where they differ.
    Every how many frames one is looked at is `every`. Returns mean and 5th percentile of VMAF, and the mean PSNR of luma in dB.
    The distorted begins with the original's first picture, or else with its sound."""
    log = WORK / f"vmaf-{os.getpid()}.json"
    # By time and not by number: ffmpeg repeats and drops frames of a recording whose times are uneven.
    # Without their labels, or ffmpeg would convert the colours of the one that has some.
    scale = f"setparams=color_primaries=unknown:color_trc=unknown:colorspace=unknown,scale={size[0]}:{size[1]}:flags=bicubic,format=yuv420p"
    start = "setpts=PTS-STARTPTS"
    graph = (f"[0:v]{start},{scale}[a];[1:v]{start if from_first_picture else 'null'},{scale}[b];"
             f"[a][b]libvmaf=n_threads=2:n_subsample={every}:feature=name=psnr:log_fmt=json:log_path={log}"
             ":ts_sync_mode=nearest:shortest=1")
    quietly([ffmpeg, "-v", "error", *distorted, *original, "-lavfi", graph, "-f", "null", "-"])
    frames = [frame["metrics"] for frame in json.loads(log.read_text())["frames"]]
    log.unlink()
    scores = sorted(frame["vmaf"] for frame in frames)
    psnr = [frame["psnr_y"] for frame in frames]
    return sum(scores) / len(scores), scores[len(scores) // 20], sum(psnr) / len(psnr)


def machine():
    """Where and when: cores, processor, kernel, and the load. More than our own load would mean that somebody else was at work."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
               platform.machine())
    return {"date": datetime.date.today().isoformat(), "cores": len(os.sched_getaffinity(0)), "cpu": cpu,
            "kernel": platform.release(), "load": [round(load, 1) for load in os.getloadavg()]}
