// SPDX-License-Identifier: Apache-2.0
// As in scoring: paths are not dropped, nothing else is either.
#include "child/pytorch_forward.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::child {
namespace {

using Kind = PlanStep::Kind;

/// "layer/3" of "layer/3/merge", "stem" of "stem/conv".
std::string block_of(const std::string& weight) {
  const std::size_t first = weight.find('/');
  if (first == std::string::npos) return weight;
  const std::size_t second = weight.find('/', first + 1);
  return weight.substr(0, second == std::string::npos ? first : second);
}

std::string quoted(std::string_view text) { return concat('"', text, '"'); }

class ForwardText {
 public:
  explicit ForwardText(const ImagePlan& plan)
      : plan_(plan), steps_(plan.steps().begin(), plan.steps().begin() + num_steps()) {
    find_readers();
    variables_.resize(steps_.size() + 1);
    variables_[0] = "images";
  }

  std::string write() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].kind == Kind::drop_path || is_inline_[i + 1]) continue;
      write_step(i);
    }
    return text_;
  }

 private:
  std::ptrdiff_t num_steps() const { return static_cast<std::ptrdiff_t>(plan_.num_main_steps()); }

  /// The image that stands for this one: without dropped paths and written-out ReLUs.
  std::size_t source(std::size_t image) const {
    while (image > 0 && (steps_[image - 1].kind == Kind::drop_path || is_inline_[image])) {
      image = static_cast<std::size_t>(steps_[image - 1].images[0]);
    }
    return image;
  }

  /// A ReLU that one convolution alone reads is written inside its call.
  void find_readers() {
    std::vector<int> readers(steps_.size() + 1, 0);
    std::vector<bool> is_convolved(steps_.size() + 1, false);
    for (const PlanStep& step : steps_) {
      for (const int image : step.images) {
        const auto place = static_cast<std::size_t>(image);
        ++readers[place];
        is_convolved[place] = step.kind == Kind::convolution || step.kind == Kind::reduction;
      }
    }
    is_inline_.assign(steps_.size() + 1, false);
    for (std::size_t image = 1; image < is_inline_.size(); ++image) {
      is_inline_[image] =
          steps_[image - 1].kind == Kind::relu && readers[image] == 1 && is_convolved[image];
    }
    last_reader_.assign(steps_.size() + 1, 0);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].kind == Kind::drop_path || is_inline_[i + 1]) continue;
      for (const int image : steps_[i].images) {
        last_reader_[source(static_cast<std::size_t>(image))] = i;
      }
    }
  }

  std::string read(const PlanStep& step, std::size_t i = 0) const {
    const auto image = static_cast<std::size_t>(step.images[i]);
    const std::string& variable = variables_[source(image)];
    return is_inline_[image] ? concat("relu(", variable, ")") : variable;
  }

  const std::string& weight(const PlanStep& step) const {
    return plan_.weights()[static_cast<std::size_t>(step.weights[0])].name;
  }

  std::string expression(const PlanStep& step) const {
    const std::string stride = step.stride == 1 ? "" : concat(", stride=", step.stride);
    switch (step.kind) {
      case Kind::convolution:
        return concat("self.conv(", read(step), ", ", quoted(weight(step)), stride, ")");
      case Kind::norm:
        return concat("self.norm(", read(step), ", ", quoted(weight(step)), ")");
      case Kind::reduction: {
        const std::string& even = weight(step);
        return concat("self.reduction(", read(step), ", ",
                      quoted(std::string_view(even).substr(0, even.rfind('/'))), ")");
      }
      case Kind::relu:
        return concat("relu(", read(step), ")");
      case Kind::avg_pool:
        return concat("avg_pool(", read(step), stride, ")");
      case Kind::max_pool:
        return concat("max_pool(", read(step), stride, ")");
      case Kind::sum:
        return concat(read(step, 0), " + ", read(step, 1));
      case Kind::concatenate: {
        std::vector<std::string> parts;
        for (std::size_t i = 0; i < step.images.size(); ++i) parts.push_back(read(step, i));
        return concat("torch.cat((", join(parts, ", "), "), 1)");
      }
      case Kind::classify:
        return concat("linear(", read(step), ".mean((2, 3)), self.tensor(", quoted(weight(step)),
                      "))");
      case Kind::drop_path:
      case Kind::shrink:
        break;
    }
    expect(false, "a step of the main network has a line of Python");
    return {};
  }

  /// The variable that the step read first if nothing reads it any more, else another such, else a
  /// new one.
  std::string free_variable(const PlanStep& step) {
    const std::string& first = variables_[source(static_cast<std::size_t>(step.images[0]))];
    if (free_.erase(first) == 1) return first;
    if (free_.empty()) return concat("x", ++num_variables_);
    return free_.extract(free_.begin()).value();
  }

  void write_step(std::size_t i) {
    const PlanStep& step = steps_[i];
    if (!step.weights.empty() && block_of(weight(step)) != block_) {
      block_ = block_of(weight(step));
      text_ += concat("        # ", block_, "\n");
    }
    const std::string value = expression(step);
    for (const int image : step.images) {
      const std::size_t read_image = source(static_cast<std::size_t>(image));
      if (read_image > 0 && last_reader_[read_image] == i) free_.insert(variables_[read_image]);
    }
    if (step.kind == Kind::classify) {
      text_ += concat("        return ", value, "\n");
      return;
    }
    variables_[i + 1] = free_variable(step);
    text_ += concat("        ", variables_[i + 1], " = ", value, "\n");
  }

  const ImagePlan& plan_;
  std::vector<PlanStep> steps_;           // of the main network
  std::vector<bool> is_inline_;           // for each image, as the next two
  std::vector<std::size_t> last_reader_;  // a step
  std::vector<std::string> variables_;
  std::set<std::string> free_;
  int num_variables_ = 0;
  std::string block_;
  std::string text_;
};

}  // namespace

std::string pytorch_forward(const ImagePlan& plan) { return ForwardText(plan).write(); }

}  // namespace enas::child
