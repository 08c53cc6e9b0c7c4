// SPDX-License-Identifier: Apache-2.0
#include "nn/plane/plan.hpp"

#include <utility>

#include "core/error.hpp"

namespace enas::nn {
namespace {

/// A sum of one: stores an image as it is seen, since a norm is of stored pixels.
const ImageStep kCopy{ImageStep::Kind::sum, {}, {}, 0.0};

std::vector<int> count_readers(const ImageProgram& program) {
  std::vector<int> readers(program.steps.size() + 1, 0);
  for (const ImageStep& step : program.steps) {
    for (const int image : step.images) ++readers[static_cast<std::size_t>(image)];
  }
  ++readers[static_cast<std::size_t>(program.output)];
  return readers;
}

}  // namespace

PlanePlan::PlanePlan(const ImageProgram& program) : norms{nullptr} {
  const std::vector<int> readers = count_readers(program);
  std::vector<PlaneOperand> seen = {PlaneOperand{}};  // of each image of the program
  for (const ImageStep& step : program.steps) {
    const auto source = static_cast<std::size_t>(step.images.front());
    PlaneOperand image = seen[source];
    if (step.kind == ImageStep::Kind::relu) {
      image.relu = true;
    } else if (step.kind == ImageStep::Kind::norm) {
      const auto value = static_cast<std::size_t>(image.value);
      const bool is_stored = value > 0 && !image.relu && norms[value] == nullptr;
      if (!is_stored || readers[source] > 1) image = add(kCopy, {image});
      norms[static_cast<std::size_t>(image.value)] = &step;
    } else {
      std::vector<PlaneOperand> operands;
      for (const int read : step.images) operands.push_back(seen[static_cast<std::size_t>(read)]);
      image = add(step, std::move(operands));
    }
    seen.push_back(image);
  }
  output = seen[static_cast<std::size_t>(program.output)];
  order_deposits();
}

PlaneOperand PlanePlan::add(const ImageStep& step, std::vector<PlaneOperand> operands) {
  operations.push_back({&step, std::move(operands)});
  norms.push_back(nullptr);
  return {static_cast<int>(operations.size())};
}

void PlanePlan::order_deposits() {
  last_reader.assign(norms.size(), operations.size());
  std::vector<PlaneOperand*> first_of(norms.size(), nullptr);
  const auto visit = [&](PlaneOperand& operand) {
    auto& first = first_of[static_cast<std::size_t>(operand.value)];
    operand.accumulates = first != nullptr;
    first = &operand;
  };
  visit(output);
  for (std::size_t i = operations.size(); i-- > 0;) {
    for (PlaneOperand& operand : operations[i].operands) {
      const auto value = static_cast<std::size_t>(operand.value);
      if (first_of[value] == nullptr) last_reader[value] = i;
      visit(operand);
    }
  }
  for (std::size_t value = 1; value < norms.size(); ++value) {
    expect(first_of[value] != nullptr, "the result of every step is read");
    first_of[value]->completes = true;
  }
}

}  // namespace enas::nn
