"""What pyproject.toml cannot say: the native kernels.

Where torch is importable while imtrans is built (``pip install --no-build-isolation .``), the kernels are compiled
ahead of time into ``imtrans/_C.so``. Where it is not (plain ``pip install .``), the package is pure Python and carries
the C++ sources, from which ``imtrans kernels build`` makes the same library later.

``IMTRANS_BUILD_KERNELS`` decides: ``auto`` (the default) builds where it can and else installs without; ``1`` fails
the installation when the kernels cannot be built; ``0`` never builds. ``imtrans doctor`` shows what came of it.
"""

import importlib.util
import os
import shutil
import sys
import types
from pathlib import Path

import setuptools

if int(setuptools.__version__.split(".")[0]) < 77:  # without build isolation nobody checks pyproject.toml's demand
    sys.exit(
        f"imtrans is built by setuptools 77 or later, and this is setuptools {setuptools.__version__}.\n"
        "Update it: pip install -U setuptools"
    )

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MODE = os.environ.get("IMTRANS_BUILD_KERNELS", "auto")


def import_builder():
    """The project's own builder, without running ``imtrans.ops``, which may need what is not installed yet."""
    sys.path.insert(0, str(ROOT))
    package = types.ModuleType("kernel_builder")
    package.__path__ = [str(ROOT / "imtrans" / "ops" / "native")]
    sys.modules[package.__name__] = package
    return importlib.import_module("kernel_builder.ahead_of_time")


def extensions():
    """One extension where torch can be imported, none where the package will be pure Python."""
    if MODE not in ("auto", "0", "1"):
        sys.exit(f"IMTRANS_BUILD_KERNELS={MODE} means nothing. Say auto, 0 or 1, or unset it.")
    have_torch = importlib.util.find_spec("torch") is not None
    if MODE == "1" and not have_torch:
        sys.exit(
            "IMTRANS_BUILD_KERNELS=1 asks for native kernels, and torch is not importable here.\n"
            "Install torch first, then imtrans without build isolation:\n"
            "    pip install torch && pip install --no-build-isolation ."
        )
    return [Extension("imtrans._C", sources=[], optional=MODE == "auto")] if have_torch and MODE != "0" else []


class BuildKernels(build_ext):
    """Compiles the library by the code that ``imtrans kernels build`` uses too."""

    def get_ext_filename(self, fullname):
        """The library holds no Python, so its name has no Python's tag."""
        return str(Path(*fullname.split(".")).with_suffix(".so"))

    def build_extension(self, ext):
        """Build the library, or record why there is none."""
        library = Path(self.get_ext_fullpath(ext.name))
        error = import_builder().build_ahead_of_time(library, Path(self.build_temp))
        if error is None:
            return
        if not ext.optional:
            sys.exit(f"the native kernels could not be built, and IMTRANS_BUILD_KERNELS=1 asks for them.\n{error}")
        self.warn(
            f"\n{'=' * 100}\nimtrans is installed WITHOUT its native kernels and will be slower.\n{error}\n{'=' * 100}"
        )

    def copy_extensions_to_source(self):
        """In an editable install, put library and record beside the Python files; nothing old may stay there."""
        for name in ("_C.so", "_C.json"):
            built = Path(self.build_lib, "imtrans", name)
            place = ROOT / "imtrans" / name
            place.unlink(missing_ok=True)
            if built.exists():
                shutil.copy2(built, place)


class BuildPython(build_py):
    """Adds the C++ sources to the package, and to a pure one the reason why it is pure."""

    def run(self):
        """Copy Python files and data, then csrc as ``imtrans/_csrc``."""
        super().run()
        package = ROOT / "imtrans" if self.editable_mode else Path(self.build_lib, "imtrans")
        if not self.editable_mode:
            shutil.rmtree(package / "_csrc", ignore_errors=True)
            shutil.copytree(ROOT / "csrc", package / "_csrc")
        if not self.distribution.ext_modules:
            why = "IMTRANS_BUILD_KERNELS=0 said so." if MODE == "0" else "torch was not importable then."
            (package / "_C.so").unlink(missing_ok=True)
            import_builder().record_missing(package / "_C.so", why)


class TagWheel(bdist_wheel):
    """A library without Python in it serves every Python 3 of its platform."""

    def get_tag(self):
        """``py3-none-any`` for the pure wheel, ``py3-none-<platform>`` for one with kernels."""
        python, abi, platform = super().get_tag()
        return (python, abi, platform) if self.root_is_pure else ("py3", "none", platform)


setup(
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildKernels, "build_py": BuildPython, "bdist_wheel": TagWheel},
)
