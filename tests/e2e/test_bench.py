# SPDX-License-Identifier: Apache-2.0
"""What `bench` and `doctor` say of speed is complete and plausible. No time is compared with another."""
import json
import os
from pathlib import Path

import pytest
from search_run import (CONFIG, Process, children_of, command_line, enas_hpc, is_alive, kill,
                        wait_for)

MACRO = CONFIG.parent / "tiny_macro.toml"
SPLIT = {"data_s", "forward_s", "backward_s", "pack_s", "wait_s", "reduce_s", "update_s"}
PIECES = {"weight_step", "reward", "sample_rollouts", "sample_phase", "update"}
SHORT = ("--steps", 3, "--repeats", 2)


def bench(*arguments, config=CONFIG, ranks=0, cwd=None, env=None):
    result = enas_hpc("bench", "--config", config, *SHORT, "--json", *arguments, ranks=ranks, cwd=cwd, env=env)
    assert result.code == 0, result
    return json.loads(result.out)


def check_pieces(report, pieces=PIECES):
    assert set(report) & PIECES == pieces
    for name in pieces:
        assert 0 < report[name]["min_s"] <= report[name]["median_s"] < 60, name
    for name in pieces & {"weight_step", "reward"}:
        piece = report[name]
        assert 0 < piece["share_of_peak"] < 1.5
        assert piece["flops"] > 0 and piece["gflops"] > 0
        assert piece["examples_per_s"] == pytest.approx(piece["examples"] / piece["median_s"])
    memory = report["memory"]
    assert 1e7 < memory["beyond_weights_bytes"] < memory["peak_bytes"] < 1e11
    assert memory["peak_bytes"] - memory["weight_bytes"] == memory["beyond_weights_bytes"]


def check_step(step, slots_examples):
    assert set(step["split"]) == SPLIT
    assert all(seconds >= 0 for seconds in step["split"].values())
    assert step["split"]["backward_s"] > 0
    assert sum(step["split"].values()) <= step["median_s"] * 1.0001
    assert step["bad_steps"] == 0
    assert step["union_bytes"] > 0
    assert step["examples"] == slots_examples


def check_machine(machine):
    rates = [value for value in machine.values() if not isinstance(value, str)]
    assert len(rates) == 6 and all(rate > 0 for rate in rates), machine
    assert machine["product_2048_gflops"] < 1.5 * machine["register_peak_gflops"]
    assert machine["mkl_fast_path"] and machine["memory"] and machine["simd"]


def test_recurrent(tmp_path):
    report = bench(cwd=tmp_path)
    check_pieces(report)
    check_step(report["weight_step"], 4 * 2 * 8)
    check_machine(report["machine"])
    assert report["weight_step"]["bytes_sent"] == 0
    configuration = report["configuration"]
    assert (configuration["space"], configuration["ranks"], configuration["threads"]) == ("recurrent", 1, 1)
    assert (configuration["steps"], configuration["repeats"]) == (3, 2)
    # Three forward passes of four slots of 16 tokens against one of 32.
    assert report["weight_step"]["flops"] == pytest.approx(3 * 4 * 16 / 32 * report["reward"]["flops"])
    assert report["round"]["weight_steps"] == 6 and report["round"]["controller_steps"] == 3
    assert 0 < report["round"]["controller_share"] < 1
    assert list(tmp_path.iterdir()) == []


def test_macro_on_two_ranks():
    report = bench(config=MACRO, ranks=2)
    check_pieces(report)
    check_step(report["weight_step"], 4 * 2)
    assert report["weight_step"]["bytes_sent"] > 0
    assert (report["configuration"]["space"], report["configuration"]["ranks"]) == ("macro", 2)
    assert report["example"] == "image"


def test_the_same_children_whatever_the_seed():
    flops = [bench("--phase", "weights", "--set", f"run.seed={seed}", config=MACRO)["weight_step"]["flops"]
             for seed in (1, 2)]
    assert flops[0] == flops[1]


@pytest.mark.parametrize("phase, pieces", [("weights", {"weight_step"}), ("controller", PIECES - {"weight_step"})])
def test_one_phase(phase, pieces):
    report = bench("--phase", phase)
    check_pieces(report, pieces)
    assert "round" not in report


def test_table():
    result = enas_hpc("bench", "--config", CONFIG, *SHORT)
    assert result.code == 0, result
    for text in ("register peak", "weight step", "tokens/s", "backward", "beyond the weights", "MKL fast path",
                 "2 repeats of 3 steps"):
        assert text in result.out, text


@pytest.mark.parametrize("ranks", [0, 1])
def test_beside_the_reference(tmp_path, ranks):
    report = bench("--reference", cwd=tmp_path, ranks=ranks)
    reference = report["reference"]
    check_pieces(report)
    check_pieces(reference)
    check_step(reference["weight_step"], 4 * 2 * 8)
    assert report["configuration"]["kernels"] == "fused"
    assert reference["configuration"]["kernels"] == "eager"
    assert reference["configuration"]["threads"] == report["configuration"]["threads"]
    assert reference["weight_step"]["flops"] == report["weight_step"]["flops"]
    for piece in PIECES:
        ratio = report["comparison"][piece]
        assert ratio["median"] == pytest.approx(reference[piece]["median_s"] / report[piece]["median_s"])
        assert ratio["min"] == pytest.approx(reference[piece]["min_s"] / report[piece]["min_s"])
    assert report["comparison"]["peak_memory"] > 0
    assert list(tmp_path.iterdir()) == []


