// SPDX-License-Identifier: Apache-2.0
#include "run/driver.hpp"

#include <string>

#include "core/text.hpp"
#include "run/checkpointer.hpp"
#include "run/flip_targets.hpp"
#include "run/replicas.hpp"
#include "run/start.hpp"
#include "run/stop_control.hpp"
#include "run/straggler.hpp"

namespace enas::run {

namespace {

class Driver {
 public:
  Driver(const Context& context, Job& job)
      : context_(context),
        world_(context.world),
        log_(context.log),
        reliability_(context.options.reliability),
        job_(job),
        checkpointer_(context.world, context.log, context.directory, context.options.checkpoint,
                      context.identity, job),
        stop_control_(context.world.is_root(), context.directory.root(), context.limits,
                      context.options.checkpoint.every_minutes * 60.0),
        stragglers_(reliability_, gather_nodes(context.world)) {}

  ExitCode run() {
    start_or_resume();
    while (true) {
      try {
        if (ends()) {
          save_last();
          return end();
        }
        step();
      } catch (const ReplicasDiffer& difference) {
        recover(difference);
      } catch (const NotFinite&) {
        roll_back();
      }
    }
  }

 private:
  void start_or_resume();
  bool ends() const;
  void step();
  void finish_step(const StepOutcome& outcome);
  void roll_back();
  void recover(const ReplicasDiffer& difference);
  void reload(bool before_bad_steps);
  void save_last();
  ExitCode end();

  std::int64_t steps_done() const { return job_.position().step; }
  /// What went wrong, in words. Throws Error (76) when there were too many rollbacks already.
  std::string divergence() const;

