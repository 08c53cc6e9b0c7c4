// SPDX-License-Identifier: Apache-2.0
// The sections validation, checkpoint, reliability and comm.
#include "app/config/schema.hpp"

namespace enas::app {
namespace {

using run::CheckpointOptions;
using run::ReliabilityOptions;
using search::ValidationOptions;

std::vector<Key> validation_keys() {
  return {
      {"validation.children", at<&Settings::validation, &ValidationOptions::children>,
       between(1, 1e5), "children", "Sampled children that are scored."},
      only(kTrained,
           {"validation.batch_size", at<&Settings::validation, &ValidationOptions::batch_size>,
            between(1, 1e6), "examples",
            "Columns that the validation text is cut into, or images of a batch."}),
      only(kTrained,
           {"validation.batches", at<&Settings::validation, &ValidationOptions::batches>,
            at_least(0), "batches",
            "Segments of weights.segment_length with the state carried, or batches of images, that "
            "are scored from the start of the split; 0 for all."}),
  };
}

std::vector<Key> checkpoint_keys() {
  using Options = run::CheckpointOptions;
  return {
      {"checkpoint.every_steps",
       at<&Settings::run, &run::Options::checkpoint, &Options::every_steps>, between(1, 1e15),
       "steps", "Steps between checkpoints; round ends and stops write one too.", Role::adjustable},
      {"checkpoint.every_minutes",
       at<&Settings::run, &run::Options::checkpoint, &Options::every_minutes>, between(0, 1e6),
       "min", "Time between checkpoints; 0 for never.", Role::adjustable},
      {"checkpoint.keep", at<&Settings::run, &run::Options::checkpoint, &Options::keep>,
       between(2, 1e6), "checkpoints", "Newest checkpoints that are kept.", Role::adjustable},
      {"checkpoint.max_failures",
       at<&Settings::run, &run::Options::checkpoint, &Options::max_failures>, between(1, 1e6),
       "writes", "Failed writes in a row before the run ends with exit code 74.", Role::adjustable},
      {"checkpoint.verify_after_write",
       at<&Settings::run, &run::Options::checkpoint, &Options::verify_after_write>,
       {},
       "",
       "Read each checkpoint back and compare its digest.",
       Role::adjustable},
  };
}

std::vector<Key> reliability_keys() {
  using Options = run::ReliabilityOptions;
  return {
      {"reliability.digest_every",
       at<&Settings::run, &run::Options::reliability, &Options::digest_every>, between(1, 1e15),
       "steps", "Steps between comparisons of the ranks' replicas.", Role::adjustable},
      only(kTrained,
           {"reliability.max_bad_steps",
            at<&Settings::run, &run::Options::reliability, &Options::max_bad_steps>,
            between(1, 1e6), "steps",
            "Steps in a row without a finite slot before the last checkpoint is loaded again.",
            Role::adjustable}),
      only(kTrained,
           {"reliability.max_rollbacks",
            at<&Settings::run, &run::Options::reliability, &Options::max_rollbacks>,
            between(0, 1e3), "reloads",
            "Reloads, each with the learning rate halved, before exit code 76.", Role::adjustable}),
      {"reliability.straggler_factor",
       at<&Settings::run, &run::Options::reliability, &Options::straggler_factor>, between(0, 1e6),
       "",
       "A rank that takes this many times the median rank's seconds a slot is named in a warning; "
       "0 for no warning.",
       Role::adjustable},
      {"reliability.straggler_interval_s",
       at<&Settings::run, &run::Options::reliability, &Options::straggler_interval_s>,
       between(0, 1e6), "s", "Time over which ranks are compared, and between such warnings.",
       Role::adjustable},
      {"comm.timeout_s",
       at<&Settings::run, &run::Options::reliability, &Options::comm_timeout_s>,
       {.low = 0.0, .high = 1e6, .without_low = true},
       "s",
       "Time without progress after which a rank gives up with exit code 79.",
       Role::adjustable},
  };
}

}  // namespace

std::vector<Key> upkeep_keys() {
  return joined({validation_keys(), checkpoint_keys(), reliability_keys()});
}

}  // namespace enas::app
