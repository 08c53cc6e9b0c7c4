// SPDX-License-Identifier: Apache-2.0
#include "run/state_file.hpp"

#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/match.hpp"
#include "core/text.hpp"
#include "run/array_copies.hpp"

namespace enas::run {

namespace {

constexpr const char* kSlots = "/slots";

template <typename Value>
using Pointee = std::remove_pointer_t<Value>;

NamedArray slot_array(const SlotStates& slots, std::vector<float>& values) {
  std::vector<std::int64_t> shape = {slots.num_slots};
  shape.insert(shape.end(), slots.shape.begin(), slots.shape.end());
  return {"state", std::move(shape), std::span(values)};
}

std::size_t num_slot_values(const SlotStates& slots) {
  auto size = static_cast<std::size_t>(slots.num_slots);
  for (const auto extent : slots.shape) size *= static_cast<std::size_t>(extent);
  return size;
}

void write_sequence(io::ImageWriter& image, const Sequence& sequence) {
  std::visit(
      [&](const auto* values) {
        using T = typename Pointee<decltype(values)>::value_type;
        if (sequence.shape == nullptr) return image.dataset<T>(sequence.path, *values);
        image.dataset<T>(sequence.path, std::span<const T>(*values), *sequence.shape);
      },
      sequence.values);
}

void read_number(const io::ImageReader& image, const Number& number) {
  if (auto* const* integer = std::get_if<std::int64_t*>(&number.value)) {
    **integer = image.int_attribute(number.group, number.name);
  } else {
    *std::get<double*>(number.value) = image.double_attribute(number.group, number.name);
  }
}

void read_sequence(const CheckpointReader& reader, const Sequence& sequence) {
  const io::ImageReader& image = reader.image();
  if (sequence.shape != nullptr) {
    auto shape = image.shape(sequence.path);
    if (shape.size() != sequence.shape->size()) {
      throw InputError(concat(reader.file(), ": ", sequence.path, " has ", shape.size(),
                              " dimensions; it must have ", sequence.shape->size()));
    }
    *sequence.shape = std::move(shape);
  }
  std::visit(
      [&](auto* values) {
        *values = image.read<typename Pointee<decltype(values)>::value_type>(sequence.path);
      },
      sequence.values);
}

/// What puts numbers and sequences back to what they are now.
std::vector<std::function<void()>> undo_of(const State& state) {
  std::vector<std::function<void()>> undo;
  const auto remember = [&](auto* value) {
    undo.push_back([value, old = *value] { *value = old; });
  };
  for (const Field& field : state.fields) {
    std::visit(Match{[&](const Number& number) { std::visit(remember, number.value); },
                     [&](const Sequence& sequence) {
                       std::visit(remember, sequence.values);
                       if (sequence.shape != nullptr) remember(sequence.shape);
                     },
                     [](const auto&) {}},
               field);
  }
  return undo;
}

void read_small_fields(const CheckpointReader& reader, const State& state) {
  const io::ImageReader& image = reader.image();
  for (const Field& field : state.fields) {
    std::visit(Match{[&](const Number& number) { read_number(image, number); },
                     [&](const Sequence& sequence) { read_sequence(reader, sequence); },
                     [](const auto&) {}},
               field);
  }
  if (!state.check) return;
  try {
    state.check();
  } catch (const InputError& error) {
    throw InputError(concat(reader.file(), ": ", error.what()));
  }
}

void check_group(const CheckpointReader& reader, const ArrayGroup& group) {
  reader.check_arrays(group.path, group.arrays);
  if (!group.has_digest) return;
  const ArrayCopies copies(group.arrays);
  reader.read_arrays(group.path, copies.arrays());
  const std::string stored = reader.image().string_attribute(group.path, "digest");
  if (digest_of(copies.arrays()).hex() == stored) return;
  throw InputError(
      concat(reader.file(), ": the values of ", group.path, " do not have its digest ", stored));
}

void check_subject(const CheckpointReader& reader, const Subject& subject) {
  if (reader.image().string_attribute("/", subject.name) == subject.value) return;
  throw ConfigError(concat(reader.file(), " ", subject.refusal));
}

/// Checks all arrays, then reads them.
std::vector<float> read_arrays(const CheckpointReader& reader, const State& state) {
  std::vector<float> slot_states;
  for (const Field& field : state.fields) {
    std::visit(Match{[&](const ArrayGroup& group) { check_group(reader, group); },
                     [&](const SlotStates& slots) {
                       slot_states.resize(num_slot_values(slots));
                       reader.check_arrays(kSlots, {slot_array(slots, slot_states)});
                       reader.read_arrays(kSlots, {slot_array(slots, slot_states)});
                     },
                     [](const auto&) {}},
               field);
  }
  for (const Field& field : state.fields) {
    const auto* group = std::get_if<ArrayGroup>(&field);
    if (group != nullptr) reader.read_arrays(group->path, group->arrays);
  }
  return slot_states;
}

}  // namespace

void write_state(io::ImageWriter& image, const State& state,
                 const std::vector<float>& slot_states) {
  std::set<std::string> groups;
  const auto begin_group = [&](const std::string& path) {
    if (groups.insert(path).second) image.group(path);
  };
  for (const Field& field : state.fields) {
    std::visit(
        Match{[&](const ArrayGroup& group) {
                begin_group(group.path);
                for (const auto& array : group.arrays) write_array(image, group.path, array);
                if (!group.has_digest) return;
                image.attribute(group.path, "digest", digest_of(group.arrays).hex());
              },
              [&](const Sequence& sequence) {
                begin_group(sequence.path.substr(0, sequence.path.rfind('/')));
                write_sequence(image, sequence);
              },
              [&](const Number& number) {
                begin_group(number.group);
                std::visit(
                    [&](const auto* value) { image.attribute(number.group, number.name, *value); },
                    number.value);
              },
              [&](const SlotStates& slots) {
                begin_group(kSlots);
                std::vector<float> values = slot_states;
                write_array(image, kSlots, slot_array(slots, values));
              },
              [&](const Subject& subject) { image.attribute("/", subject.name, subject.value); }},
        field);
  }
}

std::vector<float> read_state(const CheckpointReader& reader, const std::function<State()>& state) {
  const State before = state();
  for (const Field& field : before.fields) {
    if (const auto* subject = std::get_if<Subject>(&field)) check_subject(reader, *subject);
  }
  const auto undo = undo_of(before);
  try {
    read_small_fields(reader, before);
    return read_arrays(reader, state());
  } catch (...) {
    for (const auto& put_back : undo) put_back();
    throw;
  }
}

}  // namespace enas::run