  Context context_;
  comm::World& world_;
  Log& log_;
  const ReliabilityOptions& reliability_;
  Job& job_;
  Checkpointer checkpointer_;
  StopControl stop_control_;
  StragglerWatch stragglers_;
  MovedWeights moved_;
  std::vector<int> last_moved_;  ///< by the last weight step
  bool is_stopped_ = false;
  std::int64_t differed_at_ = -1;  ///< last step at which replicas were found to differ
};

void Driver::start_or_resume() {
  const Limits& limits = context_.limits;
  bool is_resumed = false;
  if (limits.resume == ResumeMode::path) {
    is_resumed = checkpointer_.load({limits.resume_path, limits.force_resume, false});
  } else if (limits.resume == ResumeMode::automatic) {
    is_resumed = checkpointer_.load({std::nullopt, limits.force_resume, false});
  }
  if (is_resumed && world_.is_root()) {
    report_resume(log_, steps_done(), checkpointer_.loaded(), checkpointer_.identity());
  }
  if (world_.is_root()) {
    // Not before: a refused resume leaves the files of the run as they are.
    context_.directory.write_text("config.toml", context_.identity.config.toml);
    const int retired = context_.directory.retire_after(is_resumed ? steps_done() : -1);
    if (retired > 0) log_.info(concat(retired, " later files were renamed *.stale"));
  }
  job_.started(is_resumed);
  world_.barrier();
  if (!is_resumed || limits.resume == ResumeMode::path) checkpointer_.save();
}

bool Driver::ends() const {
  const std::int64_t limit = context_.limits.max_steps;
  return is_stopped_ || (limit > 0 && steps_done() >= limit) || job_.done();
}

void Driver::step() {
  context_.faults.strike(steps_done());
  const auto outcome = job_.advance(
      stop_control_.wishes(checkpointer_.seconds_since_save(), checkpointer_.save_cost_s()));
  finish_step(outcome);
}

void Driver::finish_step(const StepOutcome& outcome) {
  if (world_.is_root() && !outcome.slots.empty()) {
    if (const auto slow = stragglers_.note(outcome.slots); !slow.empty()) log_.warn(slow);
  }
  if (!outcome.moved.empty()) last_moved_ = outcome.moved;
  moved_.note(outcome.moved);
  if ((outcome.flags & kFlagStop) != 0) is_stopped_ = true;

  const std::int64_t every = context_.options.checkpoint.every_steps;
  const bool is_last = is_stopped_ || steps_done() == context_.limits.max_steps;
  const bool is_asked_for = outcome.flags != 0 || (every > 0 && steps_done() % every == 0);
  // After a bad step only an end is worth a checkpoint: a rollback wants one from before.
  const bool is_due = outcome.ends_stretch || is_last || (is_asked_for && !outcome.is_bad);
  const bool saves = is_due && steps_done() != checkpointer_.last_step();
  if (context_.faults.is_armed()) {
    context_.faults.flip({steps_done() - 1, outcome.ends_stretch, saves, is_last},
                         flip_targets(job_.state(), last_moved_));
  }

  if (steps_done() % reliability_.digest_every == 0) {
    moved_.compare(world_, job_.state(), steps_done());
  }
  if (job_.position().bad_steps >= reliability_.max_bad_steps) return roll_back();
  if (outcome.ends_stretch) job_.end_stretch();
  if (!saves) return;
  checkpointer_.save();
  job_.saved();
}

std::string Driver::divergence() const {
  const Position& position = job_.position();
  const std::string what = position.bad_steps > 0
                               ? concat("no finite loss or gradient for ", position.bad_steps,
                                        " steps in a row at step ", position.step)
                               : concat("weights that are not finite at step ", position.step);
  if (position.rollbacks < reliability_.max_rollbacks) return what;
  const char* section = job_.weight_section();
  throw Error(
      ExitCode::diverged,
      concat(what, ", after ", position.rollbacks, " reloads with the learning rate halved; lower ",
             section, ".lr or ", section, ".clip_norm, or raise reliability.max_rollbacks"));
}

/// Too many steps without a finite slot, or weights that are not finite: back to the last good
/// checkpoint with half the learning rate.
void Driver::roll_back() {
  const Position before = job_.position();
  const std::string what = divergence();
  reload(true);
  Position& position = job_.position();
  position.rollbacks = before.rollbacks + 1;
  position.lr_factor = before.lr_factor / 2.0;
  position.bad_steps = 0;
  const std::string text = concat(what, ": went back to step ", position.step,
                                  " with the learning rate times ", position.lr_factor);
  log_.warn(text);
  if (world_.is_root()) job_.rows().add_event(position.step, "rollback", text);
}

/// Reloads and replays, which is exact. Twice before passing the same step is the end.
void Driver::recover(const ReplicasDiffer& difference) {
  const std::int64_t step = steps_done();
  std::string what = difference.what();
  try {
    compare_all(world_, job_.state(), step);  // a step's own comparison cannot name the array
  } catch (const ReplicasDiffer& named) {
    what = named.what();
  }
  if (differed_at_ >= 0 && step <= differed_at_) {
    throw Error(ExitCode::replicas_differ,
                concat(what, ", again after a reload (first at step ", differed_at_,
                       "); check the memory of that rank's node"));
  }
  differed_at_ = step;
  reload(false);
  log_.warn(concat(what, "; reloaded step ", steps_done(), " and replaying, nothing is lost"));
}

void Driver::reload(bool before_bad_steps) {
  if (!checkpointer_.load({std::nullopt, true, before_bad_steps})) {
    throw Error(ExitCode::io_error, "there is no checkpoint to go back to: none could be written");
  }
  if (world_.is_root()) context_.directory.retire_after(steps_done());
  job_.reloaded();
}

void Driver::save_last() {
  if (checkpointer_.last_step() == steps_done() || checkpointer_.save()) return;
  throw ConfigError(concat("the last checkpoint could not be written; the run resumes from step ",
                           checkpointer_.last_step()),
                    ExitCode::io_error);
}

ExitCode Driver::end() {
  const bool is_finished = job_.done();
  const std::string reason = is_finished   ? "finished"
                             : is_stopped_ ? stop_control_.reason()
                                           : "max_steps";
  job_.ended(reason, checkpointer_.wall_seconds());
  // In a pipeline the next stage must not begin after a stop.
  const bool more_to_do = !is_finished || !context_.limits.pipeline.empty();
  return is_stopped_ && more_to_do ? ExitCode::checkpointed : ExitCode::success;
}

}  // namespace

ExitCode drive(const Context& context, Job& job) {
  try {
    return Driver(context, job).run();
  } catch (const Error& error) {
    job.failed(error);
    throw;
  }
}

}  // namespace enas::run
