"""Configurations: strict, exact on the way through TOML, and clear about what is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imtrans import config
from imtrans.config.convert import parse_toml
from imtrans.errors import ConfigError


@dataclass(frozen=True)
class Layer:
    """A group of settings inside another."""

    width: int = 64
    """Channels of
    the layer."""
    norm: Literal["instance", "batch", "none"] = "instance"
    slope: float | None = 0.2
    """Of the leaky part."""

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")


@dataclass(frozen=True)
class Model:
    """One field of every kind."""

    layer: Layer = field(default_factory=lambda: Layer(width=32))
    extra: Layer | None = None
    """A second layer."""
    lr: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    sizes: tuple[int, ...] = ()
    layers: tuple[Layer, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    name: str = "net"
    title: str | None = None
    fast: bool = False
    count: int | float = 1
    folder: Path = Path("out")


@dataclass(frozen=True)
class Demanding:
    """A setting without a default."""

    data: str
    steps: int = 10


finite = st.floats(allow_nan=False)
layers = st.builds(
    Layer,
    width=st.integers(1, 10**6),
    norm=st.sampled_from(["instance", "batch", "none"]),
    slope=st.none() | finite,
)
words = st.text(st.characters(exclude_categories=["Cs"]))
models = st.builds(
    Model,
    layer=layers,
    extra=st.none() | layers,
    lr=finite,
    betas=st.tuples(finite, finite),
    sizes=st.lists(st.integers(-(2**63), 2**63 - 1)).map(tuple),
    layers=st.lists(layers, max_size=3).map(tuple),
    weights=st.dictionaries(words, finite, max_size=3),
    name=words,
    title=st.none() | words.filter(lambda text: text != "none"),
    fast=st.booleans(),
    count=st.integers(-(2**53), 2**53) | finite,
    folder=st.sampled_from([Path("out"), Path("a/b"), Path("/tmp")]),
)


class TestRoundTrips:
    """What goes out comes back equal."""

    @given(models)
    def test_plain_data(self, model: Model) -> None:
        assert config.from_dict(Model, config.to_dict(model)) == model

    @given(models)
    def test_toml(self, model: Model) -> None:
        assert config.from_dict(Model, parse_toml(config.to_toml(model))) == model

    @given(models)
    def test_toml_inside_a_mapping(self, model: Model) -> None:
        parsed = parse_toml(config.to_toml({"model": model, "absent": None}))
        assert set(parsed) == {"model"}
        assert config.from_dict(Model, parsed["model"]) == model

    @given(layers)
    def test_overrides(self, layer: Layer) -> None:
        settings = [f"layer.{key}={'none' if value is None else value}" for key, value in config.to_dict(layer).items()]
        assert config.override(Model(), settings).layer == layer

    def test_file(self, tmp_path: Path) -> None:
        path = tmp_path / "config.toml"
        path.write_text(config.to_toml(Model(lr=1e-5)), encoding="utf-8")
        assert config.from_toml(Model, path) == Model(lr=1e-5)

    def test_none_is_written_where_it_is_not_the_default(self) -> None:
        text = config.to_toml(Layer(slope=None))
        assert 'slope = "none"' in text
        assert "extra" not in config.to_toml(Model())


class TestRefusals:
    """Each message names the key, what was given and what is allowed."""

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"layr": {}}, r"no setting 'layr'[\s\S]*Settings: layer[\s\S]*Did you mean 'layer'\?"),
            ({"layer": {"widht": 3}}, r"no setting 'layer.widht'[\s\S]*in layer: width[\s\S]*'width'\?"),
            ({"layer": {"width": "x"}}, r"layer.width must be a whole number, not 'x'"),
            ({"layer": {"width": True}}, r"layer.width must be a whole number, not True"),
            ({"layer": {"width": 1.0}}, r"layer.width must be a whole number, not 1.0"),
            ({"layer": {"width": None}}, r"layer.width must be a whole number, not None"),
            ({"layer": {"width": 0}}, r"layer: width must be at least 1, not 0"),
            ({"layer": {"norm": "bach"}}, r"'instance', 'batch' or 'none', not 'bach'[\s\S]*Did you mean 'batch'\?"),
            ({"layer": 3}, r"layer must be a table, not 3"),
            ({"extra": 3}, r"extra must be a table or none, not 3"),
            ({"extra": {"width": "x"}}, r"extra.width must be a whole number"),
            ({"betas": [1]}, r"betas needs 2 values, not 1"),
            ({"betas": ["a", 1]}, r"betas\[0\] must be a number, not 'a'"),
            ({"sizes": "abc"}, r"sizes must be a list, each a whole number, not 'abc'"),
            ({"layers": [{"width": "x"}]}, r"layers\[0\].width must be a whole number"),
            ({"weights": {"a": "b"}}, r"weights.a must be a number, not 'b'"),
            ({"weights": [1]}, r"weights must be a table"),
            ({"fast": 1}, r"fast must be true or false, not 1"),
            ({"name": 1}, r"name must be a string, not 1"),
            ({"name": ["x" * 500]}, r"\.\.\."),
            ("text", r"the configuration must be a table"),
        ],
    )
    def test_from_dict(self, given: Any, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            config.from_dict(Model, given)

    def test_where_stands_before_the_key(self) -> None:
        with pytest.raises(ConfigError, match=r"method\.layer\.width"):
            config.from_dict(Model, {"layer": {"width": "x"}}, where="method")

    def test_missing_setting(self) -> None:
        with pytest.raises(ConfigError, match="'data' is missing"):
            config.from_dict(Demanding, {"steps": 1})

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (b"lr = x\n", r"broken.toml is not valid TOML.*line 1"),
            (b"\xff\xfe", "not UTF-8"),
            (b"[layer]\nwidth = 'x'", r"broken.toml: layer.width must be a whole number"),
        ],
    )
    def test_files(self, tmp_path: Path, text: bytes, message: str) -> None:
        path = tmp_path / "broken.toml"
        path.write_bytes(text)
        with pytest.raises(ConfigError, match=message):
            config.from_toml(Model, path)

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"cannot read .*absent.toml: No such file"):
            config.from_toml(Model, tmp_path / "absent.toml")

    def test_classes_that_plain_data_cannot_tell_apart(self) -> None:
        @dataclass(frozen=True)
        class Ambiguous:
            layer: Any = None

        Ambiguous.__annotations__["layer"] = Layer | Demanding
        with pytest.raises(TypeError, match="several dataclasses"):
            config.from_dict(Ambiguous, {"layer": {}})

    def test_instances_only(self) -> None:
        with pytest.raises(TypeError, match="instance of a dataclass"):
            config.to_dict(Layer)
        with pytest.raises(TypeError, match="frozen dataclass"):
            config.from_dict(int, {})


class TestOverrides:
    """``key=value``, as the command line takes it."""

    @pytest.mark.parametrize(
        ("assignment", "key", "value"),
        [
            ("lr=1e-4", "lr", 1e-4),
            ("lr=1", "lr", 1.0),
            ("lr=.5", "lr", 0.5),
            ("betas=0,0.99", "betas", (0.0, 0.99)),
            ("betas=[0, 0.99]", "betas", (0.0, 0.99)),
            ("sizes=3,", "sizes", (3,)),
            ("sizes=[]", "sizes", ()),
            ("fast=true", "fast", True),
            ("fast=False", "fast", False),
            ("name=32", "name", "32"),
            ("name=a=b", "name", "a=b"),
            ("name=", "name", ""),
            ('name="quoted"', "name", "quoted"),
            ("title=none", "title", None),
            ("title=None", "title", None),
            ("folder=a/b", "folder", Path("a/b")),
            (" lr = 3 ", "lr", 3.0),
            ("weights.a=2", "weights", {"a": 2.0}),
            ("layers=[{width=1}, {}]", "layers", (Layer(width=1), Layer())),
            ("extra={width=3}", "extra", Layer(width=3)),
            ("extra.width=3", "extra", Layer(width=3)),
            ("extra=none", "extra", None),
        ],
    )
    def test_values(self, assignment: str, key: str, value: object) -> None:
        assert getattr(config.override(Model(title="x"), [assignment]), key) == value

    def test_a_listed_none_is_a_word(self) -> None:
        assert config.override(Model(), ["layer.norm=none"]).layer.norm == "none"

    def test_the_original_stays(self) -> None:
        model = Model()
        assert config.override(model, ["layer.width=8"]) != model
        assert model == Model()

    def test_together_they_have_to_fit(self) -> None:
        changed = config.override(Model(), ["layer.width=0", "layer.width=2"])
        assert changed.layer.width == 2

    @pytest.mark.parametrize(
        ("assignment", "message"),
        [
            ("lr", "not an assignment[\\s\\S]*key=value"),
            ("=1", "not an assignment"),
            ("layer.widht=1", "no setting 'layer.widht'[\\s\\S]*'width'"),
            ("layer=1", "group of settings[\\s\\S]*layer.width"),
            ("lr.x=1", "'lr' has no settings inside"),
            ("layer.width=x", "layer.width must be a whole number"),
            ("layer.width=1\nlr=2", "layer.width must be a whole number"),
            ("layer..width=1", "no setting"),
            ("lr=none", "lr must be a number"),
            ("lr=nan", "lr must be a number"),
        ],
    )
    def test_refusals(self, assignment: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            config.override(Model(), [assignment])

    @given(st.text())
    def test_any_text_is_taken_or_refused_in_words(self, text: str) -> None:
        try:
            changed = config.override(Model(), [text])
        except ConfigError:
            return
        assert isinstance(changed, Model)


class TestDescribe:
    """The help of ``imtrans models show``."""

    def test_rows(self) -> None:
        rows = {row.key: row for row in config.describe(Model)}
        assert list(rows)[:4] == ["layer.width", "layer.norm", "layer.slope", "extra"]
        assert rows["layer.width"] == config.Setting("layer.width", "a whole number", 32, "Channels of the layer.")
        assert rows["layer.norm"].type == "'instance', 'batch' or 'none'"
        assert rows["layer.slope"].type == "a number or none"
        assert rows["extra"].default is None
        assert rows["extra"].help == "A second layer."
        assert rows["extra.width"].default == 64
        assert rows["fast"].type == "true or false"
        assert rows["betas"].default == [0.5, 0.999]

    def test_required_settings_say_so(self) -> None:
        assert config.describe(Demanding)[0].default is dataclasses.MISSING

    def test_inherited_settings_keep_their_help(self) -> None:
        rows = {row.key: row for row in config.describe(Wider)}
        assert rows["width"].help == "Channels of the layer."
        assert rows["depth"].help == "How many."

    def test_classes_without_source(self) -> None:
        made = dataclasses.make_dataclass("Made", [("width", int, 3)], frozen=True)
        assert config.describe(made) == [config.Setting("width", "a whole number", 3, "")]


@dataclass(frozen=True)
class Wider(Layer):
    """A child of Layer."""

    depth: int = 1
    """How many."""
