// SPDX-License-Identifier: Apache-2.0
#include "search/evaluator/shared.hpp"

#include <utility>

#include "core/text.hpp"
#include "supernet/make.hpp"
#include "supernet/on_device.hpp"
#include "task/scorer.hpp"

namespace enas::search {

namespace {

/// Refers to both.
class SharedChild final : public task::Scorer {
 public:
  SharedChild(const supernet::Supernet& supernet, const space::Architecture& child)
      : supernet_(supernet), child_(child) {}
  at::Tensor initial_state(std::int64_t batch_size) const override {
    return supernet_.initial_state(batch_size);
  }
  nn::Score score(const nn::Batch& batch, at::Tensor& state) const override {
    return supernet_.score(child_, batch, state);
  }

 private:
  const supernet::Supernet& supernet_;
  const space::Architecture& child_;
};

}  // namespace

SharedEvaluator::SharedEvaluator(const Settings& settings, const comm::Block& own_slots)
    : space_(settings.space),
      options_(settings.supernet),
      seed_(settings.run.seed),
      task_(task::make_task(task_options(settings), {own_slots.begin, own_slots.end})) {}

void SharedEvaluator::make_weights(const train::ComputeDevice& device) {
  supernet_ = supernet::make_supernet(space_, options_, task_->data_shape(), seed_);
  if (!device.is_cuda()) return;
  const at::Device gpu(at::kCUDA, static_cast<at::DeviceIndex>(device.number()));
  supernet_ = std::make_unique<supernet::OnDevice>(std::move(supernet_), gpu, device.autocasts());
}

nn::Score SharedEvaluator::reward_score(const space::Architecture& child, int rollout,
                                        std::int64_t step) const {
  return task_->reward_score(SharedChild(*supernet_, child), rollout, step);
}

nn::Score SharedEvaluator::validation_score(const space::Architecture& child) const {
  return task_->validation_score(SharedChild(*supernet_, child));
}

nn::Score SharedEvaluator::whole_validation_score(const space::Architecture& child) const {
  return task_->whole_validation_score(SharedChild(*supernet_, child));
}

std::string SharedEvaluator::validation_text() const {
  return concat("validation, shared weights, ", task_->validation_text());
}

std::string SharedEvaluator::whole_validation_text() const {
  return concat("validation, shared weights, ", task_->whole_validation_text());
}

}  // namespace enas::search
