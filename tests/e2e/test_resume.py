# SPDX-License-Identifier: Apache-2.0
"""A search that was stopped anywhere and resumed by any number of ranks is the uninterrupted one."""
import json

import pytest
from search_run import LAST_STEP, STEPS_PER_ROUND, WEIGHT_STEPS, Run, assert_same_rows


def assert_equals_gold(run, gold):
    assert run.newest_step() == LAST_STEP
    assert run.state_hash() == gold.hash
    assert run.steps() == list(range(LAST_STEP))
    assert_same_rows(run.log(), gold.log)


@pytest.mark.parametrize("step, before, after", [
    (1, 2, 2),
    (3, 2, 1),  # in the middle of the weight phase
    (WEIGHT_STEPS, 4, 2),
    (WEIGHT_STEPS + 1, 2, 3),  # in the middle of the controller phase
    (STEPS_PER_ROUND, 2, 4),
    (STEPS_PER_ROUND + 4, 1, 3),  # checkpoint.every_steps lies there too
])
def test_stop_at_a_step_and_resume(new_run, gold, step, before, after):
    run = new_run()
    result = run.search("--max-steps", step, ranks=before)
    assert result.code == 0, result
    assert run.newest_step() == step
    assert run.steps() == list(range(step))
    status = json.loads((run.folder / "status.json").read_text())
    assert (status["reason"], status["step"]) == ("max_steps", step)

    result = run.search(ranks=after)
    assert result.code == 0, result
    assert f"resumed from step {step} written by np={before}, now np={after}" in result.text
    assert_equals_gold(run, gold)
    assert run.names("*.stale*") == []


def test_a_chain_of_resumes(new_run, gold):
    run = new_run()
    for step, ranks in ((2, 1), (5, 2), (7, 3), (13, 4), (20, 2)):
        result = run.search("--max-steps", step, ranks=ranks)
        assert result.code == 0, result
        assert run.newest_step() == step
    run.finish(ranks=1)
    assert_equals_gold(run, gold)


def test_no_checkpoint_between_stops(new_run, gold):
    """All state of a stop comes from the stop's own checkpoint, not from a periodic one."""
    run = new_run({"checkpoint.every_steps": 1000})
    for step in (4, 8):
        assert run.search("--max-steps", step, ranks=0).code == 0
    run.finish()
    assert_equals_gold(run, gold)


def test_a_lost_checkpoint_is_made_again(stopped, gold):
    """As after a crash between the log part and its checkpoint: no row is missing or doubled."""
    stopped.newest().unlink()
    result = stopped.search()
    assert result.code == 0, result
    assert "resumed from step 12" in result.text
    assert_equals_gold(stopped, gold)
    assert stopped.names("*.stale") == ["part-00000012-00000014.h5.stale"]


def test_never_starts_anew_and_deletes_nothing(stopped, gold):
    before = {path.name for path in [*stopped.checkpoints(), *stopped.parts()]}
    result = stopped.search("--resume", "never")
    assert result.code == 0, result
    assert "resumed" not in result.text
    assert set(stopped.names("*.stale")) == {name + ".stale" for name in before}
    assert_equals_gold(stopped, gold)


def test_a_finished_run_has_nothing_to_do(gold, tmp_path):
    run = gold.run.copy_to(tmp_path / "run")
    best = (run.folder / "best.json").read_text()
    result = run.search()
    assert result.code == 0, result
    assert run.names("*.stale") == []
    assert (run.folder / "best.json").read_text() == best
    assert_equals_gold(run, gold)


def test_more_rounds_go_on(stopped, gold):
    """search.rounds is no part of the search's identity."""
    short = Run(stopped.folder, {"search.rounds": 2})
    assert short.search().code == 0
    assert short.newest_step() == 2 * STEPS_PER_ROUND
    assert stopped.search().code == 0
    assert_equals_gold(stopped, gold)


def test_a_named_checkpoint_of_the_same_run(gold, tmp_path):
    run = gold.run.copy_to(tmp_path / "run")
    result = run.search("--resume", run.checkpoint(12))
    assert result.code == 0, result
    assert "resumed from step 12" in result.text
    assert "step-00000016.h5.stale" in run.names("*.stale")
    assert_equals_gold(run, gold)


def test_a_named_checkpoint_of_another_run(gold, new_run):
    run = new_run()
    result = run.search("--resume", gold.run.checkpoint(12))
    assert result.code == 0, result
    assert run.state_hash() == gold.hash
    assert run.steps() == list(range(12, LAST_STEP))


def test_a_named_checkpoint_that_is_not_there(new_run):
    result = new_run().search("--resume", "nowhere.h5")
    assert result.code == 66, result
    assert len(result.errors) == 1 and "nowhere.h5" in result.text, result
