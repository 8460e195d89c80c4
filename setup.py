"""All but one thing is said in pyproject.toml: an installed package brings the chapters and published results along.

They lie beside `src` in the repository, so no setting for package data reaches them but one that maps folders to
packages, and that would make an editable install blind where a folder is called `seelike`, as a clone is.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CARRIED = {
    "book": ("*.ipynb", "exercises.yaml", "profiles/*.yaml", "runs/*.yaml", "concepts/*.svg"),
    "results": ("bench.json", "coverage.json", "exercises.json", "*/*.json", "rehearsed/*/*.json"),
}
NAMES = {"book": "book", "results": "published"}  # what they are called inside the package, as system/paths.py knows


class CarryTheBook(build_py):
    """Copies them into the package that is built."""

    def run(self):
        super().run()
        for target, source in self._carried().items():
            self.mkpath(str(Path(target).parent))
            self.copy_file(source, target)

    def get_outputs(self, include_bytecode=True):
        return [*super().get_outputs(include_bytecode), *self._carried()]

    def get_output_mapping(self):
        return super().get_output_mapping() | self._carried()

    def get_source_files(self):
        return [*super().get_source_files(), *_find().values()]

    def _carried(self) -> dict[str, str]:
        return {} if self.editable_mode else {str(Path(self.build_lib, into)): file for into, file in _find().items()}


def _find() -> dict[str, str]:
    """Where a file comes to lie, below the folder of packages → where it is."""
    files = [(folder, file) for folder, patterns in CARRIED.items() for p in patterns for file in Path(folder).glob(p)]
    return {
        f"seelike/{NAMES[folder]}/{file.relative_to(folder).as_posix()}": str(file) for folder, file in sorted(files)
    }


setup(cmdclass={"build_py": CarryTheBook})
