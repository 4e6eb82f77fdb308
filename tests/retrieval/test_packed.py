"""The 4-bit container of the packaged multilingual encoder, on one written here by hand."""

import json
import struct

import numpy as np
import pytest

from retrieval.config import EncoderConfig
from retrieval.errors import ModelError
from retrieval.text import weights
from retrieval.text.encoder import load_encoder
from retrieval.text.packed import BLOCK, LAYER_NAMES, convert, read_container, unpack

HIDDEN, INNER, POSITIONS = 32, 64, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁tent", "▁mat", "▁", "t", "e", "n", "帐", "篷", ":"]
SPECIAL = (0, 2, 1, 3)  # bos, eos, pad, unk


def four_bit(rows, columns, rng):
    """Random blocks: a float16 scale and 16 bytes of two weights."""
    n = rows * columns // BLOCK
    scale = np.full(n, 0.02, "<f2")
    halves = rng.integers(0, 256, (n, BLOCK // 2), dtype=np.uint8)
    return b"".join(scale[i].tobytes() + halves[i].tobytes() for i in range(n)), rows * columns


def tensors():
    rng = np.random.default_rng(0)
    shapes = {"emb.word": (len(PIECES), HIDDEN)}
    for name in ("q", "k", "v", "ao"):
        shapes[f"l0.{name}.w"] = (HIDDEN, HIDDEN)
    shapes |= {"l0.fi.w": (INNER, HIDDEN), "l0.fo.w": (HIDDEN, INNER)}
    found = {name: (1, *four_bit(*shape, rng)) for name, shape in shapes.items()}
    flat = {"emb.pos": POSITIONS * HIDDEN, "emb.type": 2 * HIDDEN, "l0.fi.b": INNER}
    for name in ("emb.ln.w", "emb.ln.b", *(f"l0.{n}.b" for n in LAYER_NAMES if n != "fi")):
        flat[name] = HIDDEN
    flat |= {"l0.aln.w": HIDDEN, "l0.oln.w": HIDDEN}
    for name, n in flat.items():
        values = np.ones(n, "<f4") if name.endswith("ln.w") else rng.normal(0, 0.1, n)
        found[name] = (0, values.astype("<f4").tobytes(), n)
    return found


def container():
    """Write a whole container: sizes, pieces, one character rule, tensors."""
    blob = "".join(PIECES).encode()
    ends = np.cumsum([0, *(len(p.encode()) for p in PIECES)]).astype("<u4")
    scores = np.array([0, 0, 0, 0, -1, -2, -3, -4, -4, -4, -4, -4, -4], "<f4")
    head = struct.pack("<4sI", b"E5S1", 1)
    head += struct.pack("<7i", HIDDEN, 1, 2, INNER, len(PIECES), POSITIONS, 2)
    head += struct.pack("<fi", 1e-12, BLOCK) + struct.pack("<5i", len(PIECES), *SPECIAL)
    head += struct.pack("<Q", len(blob)) + ends.tobytes() + scores.tobytes() + blob
    rule = struct.pack("<IB", ord("\n"), 1) + struct.pack("<I", ord(" "))
    head += struct.pack("<iI", 1, len(rule)) + rule
    found = tensors()
    size = 4 + sum(2 + len(name) + 21 for name in found)
    at, directory, body = len(head) + size, struct.pack("<i", len(found)), b""
    for name, (kind, packed, n) in found.items():
        directory += struct.pack("<H", len(name)) + name.encode() + struct.pack("<B", kind)
        directory += struct.pack("<IQQ", n, at + len(body), len(packed))
        body += packed
    return head + directory + body


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "tiny.bin"
    path.write_bytes(container())
    return path


def test_a_block_is_a_scale_and_halves_of_bytes_with_eight_added():
    # byte 0 is 0x9F: low half 15 is weight 0, high half 9 is weight 16; all others are 0x88, zeros
    packed = np.float16(0.5).tobytes() + bytes([0x9F] + [0x88] * 15)
    expected = np.zeros((1, BLOCK))
    expected[0, 0], expected[0, 16] = (15 - 8) * 0.5, (9 - 8) * 0.5
    assert unpack(packed, 1, BLOCK).tolist() == expected.tolist()


def test_sizes_pieces_and_shapes_are_read(source):
    found = read_container(source)
    assert [piece for piece, _ in found.pieces] == PIECES
    assert found.pieces[5] == ("▁mat", -2.0)
    assert found.replaced == {"\n": " "}
    assert found.tensors["embeddings.word_embeddings.weight"].shape == (len(PIECES), HIDDEN)
    assert found.tensors["encoder.layer.0.intermediate.dense.weight"].shape == (INNER, HIDDEN)
    assert found.tensors["encoder.layer.0.output.dense.weight"].shape == (HIDDEN, INNER)


@pytest.mark.parametrize("cut", [3, 60, 400, -10])
def test_a_file_cut_short_is_refused_by_name(source, cut):
    source.write_bytes(source.read_bytes()[:cut])
    with pytest.raises(ModelError, match=r"tiny\.bin: is not the packed encoder"):
        read_container(source)


def test_another_kind_of_file_is_refused(source):
    source.write_bytes(b"GGUF" + source.read_bytes()[4:])
    with pytest.raises(ModelError, match="begins with b'GGUF'"):
        read_container(source)


def test_the_same_file_always_gives_the_same_bytes(source, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        convert(source, tmp_path / name)
    for path in (tmp_path / "one").rglob("*.*"):
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.is_dir() or path.read_bytes() == other.read_bytes()


def test_what_is_written_is_loaded_as_an_encoder_with_its_prefixes(source, tmp_path, capfd):
    folder = tmp_path / "model"
    folder.mkdir()
    convert(source, folder)
    encoder = load_encoder(EncoderConfig(model=str(folder)), device="cpu")
    assert encoder.dimension == HIDDEN
    assert "MISSING" not in capfd.readouterr().err
    same, other = encoder.encode(["tent", "mat"], role="query"), encoder.encode(["tent", "mat"])
    assert np.linalg.norm(other, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert not np.allclose(same, other)  # `query: ` and `passage: ` are read by the model
    assert json.loads((folder / "config_sentence_transformers.json").read_text())["prompts"]


def test_the_tokenizer_takes_the_likeliest_pieces_and_folds_width(source, tmp_path):
    from tokenizers import Tokenizer

    folder = tmp_path / "model"
    folder.mkdir()
    convert(source, folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    # ▁tent (-1) beats ▁ + t + e + n + t (-19); a full-width colon is a colon; a break is a blank
    assert tokenizer.encode("tent\nmat").tokens == ["<s>", "▁tent", "▁mat", "</s>"]
    assert tokenizer.encode("帐篷：").tokens == ["<s>", "▁", "帐", "篷", ":", "</s>"]


@pytest.mark.slow
def test_the_packaged_multilingual_encoder_finds_across_languages():
    folder = weights.home() / "weights" / weights.PACKAGED["multilingual"].name
    if not folder.is_dir():
        pytest.skip("not here; `python -m retrieval.text.weights multilingual` fetches it")
    encoder = load_encoder(EncoderConfig(model=weights.MULTILINGUAL), device="cpu")
    asked = encoder.encode(["双人帐篷", "燃气炉"], role="query")
    held = encoder.encode(["Tent for two people", "Gas stove with piezo ignition"])
    assert (asked @ held.T).argmax(axis=1).tolist() == [0, 1]
