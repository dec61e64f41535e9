"""The walls of the house: which of its parts may import which."""

import ast
import re
from graphlib import TopologicalSorter

import pytest
from support import ROOT

COURSE = ROOT / "lessons" / "course"
# Where readers come in: they may use all that is there.
DOORS = ["pages", "loop", "commands"]
# What the packages may import from each other. Each may also import what is in course/
# itself, except for the doors.
MAY_IMPORT = {
    "live": ["about_lessons"],
    "checker": ["about_lessons", "for_checks"],
    "for_checks": [],
    "about_lessons": [],
    "your_work": ["about_lessons"],
}


def imports_of(path):
    """Return the modules that a file imports, as "lessons.course.folders"."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} hides what it imports behind a dot"
            names = [f"{node.module}.{name.name}" for name in node.names]
            found = [name for name in names if file_of(name)]
            modules.update(found or [node.module])
    return modules


def file_of(module):
    """Return the file of a module of this project, or None."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return path if path.exists() else None


def of_the_course(path):
    """Return the modules of the course that a file imports, without its name."""
    ours = [name for name in imports_of(path) if name.startswith("lessons.")]
    return {name.removeprefix("lessons.course.") for name in ours}


def modules_of_the_course():
    """Return the course's modules with the files, as {"live.mounts": path}."""
    modules = {}
    for path in sorted(COURSE.rglob("*.py")):
        if path.name != "__init__.py":
            name = path.relative_to(COURSE).with_suffix("").as_posix()
            modules[name.replace("/", ".")] = path
    return modules


MODULES = modules_of_the_course()


def test_each_room_is_named_here():
    folders = {name.partition(".")[0] for name in MODULES if "." in name}
    assert folders == set(MAY_IMPORT)
    assert set(DOORS) < set(MODULES)


@pytest.mark.parametrize("name", [name for name in MODULES if name not in DOORS])
def test_a_module_imports_only_what_its_room_may(name):
    room = name.partition(".")[0] if "." in name else None
    allowed = {room, *MAY_IMPORT[room]} if room else set()
    for imported in of_the_course(MODULES[name]):
        assert imported in MODULES, f"course/{name} imports {imported}"
        assert imported not in DOORS
        if "." in imported:
            assert imported.partition(".")[0] in allowed


def test_nothing_in_the_course_imports_itself_in_a_circle():
    graph = {name: of_the_course(path) for name, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError for a circle


def test_no_script_of_a_page_imports_itself_in_a_circle():
    for folder in ROOT / "static", COURSE / "static":
        graph = {}
        for path in folder.glob("*.js"):
            code = path.read_text(encoding="utf-8")
            graph[path.name] = re.findall(r'(?:from |import\()"\./(.+?)"', code)
        assert any(graph.values())
        TopologicalSorter(graph).prepare()


CHECKS = sorted(ROOT.glob("lessons/[0-9]*/**/check.py"))
FOLDERS = [path.parent.relative_to(ROOT / "lessons").as_posix() for path in CHECKS]


@pytest.mark.parametrize("path", CHECKS, ids=FOLDERS)
def test_a_check_uses_only_what_is_for_checks(path):
    used = of_the_course(path)
    assert all(name.startswith("for_checks.") for name in used), used


PROGRAM = sorted(ROOT.glob("*.py"))


@pytest.mark.parametrize("path", PROGRAM, ids=[path.name for path in PROGRAM])
def test_the_program_knows_the_course_by_one_line(path):
    """It is app.py's register_course(app), which works without the course, too."""
    assert of_the_course(path) == set()
    calls = path.read_text(encoding="utf-8").count("register_course(app)")
    assert calls == (1 if path.name == "app.py" else 0)