def test_reference_is_for_one_process():
    result = enas_hpc("bench", "--config", CONFIG, "--reference", ranks=2)
    assert result.code == 64 and len(result.errors) == 1, result
    assert "2 ranks" in result.text and "run.threads" in result.text


def is_reference(pid):
    try:
        return b"--lockstep" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def endless(tmp_path):
    """A comparison that goes on until it is ended; its process and that of its reference."""
    arguments = ("bench", "--config", CONFIG, "--repeats", 100000, "--reference")
    process = Process(command_line(0, *arguments), tmp_path / "process")
    pid = process.process.pid
    try:
        # MPI may have started a helper of its own.
        reference = wait_for(lambda: [child for child in children_of(pid) if is_reference(child)],
                             "the reference to start")[0]
        yield process, reference
        if is_alive(reference):
            kill(reference)
    finally:
        process.process.kill()
        process.process.wait()


def test_a_reference_that_dies_is_told(endless):
    process, reference = endless
    kill(reference)
    result = process.wait()
    assert result.code == 70 and len(result.errors) == 1, result
    assert "reference process failed" in result.text and "signal 9" in result.text


def test_the_reference_dies_with_its_parent(endless):
    process, reference = endless
    kill(process.process.pid)
    process.process.wait()
    wait_for(lambda: not is_alive(reference), "the reference to end")


@pytest.mark.parametrize("ranks, counts", [(0, [1]), (3, [1, 2, 3])])
def test_scaling(tmp_path, ranks, counts):
    report = bench("--scaling", "--predict", "2,8", "--slot-s", "0.5", "--latency-s", "0",
                   "--bandwidth", "1e30", cwd=tmp_path, ranks=ranks)
    per_slot, shared = report["series"]
    assert (per_slot["children"], shared["children"]) == ("per_slot", "shared")
    assert 0 < shared["union_bytes"] < per_slot["union_bytes"] < report["weight_bytes"]
    for series in report["series"]:
        assert [point["ranks"] for point in series["measured"]] == counts
        for point in series["measured"]:
            assert point["median_s"] >= point["min_s"] > 0 and point["model_s"] > 0
            assert point["speedup"] == pytest.approx(point["ranks"] * point["efficiency"])
            assert len(point["wait_s"]) == len(point["reduce_s"]) == point["ranks"]
            assert (point["bytes_sent"] > 0) == (point["ranks"] > 1)
        assert series["measured"][0]["efficiency"] == 1
        # One slot a rank on a network that costs nothing.
        for row, number in zip(series["model"], (2, 8), strict=True):
            assert row["ranks"] == row["slots"] == number
            assert row["tree_step_s"] == row["ring_step_s"] == pytest.approx(0.5 + row["update_s"])
    small, large = per_slot["model"]
    assert small["union_bytes"] <= large["union_bytes"] <= report["weight_bytes"]
    assert list(tmp_path.iterdir()) == []


def test_scaling_prints_tables():
    result = enas_hpc("bench", "--config", CONFIG, "--scaling", *SHORT, ranks=2)
    assert result.code == 0, result
    for text in ('children = "per_slot"', 'children = "shared"', "efficiency", "the supernet",
                 "a model, not a measurement"):
        assert text in result.out, text
    result = enas_hpc("bench", "--config", CONFIG, "--scaling", "--reference")
    assert result.code == 64 and len(result.errors) == 1, result


def test_scaling_on_too_many_ranks_is_told_once():
    result = enas_hpc("bench", "--config", CONFIG, "--scaling", ranks=5)
    assert result.code == 65 and len(result.errors) == 1, result


def test_a_bad_configuration_is_told_once():
    result = enas_hpc("bench", "--config", CONFIG, "--set", "supernet.kernels=eager", "--set",
                      "supernet.precision=bfloat16", "--reference")
    assert result.code == 65 and len(result.errors) == 1, result
    assert "supernet.precision" in result.text


@pytest.mark.parametrize("switch, word", [("ENAS_HPC_MKL_FAST_PATH", "mkl_fast_path"),
                                          ("ENAS_HPC_KEEP_MEMORY", "memory")])
def test_switches_of_the_environment_are_told(switch, word):
    reports = [json.loads(enas_hpc("doctor", "--json", env=env).out)["machine"]
               for env in ({}, {switch: "0"})]
    assert switch not in reports[0][word]
    assert f"{switch}=0" in reports[1][word] or reports[1][word].startswith("not b")


def test_doctor():
    report = json.loads(enas_hpc("doctor", "--json", ranks=2).out)
    check_machine(report["machine"])
    assert "not bound" not in report["machine"]["mkl_fast_path"]
    assert "register peak" in enas_hpc("doctor").out


def test_threads_use_their_cores():
    """A process that nobody bound has all cores, whatever run.threads says."""
    report = bench("--set", "run.threads=2")
    assert report["configuration"]["threads"] == 2
    if len(os.sched_getaffinity(0)) > 1:
        assert not [text for text in report["warnings"] if "bound" in text]
