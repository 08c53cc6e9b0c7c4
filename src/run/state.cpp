// SPDX-License-Identifier: Apache-2.0
#include "run/state.hpp"

#include <algorithm>
#include <span>

#include "core/text.hpp"

namespace enas::run {

namespace {

std::string name_in(const std::string& group, const std::string& name) {
  return concat(group, "/", name).substr(1);
}

void append(const ArrayGroup& group, std::vector<NamedArray>& arrays) {
  for (NamedArray array : group.arrays) {
    array.name = name_in(group.path, array.name);
    arrays.push_back(std::move(array));
  }
}

void append(const Sequence& sequence, std::vector<NamedArray>& arrays) {
  const std::string name = sequence.path.substr(1);
  std::visit(
      [&](auto* values) {
        arrays.push_back({name, {static_cast<std::int64_t>(values->size())}, std::span(*values)});
      },
      sequence.values);
  if (sequence.shape == nullptr) return;
  arrays.push_back({concat(name, " (shape)"),
                    {static_cast<std::int64_t>(sequence.shape->size())},
                    std::span(*sequence.shape)});
}

void append(const Number& number, std::vector<NamedArray>& arrays) {
  std::visit(
      [&](auto* value) {
        arrays.push_back({name_in(number.group, number.name), {1}, std::span(value, 1)});
      },
      number.value);
}

void append(const SlotStates&, std::vector<NamedArray>&) {}
void append(const Subject&, std::vector<NamedArray>&) {}

}  // namespace

const ArrayGroup* State::group(std::string_view path) const {
  for (const Field& field : fields) {
    const auto* group = std::get_if<ArrayGroup>(&field);
    if (group != nullptr && group->path == path) return group;
  }
  return nullptr;
}

const SlotStates* State::slots() const {
  for (const Field& field : fields) {
    if (const auto* slots = std::get_if<SlotStates>(&field)) return slots;
  }
  return nullptr;
}

std::vector<NamedArray> State::replicated() const {
  std::vector<NamedArray> arrays;
  for (const Field& field : fields) {
    std::visit([&](const auto& each) { append(each, arrays); }, field);
  }
  return arrays;
}

bool State::is_finite() const {
  return std::all_of(fields.begin(), fields.end(), [](const Field& field) {
    const auto* group = std::get_if<ArrayGroup>(&field);
    return group == nullptr || std::all_of(group->arrays.begin(), group->arrays.end(), all_finite);
  });
}

}  // namespace enas::run
