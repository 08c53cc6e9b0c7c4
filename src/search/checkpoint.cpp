// SPDX-License-Identifier: Apache-2.0
#include "search/checkpoint.hpp"

#include <cmath>
#include <cstring>
#include <map>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "io/durable_file.hpp"
#include "search/search.hpp"

namespace enas::search {

namespace {

constexpr const char* kFormat = "enas_hpc checkpoint";
constexpr int kMaxThreads = 1024;

void write_array(io::ImageWriter& image, const std::string& group, const NamedArray& array) {
  std::visit(
      [&](auto view) {
        using T = typename decltype(view)::value_type;
        image.dataset<T>(group + "/" + array.name, std::span<const T>(view), array.shape);
      },
      array.values);
}

void read_array(const io::ImageReader& image, const std::string& group, const NamedArray& array) {
  std::visit(
      [&](auto view) {
        using T = typename decltype(view)::value_type;
        image.read_into<T>(group + "/" + array.name, view, array.shape);
      },
      array.values);
}

/// Throws unless the stored array can be read into `array` and is finite. Reads a copy.
void check_array(const io::ImageReader& image, const std::string& file, const std::string& group,
                 const NamedArray& array) {
  std::visit(
      [&](auto view) {
        using T = typename decltype(view)::value_type;
        std::vector<T> copy(view.size());
        image.read_into<T>(group + "/" + array.name, std::span<T>(copy), array.shape);
        if (!all_finite({array.name, array.shape, std::span<T>(copy)})) {
          throw InputError(
              concat(file, ": ", group, "/", array.name, " holds values that are not finite"));
        }
      },
      array.values);
}

void write_header(io::ImageWriter& image, const RunIdentity& identity, std::int64_t step) {
  image.attribute("/", "format", kFormat);
  image.attribute("/", "format_version", kCheckpointFormatVersion);
  image.attribute("/", "program_version", kVersion);
  image.attribute("/", "git_revision", kGitRevision);
  image.attribute("/", "compiler", kCompiler);
  image.attribute("/", "libraries", join(library_versions(), "; "));
  image.attribute("/", "written", utc_now());
  image.attribute("/", "step", step);
  image.attribute("/", "threads", std::int64_t{identity.threads});
  image.attribute("/", "instruction_set", identity.instruction_set);
  image.attribute("/", "ranks", std::int64_t{identity.ranks});
  image.attribute("/", "wall_seconds", identity.wall_seconds);
  image.attribute("/", "data_digest", identity.data.hex());
  image.attribute("/", "configuration", identity.config.toml);
  image.attribute("/", "configuration_digest", io::digest_text(identity.config.toml).hex());
  image.strings("/jobs", identity.jobs);
  std::vector<std::string> keys;
  std::vector<std::string> values;
  std::vector<std::int32_t> is_identity;
  for (const auto& entry : identity.config.entries) {
    keys.push_back(entry.key);
    values.push_back(entry.value);
    is_identity.push_back(entry.identity ? 1 : 0);
  }
  image.group("/config");
  image.strings("/config/keys", keys);
  image.strings("/config/values", values);
  image.dataset("/config/identity", is_identity);
}

RunIdentity read_header(const io::ImageReader& image, const std::string& file) {
  if (!image.has_attribute("/", "format") || image.string_attribute("/", "format") != kFormat) {
    throw InputError(file + " is an HDF5 file but not a checkpoint of this program");
  }
  const auto version = image.int_attribute("/", "format_version");
  if (version != kCheckpointFormatVersion) {
    throw InputError(concat(file, " has format version ", version, "; this program reads version ",
                            kCheckpointFormatVersion));
  }
  if (!image.has_attribute("/", "complete")) throw InputError(file + " is not complete");
  RunIdentity identity;
  identity.program = image.string_attribute("/", "program_version") + " " +
                     image.string_attribute("/", "git_revision");
  identity.threads = static_cast<int>(image.int_attribute("/", "threads"));
  if (identity.threads < 1 || identity.threads > kMaxThreads) {
    throw InputError(concat(file, " was written with ", identity.threads,
                            " threads; expected 1 to ", kMaxThreads));
  }
  identity.instruction_set = image.string_attribute("/", "instruction_set");
  identity.ranks = static_cast<int>(image.int_attribute("/", "ranks"));
  identity.wall_seconds = image.double_attribute("/", "wall_seconds");
  identity.config.toml = image.string_attribute("/", "configuration");
  identity.jobs = image.read_strings("/jobs");
  const auto digest = image.string_attribute("/", "data_digest");
  if (digest.size() != 32 || digest.find_first_not_of("0123456789abcdef") != std::string::npos) {
    throw InputError(file + " has a malformed data_digest");
  }
  identity.data = {std::stoull(digest.substr(0, 16), nullptr, 16),
                   std::stoull(digest.substr(16), nullptr, 16)};
  const auto keys = image.read_strings("/config/keys");
  const auto values = image.read_strings("/config/values");
  const auto is_identity = image.read<std::int32_t>("/config/identity");
  if (keys.size() != values.size() || keys.size() != is_identity.size()) {
    throw InputError(file + ": /config has columns of different lengths");
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    identity.config.entries.push_back({keys[i], values[i], is_identity[i] != 0});
  }
  return identity;
}

std::vector<std::string> differing_keys(const RunIdentity& stored, const RunIdentity& present,
                                        bool identity) {
  std::map<std::string, std::string> stored_values;
  for (const auto& entry : stored.config.entries) stored_values[entry.key] = entry.value;
  std::vector<std::string> differences;
  for (const auto& entry : present.config.entries) {
    const auto found = stored_values.find(entry.key);
    const std::string before = found == stored_values.end() ? "(absent)" : found->second;
    if (entry.identity != identity || before == entry.value) continue;
    differences.push_back(
        concat(entry.key, ": ", before, " in the checkpoint, ", entry.value, " now"));
  }
  return differences;
}

Progress read_progress(const io::ImageReader& image) {
  Progress progress;
  progress.step = image.int_attribute("/progress", "step");
  progress.round = image.int_attribute("/progress", "round");
  progress.phase = image.int_attribute("/progress", "phase");
  progress.index = image.int_attribute("/progress", "index");
  progress.bad_steps = image.int_attribute("/progress", "bad_steps");
  progress.rollbacks = image.int_attribute("/progress", "rollbacks");
  progress.lr_factor = image.double_attribute("/progress", "lr_factor");
  progress.mean_metric = image.double_attribute("/progress", "mean_metric");
  return progress;
}

PhaseChildren read_children(const io::ImageReader& image, const std::string& file) {
  PhaseChildren children;
  const auto shape = image.shape("/children/tokens");
  if (shape.size() != 3) throw InputError(file + ": /children/tokens is not [slot, step, token]");
  children.rows = shape[0];
  children.steps = shape[1];
  children.num_tokens = shape[2];
  children.tokens = image.read<std::int32_t>("/children/tokens");
  return children;
}

}  // namespace

io::Image checkpoint_image(const RunIdentity& identity, const CheckpointView& view) {
  std::size_t bytes = view.slot_state.size() * sizeof(float);
  for (const auto& array : view.weights) bytes += array.bytes().size();
  for (const auto& array : view.momentum) bytes += array.bytes().size();
  for (const auto& array : view.strategy) bytes += array.bytes().size();
  io::ImageWriter image(bytes);
  write_header(image, identity, view.progress.step);

  image.group("/weights");
  for (const auto& array : view.weights) write_array(image, "/weights", array);
  image.group("/momentum");
  for (const auto& array : view.momentum) write_array(image, "/momentum", array);
  image.group("/strategy");
  for (const auto& array : view.strategy) write_array(image, "/strategy", array);
  image.group("/slots");
  image.dataset<float>("/slots/state", view.slot_state, view.slot_state_shape);

  image.group("/progress");
  const Progress& progress = view.progress;
  image.attribute("/progress", "step", progress.step);
  image.attribute("/progress", "round", progress.round);
  image.attribute("/progress", "phase", progress.phase);
  image.attribute("/progress", "index", progress.index);
  image.attribute("/progress", "bad_steps", progress.bad_steps);
  image.attribute("/progress", "rollbacks", progress.rollbacks);
  image.attribute("/progress", "lr_factor", progress.lr_factor);
  image.attribute("/progress", "mean_metric", progress.mean_metric);

  image.group("/children");
  const PhaseChildren& children = view.children;
  const std::vector<std::int64_t> shape = {children.rows, children.steps, children.num_tokens};
  image.dataset<std::int32_t>("/children/tokens", children.tokens, shape);
  image.group("/best");
  image.dataset("/best/tokens", view.best.tokens);
  image.attribute("/best", "metric", view.best.metric);
  image.attribute("/best", "step", view.best.step);
  image.attribute("/", "complete", std::int64_t{1});
  return image.finish();
}

CheckpointReader::CheckpointReader(const std::filesystem::path& path)
    : file_(path.string()),
      image_(io::read_sealed(path), file_),
      identity_(read_header(image_, file_)) {}

void CheckpointReader::read(CheckpointView& view) const {
  for (const auto& array : view.weights) check_array(image_, file_, "/weights", array);
  for (const auto& array : view.momentum) check_array(image_, file_, "/momentum", array);
  for (const auto& array : view.strategy) check_array(image_, file_, "/strategy", array);
  std::vector<float> slot_state(view.slot_state.size());
  check_array(image_, file_, "/slots",
              {"state", view.slot_state_shape, std::span<float>(slot_state)});
  image_.read_into<float>("/slots/state", slot_state, view.slot_state_shape);
  Progress progress = read_progress(image_);
  PhaseChildren children = read_children(image_, file_);
  BestChild best;
  best.tokens = image_.read<std::int32_t>("/best/tokens");
  best.metric = image_.double_attribute("/best", "metric");
  best.step = image_.int_attribute("/best", "step");

  for (const auto& array : view.weights) read_array(image_, "/weights", array);
  for (const auto& array : view.momentum) read_array(image_, "/momentum", array);
  for (const auto& array : view.strategy) read_array(image_, "/strategy", array);
  view.slot_state = std::move(slot_state);
  view.progress = progress;
  view.children = std::move(children);
  view.best = std::move(best);
}

void CheckpointReader::read_strategy(const std::vector<NamedArray>& strategy) const {
  for (const auto& array : strategy) check_array(image_, file_, "/strategy", array);
  for (const auto& array : strategy) read_array(image_, "/strategy", array);
}

int stored_threads(const std::vector<CheckpointFile>& candidates) {
  for (const auto& candidate : candidates) {
    try {
      return CheckpointReader(candidate.path).identity().threads;
    } catch (const InputError&) {
      // Loading names what is wrong with it.
    }
  }
  return 0;
}

std::vector<std::string> identity_differences(const RunIdentity& stored,
                                              const RunIdentity& present) {
  auto differences = differing_keys(stored, present, true);
  if (stored.data != present.data) {
    differences.push_back(concat("the data: digest ", stored.data.hex(), " in the checkpoint, ",
                                 present.data.hex(), " now"));
  }
  return differences;
}

std::vector<std::string> adjustable_differences(const RunIdentity& stored,
                                                const RunIdentity& present) {
  return differing_keys(stored, present, false);
}

}  // namespace enas::search
