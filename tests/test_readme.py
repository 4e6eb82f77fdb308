"""What the README tells people to type exists and answers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
MODULES = sorted(set(re.findall(r"python -m ([a-z_.]+)", README)))
TARGETS = sorted(set(re.findall(r"^(?:\w+=\S+ )?make ([a-z-]+)", README, re.MULTILINE)))
LINKS = sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README)))
FILE_MAP = re.findall(r"^\| `([^`]+)`", README, re.MULTILINE)


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_exists(target):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("link", LINKS)
def test_every_link_leads_to_a_file(link):
    assert (ROOT / link).exists(), link


@pytest.mark.parametrize("path", FILE_MAP)
def test_the_file_map_names_what_exists(path):
    assert (ROOT / path).exists(), path


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_every_command_explains_itself(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    flags = {flag for line in README.splitlines() if module in line for flag in _flags(line)}
    assert [flag for flag in flags if flag not in done.stdout] == []


def _flags(line: str) -> list[str]:
    return re.findall(r"--[a-z-]+", line)
